"""Slurm's own commands, whose own words an error passes on."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_SECONDS = 60.0


class SlurmError(Exception):
    """A command of Slurm refused or failed; the message is one line and quotes it."""


@dataclass(frozen=True)
class Seen:
    """What Slurm knows of one job now or, where ``state`` says so, of its end."""

    state: str
    node: str = ""
    reason: str = ""
    name: str = ""


def sbatch(script: Path, options: Sequence[str] = ()) -> str:
    """Submits a script; returns the job's number.

    Raises:
        SlurmError: it was refused.
    """
    return _call("sbatch", "--parsable", *options, str(script)).strip().partition(";")[0]


def squeue() -> dict[str, Seen]:
    """This user's jobs that wait, run or come to an end, by number and, for members of an array, number_index."""
    form = "%i|%T|%N|%r|%j"
    found = {}
    for line in _call("squeue", "-h", "-r", "-u", getpass.getuser(), "-o", form).splitlines():
        job, state, node, reason, name = line.split("|", 4)
        found[job] = Seen(state, node, "" if reason == "None" else reason, name)
    return found


def sacct(jobs: Sequence[str]) -> dict[str, Seen] | None:
    """What accounting says of jobs, by the same names; None on a cluster without accounting."""
    if not jobs:
        return {}
    numbers = ",".join(sorted({job.partition("_")[0] for job in jobs}))
    try:
        text = _call("sacct", "-n", "-P", "-X", "-S", "1970-01-01", "-j", numbers, "-o", "JobID,State,NodeList,JobName")
    except SlurmError:
        return None
    found = {}
    for line in text.splitlines():
        job, state, node, name = line.split("|", 3)
        for each in _members(job):
            found[each] = Seen(state.partition(" ")[0], "" if node == "None assigned" else node, "", name)
    return found


def scancel(jobs: Sequence[str]) -> None:
    """Takes jobs out of the queue and ends those that run."""
    for start in range(0, len(jobs), 500):  # a command line has an end
        _call("scancel", *jobs[start : start + 500])


def max_array_size() -> int:
    """An array's indices are below this."""
    for line in _call("scontrol", "show", "config").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "MaxArraySize":
            return int(value)
    return 1001


def _members(job: str) -> list[str]:
    """`7_[1-3,5%2]`, what has not started of an array, as its members."""
    number, bracket, inside = job.partition("_[")
    if not bracket:
        return [job]
    members = []
    for part in inside.rstrip("]").partition("%")[0].split(","):
        first, _, last = part.partition("-")
        members += [f"{number}_{index}" for index in range(int(first), int(last or first) + 1)]
    return members


def _call(command: str, *words: str) -> str:
    if shutil.which(command) is None:
        raise SlurmError(f"{command} is not on PATH: this machine cannot submit to Slurm")
    # Within a job these would describe that job, and be taken for options.
    inherited = ("SLURM_", "SBATCH_", "SRUN_")
    environment = {k: v for k, v in os.environ.items() if k == "SLURM_CONF" or not k.startswith(inherited)}
    try:
        done = subprocess.run(
            [command, *words], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f"{command}: no answer from Slurm within {TIMEOUT_SECONDS:.0f} s") from error
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise SlurmError("; ".join(said) or f"{command} ended with exit code {done.returncode}")
    return done.stdout

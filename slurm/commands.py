"""Slurm's own commands, whose own words an error passes on."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_SECONDS = 60.0
# What a shell may hold for Slurm's commands would be taken for options: it describes the job one is in, or hides jobs
# that wait from squeue. Only where the cluster is, and who one is there, is kept.
INHERITED = ("SLURM_", "SBATCH_", "SRUN_", "SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_")
KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT")


class SlurmError(Exception):
    """A command of Slurm refused or failed; the message is one line and quotes it."""


@dataclass(frozen=True)
class JobInfo:
    """What Slurm knows of one job now or, where ``state`` says so, of its end."""

    state: str
    node: str = ""
    reason: str = ""
    name: str = ""
    command: str = ""  # path of its batch script


def sbatch(script: Path, options: Sequence[str] = ()) -> str:
    """Submits a script; returns the job's number.

    Raises:
        SlurmError: it was refused.
    """
    answer = _call("sbatch", "--parsable", *options, str(script))
    number = re.search(r"^(\d+)(;.*)?$", answer, re.MULTILINE)
    if number is None:
        raise SlurmError(f"sbatch submitted nothing: {_shown(answer)}")
    return number[1]


def squeue() -> dict[str, JobInfo]:
    """This user's jobs that wait, run or come to an end, by number and, for members of an array, number_index."""
    form = "\x1f".join(("%i", "%T", "%N", "%r", "%j", "%o")) + "\x1e"  # a name may hold any other character
    found = {}
    for record in _call("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", form).split("\x1e"):
        if not record.strip():
            continue
        fields = record.lstrip("\n").split("\x1f")
        if len(fields) != 6:  # taken for an empty queue, it would have everything submitted again
            raise SlurmError(f"squeue gave no list of jobs: {_shown(record)}")
        job, state, node, reason, name, command = fields
        found[job] = JobInfo(state, node, "" if reason == "None" else reason, name, command)
    return found


def sacct(jobs: Sequence[str]) -> dict[str, JobInfo] | None:
    """What accounting says of jobs, by the same names; None on a cluster without accounting."""
    if not jobs:
        return {}
    numbers = ",".join(sorted({job.partition("_")[0] for job in jobs}))
    try:
        text = _call("sacct", "-n", "-P", "-X", "-S", "1970-01-01", "-j", numbers, "-o", "JobID,State,NodeList,JobName")
    except SlurmError:
        return None
    found = {}
    for job, state, node, name in (line.split("|", 3) for line in text.splitlines() if line.count("|") > 2):
        for each in _members(job):
            found[each] = JobInfo(state.partition(" ")[0], "" if node == "None assigned" else node, "", name)
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
        if first.isdigit():  # a long list may have been cut short: 1,3,...
            members += [f"{number}_{index}" for index in range(int(first), int(last or first) + 1)]
    return members


def _call(command: str, *words: str) -> str:
    if shutil.which(command) is None:
        raise SlurmError(f"{command} is not on PATH: this machine cannot submit to Slurm")
    environment = {k: v for k, v in os.environ.items() if k in KEPT or not k.startswith(INHERITED)}
    if command == "sacct":
        environment["SLURM_BITSTR_LEN"] = "0"  # lists of members in full
    try:
        done = subprocess.run(
            [command, *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f"{command}: no answer from Slurm within {TIMEOUT_SECONDS:.0f} s") from error
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise SlurmError("; ".join(said) or f"{command} ended with exit code {done.returncode}")
    return done.stdout


def _shown(answer: str) -> str:
    """An answer that cannot be read, in a few words."""
    return repr(" ".join(answer.split())[:100]) if answer.strip() else "it answered nothing"

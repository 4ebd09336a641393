"""Slurm's command-line programs, with their error messages passed on."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

TIMEOUT_SECONDS = 60.0
# Slurm's programs read these variables as options: they describe the job this process may be part of, or hide pending
# jobs from squeue. Only those that locate the cluster and authenticate the user are passed on.
OPTION_PREFIXES = ("SLURM_", "SBATCH_", "SRUN_", "SQUEUE_", "SACCT_", "SCANCEL_", "SCONTROL_")
KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT")
DEFAULT_MAX_ARRAY_SIZE = 1001
UNREACHABLE = re.compile("Could not establish a configuration source|Unable to contact slurm controller")
CANCEL_BATCH = 500  # job ids per call of scancel, to stay below the limit of a command line


class SlurmError(Exception):
    """A Slurm command failed or refused; the message is one line and quotes it."""


class SlurmUnreachableError(SlurmError):
    """Slurm is not installed or not configured on this machine, or its controller does not answer."""


@dataclass(frozen=True)
class JobInfo:
    """Slurm's record of one job.

    Attributes:
        state: Slurm's state, such as PENDING, RUNNING or CANCELLED.
        node: node list, empty before the job starts.
        reason: why the job is pending, if it is.
        name: job name.
        command: path of its batch script.
    """

    state: str
    node: str = ""
    reason: str = ""
    name: str = ""
    command: str = ""


def squeue() -> dict[str, JobInfo]:
    """This user's pending, running and completing jobs by job id (``<array id>_<index>`` for members of arrays).

    Raises:
        SlurmError: Slurm does not answer, or not with a list of jobs.
    """
    # Unit and record separators, since a job name may contain any printable character.
    output_format = "\x1f".join(("%i", "%T", "%N", "%r", "%j", "%o")) + "\x1e"
    jobs = {}
    *records, rest = _call("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", output_format).split("\x1e")
    if rest.strip():  # no list, or one cut short: read as the queue, it would have jobs submitted twice
        raise SlurmError(f"squeue gave no list of jobs: {_quoted(rest)}")
    for record in records:
        fields = record.lstrip("\n").split("\x1f")
        if len(fields) != 6:
            raise SlurmError(f"squeue gave no list of jobs: {_quoted(record)}")
        job_id, state, node, reason, name, command = fields
        jobs[job_id] = JobInfo(state, node, "" if reason == "None" else reason, name, command)
    return jobs


def sacct(job_ids: Sequence[str]) -> dict[str, JobInfo] | None:
    """Accounting records by job id; None on a cluster without accounting."""
    if not job_ids:
        return {}
    array_ids = ",".join(sorted({job_id.partition("_")[0] for job_id in job_ids}))
    try:
        output = _call(
            "sacct", "-n", "-P", "-X", "-S", "1970-01-01", "-j", array_ids, "-o", "JobID,State,NodeList,JobName"
        )
    except SlurmError:
        return None
    jobs: dict[str, JobInfo] = {}
    for line in output.splitlines():
        if line.count("|") < 3:
            continue
        job_id, state, node, name = line.split("|", 3)
        info = JobInfo(state.partition(" ")[0], "" if node == "None assigned" else node, name=name)
        jobs |= dict.fromkeys(_expand(job_id), info)
    return jobs


def scancel(job_ids: Sequence[str]) -> None:
    """Remove jobs from the queue and end those that run.

    Raises:
        SlurmError: Slurm refused.
    """
    for start in range(0, len(job_ids), CANCEL_BATCH):
        _call("scancel", *job_ids[start : start + CANCEL_BATCH])


def max_array_size() -> int:
    """Exclusive upper bound of array indices on this cluster.

    Raises:
        SlurmError: Slurm does not answer.
    """
    for line in _call("scontrol", "show", "config").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "MaxArraySize" and value.strip().isdigit():  # an answer may be cut short
            return int(value)
    return DEFAULT_MAX_ARRAY_SIZE


def _expand(job_id: str) -> list[str]:
    """Job ids of the members in sacct's ``7_[1-3,5%2]``, which stands for the pending part of an array."""
    array_id, bracket, ranges = job_id.partition("_[")
    if not bracket:
        return [job_id]
    members = []
    for part in ranges.rstrip("]").partition("%")[0].split(","):
        first, _, last = part.partition("-")
        if first.isdigit():  # a long list may end in "..."
            members += [f"{array_id}_{index}" for index in range(int(first), int(last or first) + 1)]
    return members


def _call(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        raise SlurmUnreachableError(f"this machine cannot reach Slurm: {program} is not on PATH")
    environment = {
        key: value for key, value in os.environ.items() if key in KEPT or not key.startswith(OPTION_PREFIXES)
    }
    if program == "sacct":
        environment["SLURM_BITSTR_LEN"] = "0"  # do not shorten lists of array indices
    try:
        result = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise SlurmUnreachableError(f"{program}: no answer from Slurm within {TIMEOUT_SECONDS:.0f} s") from error
    if result.returncode:
        messages = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        if messages and UNREACHABLE.search(messages[-1]):
            raise SlurmUnreachableError(f"this machine cannot reach Slurm: {messages[-1]}")
        raise SlurmError("; ".join(messages) or f"{program} ended with exit code {result.returncode}")
    return result.stdout


def _quoted(output: str) -> str:
    """The start of an unexpected output, on one line."""
    return repr(" ".join(output.split())[:100]) if output.strip() else "it answered nothing"

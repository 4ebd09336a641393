"""Calls a job and says in one line and in full what went wrong, if anything did."""

import traceback
from typing import NamedTuple

from slurm.graph import Job
from slurm.signals import Stopped


class Failure(NamedTuple):
    """An exception's first line, and its traceback."""

    line: str
    traceback: str


def run_job(job: Job) -> Failure | None:
    """Calls; None where all went well.

    Raises:
        Stopped: the job was asked to stop and has saved itself.
    """
    try:
        job.call(*job.args)
    except Stopped:
        raise
    except Exception as problem:
        line = next(iter(str(problem).splitlines()), "") or type(problem).__name__
        return Failure(line, traceback.format_exc())
    return None

"""Execution of one job, with its exception as a value."""

import traceback
from typing import NamedTuple

from slurm.graph import Job
from slurm.signals import Stopped


class Failure(NamedTuple):
    """First line of an exception's message (or its type's name), and the traceback."""

    line: str
    traceback: str


def run_job(job: Job) -> Failure | None:
    """Call a job's function.

    Returns:
        None on success.

    Raises:
        Stopped: the job was asked to stop and has saved its state.
    """
    try:
        job.call(*job.args)
    except Stopped:
        raise
    except Exception as error:
        lines = str(error).splitlines()
        return Failure(lines[0] if lines and lines[0] else type(error).__name__, traceback.format_exc())
    return None

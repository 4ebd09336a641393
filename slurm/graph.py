"""A graph of jobs. Every executor gives it the same meaning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One function call under a unique name.

    A job keeps its state on disk and its results are the files it writes, so that it can be started again at any time.

    Attributes:
        name: unique name.
        call: function to call; it must be picklable.
        args: its arguments.
        depends_on: names of the jobs that must have succeeded before this one starts.
        stage: jobs of one stage request the same resources and form job arrays on a cluster.
        afterany: the jobs in ``depends_on`` must only have ended, in success or failure.
    """

    name: str
    call: Callable[..., None]
    args: tuple[Any, ...] = ()
    depends_on: tuple[str, ...] = ()
    stage: str = "job"
    afterany: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        name: the job's name.
        error: one line, None on success.
        log: file with the job's output and traceback.
        cause: name of the failed job because of which this one was not started.
    """

    name: str
    error: str | None
    log: Path
    cause: str | None = None


def ordered(jobs: Sequence[Job]) -> list[Job]:
    """Sort jobs topologically, keeping the given order where dependencies allow.

    Raises:
        ValueError: two jobs have the same name, a dependency does not exist, or dependencies form a cycle.
    """
    names = {job.name for job in jobs}
    remaining = list(jobs)
    sorted_jobs: list[Job] = []
    sorted_names: set[str] = set()
    while ready := [job for job in remaining if sorted_names.issuperset(job.depends_on)]:
        sorted_jobs += ready
        sorted_names |= {job.name for job in ready}
        remaining = [job for job in remaining if job.name not in sorted_names]
    if remaining or len(names) < len(jobs):
        affected = {job.name for job in remaining} or names
        raise ValueError(f"duplicate names, or jobs that can never start: {sorted(affected)}")
    return sorted_jobs


def file_name(name: str) -> str:
    """A job's name with every character that is unsafe in a file name replaced by an underscore."""
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in name)

"""A graph of stages: many calls of a few kinds, each after those it needs. Every executor gives it the same meaning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One call of a function, under a unique name.

    ``depends_on`` names jobs that must have succeeded before it starts; with ``afterany``, jobs that must have ended,
    whether they succeeded or failed. Jobs of one ``stage`` ask for the same resources and form arrays on a cluster. A
    job finds its state on disk, so that starting it again is always safe; its results are the files it writes.
    """

    name: str
    call: Callable[..., None]
    args: tuple[Any, ...] = ()
    depends_on: tuple[str, ...] = ()
    stage: str = "job"
    afterany: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a job ended: ``error`` is one line, None where all went well; ``log`` holds the whole story.

    ``cause`` names the job by whose failure this one was not even started.
    """

    name: str
    error: str | None
    log: Path
    cause: str | None = None


def ordered(jobs: Sequence[Job]) -> list[Job]:
    """The jobs such that none stands before one it comes after, else as given.

    Raises:
        ValueError: a name that is used twice, or a job after one that is not there or, in a circle, after itself.
    """
    names = {job.name for job in jobs}
    waiting, sorted_jobs, ready = list(jobs), list[Job](), set[str]()
    while free := [job for job in waiting if ready.issuperset(job.depends_on)]:
        sorted_jobs += free
        ready |= {job.name for job in free}
        waiting = [job for job in waiting if job not in free]
    if waiting or len(names) < len(jobs):
        raise ValueError(
            f"jobs with one name, or that can never start: {sorted({job.name for job in waiting} or names)}"
        )
    return sorted_jobs


def file_name(name: str) -> str:
    """A job's name as that of a file."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)

"""Which jobs may start now, and what becomes of those that never may."""

from collections.abc import Sequence
from pathlib import Path

from slurm.graph import Job, Outcome, ordered


class ReadyQueue:
    """Jobs in the order given, each once those it comes after have ended as it needs."""

    def __init__(self, jobs: Sequence[Job], logs: Path):
        ordered(jobs)
        self.jobs, self.logs = list(jobs), logs
        self.outcomes: dict[str, Outcome] = {}

    def pop(self) -> Job | None:
        """The next job that is free to start, if there is one now."""
        job = next((job for job in self.jobs if self._free(job)), None)
        if job is not None:
            self.jobs.remove(job)
        return job

    def next_after(self, job: Job) -> Job | None:
        """The job that alone comes after ``job`` and after no other: the same process may go on with it."""
        following = [other for other in self.jobs if job.name in other.depends_on]
        alone = len(following) == 1 and following[0].depends_on == (job.name,) and not following[0].afterany
        if not alone:
            return None
        self.jobs.remove(following[0])
        return following[0]

    def end(self, outcome: Outcome) -> None:
        """Notes how a job ended; where it failed, those that come after it end with it."""
        self.outcomes[outcome.name] = outcome
        if outcome.error is not None:
            for job in [job for job in self.jobs if outcome.name in job.depends_on and not job.afterany]:
                self.jobs.remove(job)
                self.end(unstarted(job, outcome))

    def _free(self, job: Job) -> bool:
        ended = [self.outcomes.get(name) for name in job.depends_on]
        return all(one is not None and (job.afterany or one.error is None) for one in ended)


def unstarted(job: Job, parent: Outcome) -> Outcome:
    """The outcome of a job after one that failed."""
    return Outcome(job.name, f"not started, since {parent.name} failed", parent.log, parent.cause or parent.name)

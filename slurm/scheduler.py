"""The jobs that may start next, and the outcome of those that never can."""

from collections.abc import Sequence

from slurm.graph import Job, Outcome, ordered


class ReadyQueue:
    """Jobs in the given order; each becomes available once its dependencies have ended.

    Attributes:
        jobs: jobs that have not been taken.
        outcomes: outcomes of ended jobs by name.

    Raises:
        ValueError: as `slurm.graph.ordered`.
    """

    def __init__(self, jobs: Sequence[Job]):
        ordered(jobs)
        self.jobs = list(jobs)
        self.outcomes: dict[str, Outcome] = {}

    def pop(self) -> Job | None:
        """Take the next ready job; None if there is none now."""
        job = next((job for job in self.jobs if self._ready(job)), None)
        if job is not None:
            self.jobs.remove(job)
        return job

    def successor(self, job: Job) -> Job | None:
        """The only job that depends on ``job``, if it depends on nothing else: both can share a process."""
        successors = [other for other in self.jobs if job.name in other.depends_on]
        if len(successors) != 1:
            return None
        (successor,) = successors
        if successor.depends_on != (job.name,) or successor.afterany:
            return None
        return successor

    def end(self, outcome: Outcome) -> None:
        """Record an outcome; after a failure, also end the jobs that depend on it."""
        self.outcomes[outcome.name] = outcome
        if outcome.error is None:
            return
        for job in [job for job in self.jobs if outcome.name in job.depends_on and not job.afterany]:
            self.jobs.remove(job)
            self.end(not_started(job, outcome))

    def _ready(self, job: Job) -> bool:
        for name in job.depends_on:
            outcome = self.outcomes.get(name)
            if outcome is None or (outcome.error is not None and not job.afterany):
                return False
        return True


def not_started(job: Job, parent: Outcome) -> Outcome:
    """Outcome of a job whose dependency ``parent`` has failed."""
    return Outcome(job.name, f"not started, since {parent.name} failed", parent.log, parent.cause or parent.name)

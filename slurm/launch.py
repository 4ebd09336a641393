"""Execution of a graph of jobs on this machine."""

from collections.abc import Sequence
from pathlib import Path

from slurm.execute import run_job
from slurm.graph import Job, Outcome, file_name
from slurm.scheduler import ReadyQueue


def launch(jobs: Sequence[Job], kind: str, workers: int, logs: Path, gpus: int = 0) -> list[Outcome]:
    """Run jobs until every one has ended. A failure affects only the jobs that depend on it.

    Args:
        jobs: jobs to run; among those that are ready, the first given starts first.
        kind: ``inline`` (one after another in this process) or ``local`` (worker processes).
        workers: number of worker processes, for ``local``.
        logs: a folder used by this launch alone.
        gpus: GPUs to distribute among the workers; 0 leaves the environment unchanged.

    Returns:
        The outcomes, in the order of ``jobs``.

    Raises:
        ValueError: as `slurm.graph.ordered`.
    """
    queue = ReadyQueue(jobs)
    logs.mkdir(parents=True, exist_ok=True)
    if kind == "inline":
        _run_inline(queue, logs)
    else:
        from slurm.local import run_workers  # imports submitit

        run_workers(queue, logs, workers, gpus)
    return [queue.outcomes[job.name] for job in jobs]


def _run_inline(queue: ReadyQueue, logs: Path) -> None:
    while (job := queue.pop()) is not None:
        failure = run_job(job)
        log = logs / f"{file_name(job.name)}.log"
        if failure:
            log.write_text(failure.traceback)
        queue.end(Outcome(job.name, failure.line if failure else None, log))

"""Runs a graph of jobs to its end on this machine: in this process, or in worker processes."""

from collections.abc import Sequence
from pathlib import Path

from slurm.execute import run_job
from slurm.graph import Job, Outcome, file_name
from slurm.scheduler import ReadyQueue


def launch(jobs: Sequence[Job], kind: str, workers: int, logs: Path, gpus: int = 0) -> list[Outcome]:
    """Runs every job, whatever becomes of those it does not come after.

    Args:
        jobs: what to run; of those that are free to start, the first is started first.
        kind: ``inline`` (one after another, here) or ``local`` (worker processes).
        workers: processes at a time, for ``local``.
        logs: a folder of this launch alone.
        gpus: GPUs to share out among the workers; 0 leaves the environment as it is.

    Raises:
        ValueError: a name that is used twice, or a job after one that is not there or, in a circle, after itself.
    """
    waiting = ReadyQueue(jobs, logs)
    logs.mkdir(parents=True, exist_ok=True)
    if kind == "inline":
        _inline(waiting, logs)
    else:
        from slurm.local import run

        run(waiting, logs, workers, gpus)
    return [waiting.outcomes[job.name] for job in jobs]


def _inline(waiting: ReadyQueue, logs: Path) -> None:
    while (job := waiting.pop()) is not None:
        failure = run_job(job)
        log = logs / f"{file_name(job.name)}.log"
        if failure:
            log.write_text(failure.traceback)
        waiting.end(Outcome(job.name, failure.line if failure else None, log))

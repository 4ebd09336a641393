"""Execution of a graph of jobs on this machine."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from slurm.execute import run_job
from slurm.graph import Job, Outcome, file_name
from slurm.resources import Resources
from slurm.scheduler import ReadyQueue

if TYPE_CHECKING:
    import submitit


def launch(
    jobs: Sequence[Job],
    kind: str,
    workers: int,
    logs: Path,
    gpus: int = 0,
    resources: Mapping[str, Resources] | None = None,
    executor: str = "submitit:LocalExecutor",
) -> list[Outcome]:
    """Run jobs until every one has ended. A failure affects only the jobs that depend on it.

    Args:
        jobs: jobs to run; among those that are ready, the first given starts first.
        kind: ``inline`` (one after another in this process) or ``local`` (worker processes).
        workers: number of worker processes, for ``local``.
        logs: a folder used by this launch alone.
        gpus: GPUs of this machine to distribute among the worker processes.
        resources: resources by stage, for ``local``: the processes and GPUs of a job, and all of them for an executor
            other than submitit's local one.
        executor: for ``local``, MODULE:CLASS of a class with the interface of `submitit.Executor`.

    Returns:
        The outcomes, in the order of ``jobs``.

    Raises:
        ValueError: as `slurm.graph.ordered`; or there is no such executor.
    """
    queue = ReadyQueue(jobs)
    logs.mkdir(parents=True, exist_ok=True)
    if kind == "inline":
        _run_inline(queue, logs)
    else:
        from slurm.local import run_workers  # imports submitit

        run_workers(queue, logs, workers, gpus, resources or {}, load_executor(executor))
    return [queue.outcomes[job.name] for job in jobs]


def load_executor(path: str) -> "type[submitit.Executor]":
    """Import an executor class, given as MODULE:CLASS.

    Raises:
        ValueError: there is no such module or class, or it lacks a part of submitit's interface.
    """
    module, _, name = path.partition(":")
    try:
        executor: type[submitit.Executor] = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"executor {path}: {error}; give MODULE:CLASS") from error
    if missing := [method for method in ("submit", "update_parameters") if not hasattr(executor, method)]:
        raise ValueError(f"executor {path} has no {' or '.join(missing)}; it needs the interface of submitit.Executor")
    return executor


def _run_inline(queue: ReadyQueue, logs: Path) -> None:
    while (job := queue.pop()) is not None:
        failure = run_job(job)
        log = logs / f"{file_name(job.name)}.log"
        if failure:
            log.write_text(failure.traceback)
        queue.end(Outcome(job.name, failure.line if failure else None, log))

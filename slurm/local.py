"""Execution in worker processes of this machine, which end with the process that launched them."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import submitit

from slurm.env import process_exists
from slurm.execute import run_job
from slurm.graph import Job, Outcome
from slurm.scheduler import ReadyQueue, not_started

POLL_SECONDS = 0.2
NO_TIME_LIMIT = 60 * 24 * 365  # minutes

WorkerResult = tuple[int, str | None]  # number of jobs that succeeded, error of the next


def run_workers(queue: ReadyQueue, logs: Path, workers: int, gpus: int) -> None:
    """Keep up to ``workers`` processes busy until every job of the queue has ended.

    A worker continues with jobs that depend on its own job alone, which saves their start-up time.
    """
    executor = submitit.LocalExecutor(logs)
    executor.update_parameters(timeout_min=NO_TIME_LIMIT, stderr_to_stdout=True)
    running: dict[int, tuple[list[Job], submitit.Job[WorkerResult]]] = {}
    try:
        while queue.jobs or running:
            for slot in set(range(workers)) - running.keys():
                if chain := _next_chain(queue):
                    gpu = str(slot % gpus) if gpus else None
                    with _sigint_blocked():
                        running[slot] = chain, executor.submit(_run_chain, os.getpid(), gpu, chain)
            for slot, (chain, worker) in list(running.items()):
                if worker.done():
                    _record(queue, chain, worker)
                    del running[slot]
            time.sleep(POLL_SECONDS)
    finally:
        for _, worker in running.values():
            os.kill(int(worker.job_id), signal.SIGKILL)  # submitit's controller; the worker exits after its parent


def _next_chain(queue: ReadyQueue) -> list[Job]:
    """The next ready job and those that can follow it in the same process; empty if none is ready."""
    chain: list[Job] = []
    job = queue.pop()
    while job is not None:
        chain.append(job)
        job = queue.pop_successor(job)
    return chain


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Processes started in this context ignore the terminal's Ctrl-C; the launcher ends them."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _record(queue: ReadyQueue, chain: list[Job], worker: submitit.Job[WorkerResult]) -> None:
    """Report the outcomes of a worker's jobs: successes, at most one failure, and the jobs after it."""
    log = Path(worker.paths.stdout)
    if worker.paths.result_pickle.exists():
        succeeded, error = worker.result()
    else:
        succeeded, error = 0, "the worker process was killed"
    for job in chain[:succeeded]:
        queue.end(Outcome(job.name, None, log))
    if succeeded == len(chain):
        return
    outcome = Outcome(chain[succeeded].name, error, log)
    queue.end(outcome)
    for job in chain[succeeded + 1 :]:
        outcome = not_started(job, outcome)
        queue.end(outcome)


def _run_chain(launcher: int, gpu: str | None, chain: list[Job]) -> WorkerResult:
    """Run jobs one after another up to the first failure. Called in the worker process."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    threading.Thread(target=_exit_with, args=(launcher, os.getppid()), daemon=True).start()
    for succeeded, job in enumerate(chain):
        failure = run_job(job)
        if failure is not None:
            print(failure.traceback)
            return succeeded, failure.line
    return len(chain), None


def _exit_with(launcher: int, parent: int) -> None:
    """End this process once the launcher or the parent has ended."""
    while process_exists(launcher) and os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

"""Runs jobs in worker processes of this machine, which end with the process that launched them."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import submitit

from slurm.env import process_exists
from slurm.execute import run_job
from slurm.graph import Job, Outcome
from slurm.scheduler import ReadyQueue, unstarted

POLL_SECONDS = 0.2


def run(waiting: ReadyQueue, logs: Path, workers: int, gpus: int) -> None:
    """Keeps ``workers`` processes at work until every job has ended.

    A process goes on with the jobs that come after its own and after no other, so that it need not be started again.
    """
    executor = submitit.LocalExecutor(logs)
    executor.update_parameters(timeout_min=60 * 24 * 365, stderr_to_stdout=True)
    running: dict[int, tuple[list[Job], Any]] = {}
    try:
        while waiting.jobs or running:
            for slot in set(range(workers)) - running.keys():
                if (job := waiting.pop()) is not None:
                    chain = [job]
                    while (job := waiting.next_after(job)) is not None:
                        chain.append(job)
                    gpu = str(slot % gpus) if gpus else None
                    with _deaf_to_ctrl_c():
                        running[slot] = chain, executor.submit(_work, os.getpid(), gpu, chain)
            for slot, (chain, handle) in list(running.items()):
                if handle.done():
                    _note(waiting, chain, handle)
                    del running[slot]
            time.sleep(POLL_SECONDS)
    finally:
        for _, handle in running.values():
            os.kill(int(handle.job_id), signal.SIGKILL)  # the worker's parent: the worker leaves with it


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started in here never get the terminal's Ctrl-C: the launcher ends them, without a traceback each."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _note(waiting: ReadyQueue, chain: list[Job], handle: Any) -> None:
    """Every job of a chain ended well up to the one that did not; none after it was started."""
    log = Path(handle.paths.stdout)
    killed = not handle.paths.result_pickle.exists()
    ended_well, error = (0, "the worker process was killed") if killed else handle.result()
    outcomes = [Outcome(job.name, None, log) for job in chain[:ended_well]]
    for job in chain[ended_well:]:
        outcomes.append(Outcome(job.name, error, log) if len(outcomes) == ended_well else unstarted(job, outcomes[-1]))
    for outcome in outcomes:
        waiting.end(outcome)


def _work(launcher: int, gpu: str | None, chain: list[Job]) -> tuple[int, str | None]:
    """Returns how many jobs ended well, and what went wrong with the next, if one is left."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    threading.Thread(target=_leave_with, args=(launcher, os.getppid()), daemon=True).start()
    for number, job in enumerate(chain):
        failure = run_job(job)
        if failure is not None:
            print(failure.traceback)
            return number, failure.line
    return len(chain), None


def _leave_with(launcher: int, parent: int) -> None:
    """Ends this process when launcher or parent are gone: nobody would see its result or stop it."""
    while process_exists(launcher) and os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

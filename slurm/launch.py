"""Runs independent jobs in this process or as worker processes of this machine, and tells how each ended.

A job is a picklable callable that finds its own state on disk: launching it again is always safe. Results are
what it wrote; only whether it ended well comes back.
"""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Job:
    """One call, by a name that is also its log's."""

    name: str
    call: Callable[..., None]
    args: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a job ended: ``error`` is one line, None where all went well; ``log`` holds the whole story."""

    name: str
    error: str | None
    log: Path


def launch(jobs: Sequence[Job], kind: str, workers: int, logs: Path, gpus: int = 0) -> list[Outcome]:
    """Runs every job, whatever becomes of the others.

    Args:
        jobs: what to run, the longest first.
        kind: ``inline`` (one after another, here) or ``local`` (worker processes).
        workers: processes at a time, for ``local``.
        logs: a folder of this launch alone.
        gpus: GPUs to share out among the workers; 0 leaves the environment as it is.
    """
    logs.mkdir(parents=True, exist_ok=True)
    return _inline(jobs, logs) if kind == "inline" else _local(jobs, workers, logs, gpus)


def _inline(jobs: Sequence[Job], logs: Path) -> list[Outcome]:
    outcomes = []
    for job in jobs:
        log = logs / f"{_file_name(job.name)}.log"
        failure = _attempt(job.call, job.args)
        if failure:
            log.write_text(failure.story)
        outcomes.append(Outcome(job.name, failure.line if failure else None, log))
    return outcomes


def _local(jobs: Sequence[Job], workers: int, logs: Path, gpus: int) -> list[Outcome]:
    import submitit

    executor = submitit.LocalExecutor(logs)
    executor.update_parameters(timeout_min=60 * 24 * 365, stderr_to_stdout=True)
    waiting = list(jobs)
    running: dict[int, tuple[Job, Any]] = {}
    outcomes: dict[str, Outcome] = {}
    try:
        while waiting or running:
            for slot in range(workers):
                if waiting and slot not in running:
                    job = waiting.pop(0)
                    gpu = str(slot % gpus) if gpus else None
                    with _deaf_to_ctrl_c():
                        running[slot] = job, executor.submit(_work, os.getpid(), gpu, job.call, job.args)
            for slot, (job, handle) in list(running.items()):
                if handle.done():
                    outcomes[job.name] = _outcome(job, handle)
                    del running[slot]
            time.sleep(POLL_SECONDS)
    finally:
        for _, handle in running.values():
            os.kill(int(handle.job_id), signal.SIGKILL)  # the worker's parent: the worker leaves with it
    return [outcomes[job.name] for job in jobs]


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started in here never get the terminal's Ctrl-C: the launcher ends them, without a traceback each."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _outcome(job: Job, handle: Any) -> Outcome:
    log = Path(handle.paths.stdout)
    killed = not handle.paths.result_pickle.exists()
    return Outcome(job.name, "the worker process was killed" if killed else handle.result(), log)


class _Failure(NamedTuple):
    line: str
    story: str


def _attempt(call: Callable[..., None], args: tuple[Any, ...]) -> _Failure | None:
    """Calls, and says in one line and in full what went wrong, if anything did."""
    try:
        call(*args)
    except Exception as problem:
        line = next(iter(str(problem).splitlines()), "") or type(problem).__name__
        return _Failure(line, traceback.format_exc())
    return None


def _work(launcher: int, gpu: str | None, call: Callable[..., None], args: tuple[Any, ...]) -> str | None:
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    threading.Thread(target=_leave_with, args=(launcher, os.getppid()), daemon=True).start()
    failure = _attempt(call, args)
    if failure is None:
        return None
    print(failure.story)
    return failure.line


def _leave_with(launcher: int, parent: int) -> None:
    """Ends this process when launcher or parent are gone: nobody would see its result or stop it."""
    while _alive(launcher) and os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)

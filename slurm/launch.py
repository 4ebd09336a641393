"""Runs jobs in this process or in worker processes of this machine, each after those it needs; tells how each ended.

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
    """One call, by a name that is also its log's; ``after`` names jobs that must have ended well before it starts."""

    name: str
    call: Callable[..., None]
    args: tuple[Any, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a job ended: ``error`` is one line, None where all went well; ``log`` holds the whole story."""

    name: str
    error: str | None
    log: Path


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
    queue = _Queue(jobs, logs)
    logs.mkdir(parents=True, exist_ok=True)
    if kind == "inline":
        _inline(queue)
    else:
        _local(queue, workers, gpus)
    return [queue.outcomes[job.name] for job in jobs]


class _Queue:
    """Jobs in the order given, each once those it comes after have ended well; none where one of them has not."""

    def __init__(self, jobs: Sequence[Job], logs: Path):
        names = [job.name for job in jobs]
        ready: set[str] = set()
        while ready != (more := {job.name for job in jobs if ready.issuperset(job.after)}):
            ready = more
        if len(set(names)) < len(names) or len(ready) < len(names):
            raise ValueError(f"jobs with one name, or that can never start: {sorted(set(names) - ready) or names}")
        self.waiting, self.logs = list(jobs), logs
        self.outcomes: dict[str, Outcome] = {}

    def pop(self) -> Job | None:
        """The next job that is free to start, if there is one now."""
        ended_well = {name for name, outcome in self.outcomes.items() if outcome.error is None}
        job = next((job for job in self.waiting if ended_well.issuperset(job.after)), None)
        if job is not None:
            self.waiting.remove(job)
        return job

    def log(self, job: Job) -> Path:
        """Where a job's log goes that has no process of its own."""
        return self.logs / f"{_file_name(job.name)}.log"

    def end(self, outcome: Outcome) -> None:
        """Notes how a job ended; where it failed, those that come after it end with it."""
        self.outcomes[outcome.name] = outcome
        if outcome.error is not None:
            for job in [job for job in self.waiting if outcome.name in job.after]:
                self.waiting.remove(job)
                self.end(Outcome(job.name, f"not started, since {outcome.name} failed", outcome.log))


def _inline(queue: _Queue) -> None:
    while (job := queue.pop()) is not None:
        failure = _attempt(job.call, job.args)
        if failure:
            queue.log(job).write_text(failure.story)
        queue.end(Outcome(job.name, failure.line if failure else None, queue.log(job)))


def _local(queue: _Queue, workers: int, gpus: int) -> None:
    import submitit

    executor = submitit.LocalExecutor(queue.logs)
    executor.update_parameters(timeout_min=60 * 24 * 365, stderr_to_stdout=True)
    running: dict[int, tuple[Job, Any]] = {}
    try:
        while queue.waiting or running:
            for slot in set(range(workers)) - running.keys():
                if (job := queue.pop()) is not None:
                    gpu = str(slot % gpus) if gpus else None
                    with _deaf_to_ctrl_c():
                        running[slot] = job, executor.submit(_work, os.getpid(), gpu, job.call, job.args)
            for slot, (job, handle) in list(running.items()):
                if handle.done():
                    queue.end(_outcome(job, handle))
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

"""Execution through an executor of submitit that this process waits for, by default in processes of this machine."""

import os
import pickle
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import submitit

from slurm.graph import Job, Outcome
from slurm.member import Member, Report, write_bundle
from slurm.resources import Resources
from slurm.scheduler import ReadyQueue, not_started

POLL_SECONDS = 0.2
NO_TIME_LIMIT = 60 * 24 * 365  # minutes
PEERS_SECONDS = 10.0  # within which the processes of a job end by themselves after one of them has failed
KILLED = Report(0, "the worker process was killed")


@dataclass
class Worker:
    """A submitted job, and the jobs of the graph that it runs one after another."""

    chain: list[Job]
    job: submitit.Job[Report]
    failure_seen: float | None = field(default=None)  # monotonic time

    @property
    def tasks(self) -> list[submitit.Job[Report]]:
        """Its processes."""
        return [self.job.task(rank) for rank in range(self.job.num_tasks)]


def run_workers(
    queue: ReadyQueue,
    logs: Path,
    workers: int,
    gpus: int,
    resources: Mapping[str, Resources],
    executor_class: type[submitit.Executor] = submitit.LocalExecutor,
) -> None:
    """Keep up to ``workers`` submitted jobs running until every job of the queue has ended.

    A worker continues with jobs that depend on its own job alone, which saves their start-up time.

    Args:
        queue: jobs to run.
        logs: folder of submitit's files, used by this launch alone.
        workers: number of jobs that run at the same time.
        gpus: GPUs of this machine to distribute among the workers of `submitit.LocalExecutor`.
        resources: resources by stage; a stage that is missing has the defaults.
        executor_class: a class with the interface of `submitit.Executor`.
    """
    executor = executor_class(logs)
    local = isinstance(executor, submitit.LocalExecutor)
    running: dict[int, Worker] = {}
    try:
        while queue.jobs or running:
            for slot in set(range(workers)) - running.keys():
                if chain := _next_chain(queue, resources):
                    needed = resources.get(chain[0].stage, Resources())
                    with _sigint_blocked():
                        running[slot] = _start(executor, chain, needed, logs, _gpus_of_slot(slot, gpus, needed))
            for slot, worker in list(running.items()):
                if worker.job.done():
                    _record(queue, worker)
                    del running[slot]
                elif local and _is_deserted(worker):
                    _kill(worker)
            time.sleep(POLL_SECONDS)
    finally:
        for worker in running.values():
            if local:
                _kill(worker)
            else:
                worker.job.cancel(check=False)


def _start(executor: submitit.Executor, chain: list[Job], resources: Resources, logs: Path, gpus: str | None) -> Worker:
    """Submit a worker for a chain of jobs; ``gpus`` is for submitit's local executor alone."""
    bundle = logs / f"{time.time_ns()}.bundle"
    write_bundle(bundle, {0: [(job, None) for job in chain]})
    member = Member(bundle, resources.slurm_max_num_timeout, index=0)
    parameters = {"name": chain[0].stage, **resources.submitit_parameters()}
    if isinstance(executor, submitit.LocalExecutor):
        member = replace(member, launcher=os.getpid(), gpus=gpus)
        parameters = _local_parameters(resources)
    executor.update_parameters(**parameters)
    return Worker(chain, executor.submit(member))


def _next_chain(queue: ReadyQueue, resources: Mapping[str, Resources]) -> list[Job]:
    """Take the next ready job, and those that can follow it in the same process; empty if none is ready."""

    def single_process(job: Job) -> bool:
        return resources.get(job.stage, Resources()).processes == 1

    job = queue.pop()
    if job is None:
        return []
    chain = [job]
    while single_process(chain[-1]):
        successor = queue.successor(chain[-1])
        if successor is None or not single_process(successor):
            break
        queue.jobs.remove(successor)
        chain.append(successor)
    return chain


def _local_parameters(resources: Resources) -> dict[str, Any]:
    """Arguments of `submitit.LocalExecutor.update_parameters`; GPUs are given out by `_gpus_of_slot`."""
    return {
        "timeout_min": NO_TIME_LIMIT,
        "tasks_per_node": resources.tasks_per_node,
        "nodes": resources.nodes,
        "stderr_to_stdout": True,
    }


def _gpus_of_slot(slot: int, gpus: int, resources: Resources) -> str | None:
    """Value of CUDA_VISIBLE_DEVICES for a worker; None without GPUs."""
    if not gpus:
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(number) for number in range(gpus)]
    count = min(max(1, resources.gpus_per_node), len(devices))
    return ",".join(devices[(slot * count + offset) % len(devices)] for offset in range(count))


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Processes started in this context ignore the terminal's Ctrl-C; the launcher ends them."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _record(queue: ReadyQueue, worker: Worker) -> None:
    """Report the outcomes of a worker's jobs: successes, at most one failure, and the jobs after it."""
    task = min(worker.tasks, key=_failure_order)
    report = _report(task)
    log = Path(task.paths.stdout)
    for job in worker.chain[: report.succeeded]:
        queue.end(Outcome(job.name, None, log))
    if report.succeeded == len(worker.chain):
        return
    outcome = Outcome(worker.chain[report.succeeded].name, report.error, log)
    queue.end(outcome)
    for job in worker.chain[report.succeeded + 1 :]:
        outcome = not_started(job, outcome)
        queue.end(outcome)


def _report(task: submitit.Job[Report]) -> Report:
    """The report of a process that has ended."""
    if isinstance(task, submitit.LocalJob):  # whose results() would wait for the other processes of the job
        if not task.paths.result_pickle.exists():
            return KILLED
        outcome, result = pickle.loads(task.paths.result_pickle.read_bytes())
        return result if isinstance(result, Report) else Report(0, f"{outcome}: {str(result).splitlines()[-1]}")
    try:
        return task.results()[0]
    except RuntimeError as error:  # submitit's errors are of this class
        return Report(0, str(error).splitlines()[0])


def _failure_order(task: submitit.Job[Report]) -> tuple[int, float]:
    """Sort key: the first process that reported a failure, since it is the cause of the others', before successes."""
    report = _report(task)
    if report == KILLED:
        return 1, 0.0
    if report.error is None:
        return 2, 0.0
    return 0, task.paths.result_pickle.stat().st_mtime if task.paths.result_pickle.exists() else 0.0


def _is_deserted(worker: Worker) -> bool:
    """Whether one of several processes failed some time ago: the others may wait for it in a collective operation."""
    if worker.job.num_tasks == 1:
        return False
    if worker.failure_seen is None:
        ended = [task for task in worker.tasks if task.paths.result_pickle.exists()]
        if any(_report(task).error is not None for task in ended):
            worker.failure_seen = time.monotonic()
    return worker.failure_seen is not None and time.monotonic() > worker.failure_seen + PEERS_SECONDS


def _kill(worker: Worker) -> None:
    """Kill the process of submitit that waits for the worker's processes; they end after it."""
    with suppress(ProcessLookupError):
        os.kill(int(worker.job.job_id), signal.SIGKILL)

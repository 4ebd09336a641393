"""The callable that submitit starts on a node or on this machine, tells to stop, and requeues."""

import multiprocessing
import os
import pickle
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import submitit

from slurm import signals
from slurm.env import available_cores, process_exists
from slurm.execute import run_job
from slurm.graph import Job
from slurm.signals import Stopped

STOPPED = 75  # exit code of a packed process that has saved its state
DISTRIBUTED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class Call(NamedTuple):
    """One job's call, pickled on its own: reading a bundle imports nothing heavy."""

    name: str
    pickled: bytes
    log: Path | None = None  # of a packed job

    def run(self) -> None:
        """Unpickle the function and its arguments, and call it."""
        function, arguments = pickle.loads(self.pickled)
        function(*arguments)


class Report(NamedTuple):
    """How many of a member's jobs have succeeded, and the error of the one after them."""

    succeeded: int
    error: str | None = None


@dataclass(frozen=True)
class Member:
    """Runs the calls of one member of an array, or of one worker of this machine.

    All state is on disk and none in this object, so that it can be started again from any of its pickles.

    Attributes:
        bundle: file of `write_bundle`.
        max_restarts: restarts after which the job is not requeued again.
        packed: the calls run side by side in processes of their own, rather than one after another.
        index: index in the bundle; None for the array index.
        launcher: process id of a launcher on this machine, with which the member ends.
        gpus: value of CUDA_VISIBLE_DEVICES; None leaves it unchanged.
    """

    bundle: Path
    max_restarts: int = 0
    packed: bool = False
    index: int | None = None
    launcher: int | None = None
    gpus: str | None = None

    def __call__(self) -> Report:
        """Run the calls.

        Returns:
            The report; of a member of an array, only if all succeeded.

        Raises:
            Exception: a member of an array has failed, which its exit status must tell Slurm.
        """
        signals.install()
        environment = submitit.JobEnvironment()
        _remove_leftovers(environment)
        _export_distributed(environment)
        if self.gpus is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus
        if self.launcher is not None:
            threading.Thread(target=_exit_with, args=(self.launcher, os.getppid()), daemon=True).start()
        index = self.index if self.index is not None else int(environment.array_task_id or 0)
        calls = read_bundle(self.bundle)[index]
        try:
            report = _run_side_by_side(calls, environment.job_id) if self.packed else self._run_in_turn(calls)
        except Stopped as reason:
            print(f"{calls[0].name}: stopped: {reason}", file=sys.stderr, flush=True)
            if environment.global_rank > 0:
                sys.exit(0)  # the first process requeues the job; this one leaves without a result
            signals.requeue()
        signals.ignore_notice()
        return report

    def checkpoint(self) -> submitit.helpers.DelayedSubmission | None:
        """For submitit: what to run after a requeue, once the state is saved. None ends the job for good."""
        if int(os.environ.get("SLURM_RESTART_COUNT", "0")) >= self.max_restarts:
            return None
        return submitit.helpers.DelayedSubmission(self)

    def _run_in_turn(self, calls: Sequence[Call]) -> Report:
        for succeeded, call in enumerate(calls):
            if self.index is None:
                call.run()
            elif failure := run_job(Job(call.name, call.run)):
                print(failure.traceback, file=sys.stderr, flush=True)
                return Report(succeeded, failure.line)
        return Report(len(calls))


def write_bundle(path: Path, members: Mapping[int, Sequence[tuple[Job, Path | None]]]) -> None:
    """Write the calls of members by index; each job comes with its own log file if it is packed."""
    calls = {
        index: [Call(job.name, pickle.dumps((job.call, job.args)), log) for job, log in jobs]
        for index, jobs in members.items()
    }
    path.write_bytes(pickle.dumps(calls))


def read_bundle(path: Path) -> dict[int, list[Call]]:
    """Read the calls of `write_bundle`."""
    calls: dict[int, list[Call]] = pickle.loads(path.read_bytes())
    return calls


def _remove_leftovers(environment: submitit.JobEnvironment) -> None:
    """Remove unfinished files of an earlier start of this process; submitit would refuse to write them again."""
    if "SUBMITIT_FOLDER" not in os.environ:  # an executor that calls in the launching process
        return
    paths = environment.paths
    for path in (paths.result_pickle, *([] if environment.global_rank else [paths.submitted_pickle])):
        path.with_name(f"{path.name}.save_tmp").unlink(missing_ok=True)


def _export_distributed(environment: submitit.JobEnvironment) -> None:
    """Set the environment variables of torch.distributed, if the job has several processes."""
    for name in DISTRIBUTED:  # set if the launching shell was itself one of several processes
        os.environ.pop(name, None)
    if environment.num_tasks > 1:
        submitit.helpers.TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
        if environment.num_nodes == 1:
            os.environ["MASTER_ADDR"] = "127.0.0.1"  # a machine need not resolve its own name


def _run_side_by_side(calls: Sequence[Call], job_id: str) -> Report:
    """Run every call in a process of its own, with its own log, and wait for all."""
    _import_for(calls)
    cores = max(1, available_cores() // len(calls))
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_run_packed, args=(call, job_id, cores)) for call in calls]
    for process in processes:
        process.start()
    signals.forward([process.pid for process in processes if process.pid is not None])
    for process in processes:
        process.join()
    if any(process.exitcode == STOPPED for process in processes):
        raise Stopped("all processes of the pack have left")
    failed = [call.name for call, process in zip(calls, processes, strict=True) if process.exitcode]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(calls)} packed jobs have failed: {', '.join(failed)}")
    return Report(len(calls))


def _import_for(calls: Sequence[Call]) -> None:
    """Import once what the calls need, for all the processes that are forked from this one.

    A call that cannot be unpickled fails in its own process, where that is reported.
    """
    for call in calls:
        with suppress(Exception):
            pickle.loads(call.pickled)


def _run_packed(call: Call, job_id: str, cores: int) -> None:
    """Run one call of a pack and exit. Called in its process."""
    assert call.log is not None
    log = str(call.log).replace("%A", job_id.partition("_")[0])
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ["SLURM_CPUS_PER_TASK"] = str(cores)
    try:
        failure = run_job(Job(call.name, call.run))
    except Stopped as reason:
        print(f"{call.name}: stopped: {reason}", flush=True)
        sys.exit(STOPPED)
    if failure is not None:
        print(failure.traceback, flush=True)
        sys.exit(1)


def _exit_with(launcher: int, parent: int) -> None:
    """End this process once the launcher or the parent has ended."""
    while process_exists(launcher) and os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

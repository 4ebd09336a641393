"""The process of one element, in this process: submitit's own entry point, which calls a `slurm.member.Member`."""

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

from submitit.core import submission
from submitit.slurm.slurm import SlurmJobEnvironment

from slurm import member, signals
from slurm.execute import run_job
from slurm.graph import Job
from slurm.member import Call, Report
from slurm.signals import Stopped
from tests.slurm.simulation import jobs
from tests.slurm.simulation.cluster import Cluster
from tests.slurm.simulation.queue import Element

PICKLE_SECONDS = 60.0  # for which submitit waits for the pickle of its job


class Suspended(BaseException):
    """The process has made its steps for now; it goes on from its files."""


def run(cluster: Cluster, element: Element, steps: int, crash: bool) -> str | None:
    """Run an element's process for some steps.

    Returns:
        The state in which it has ended; None if it goes on.
    """
    left = [steps]

    def before_step() -> None:
        if crash:
            raise RuntimeError("the job has crashed")
        if element.noticed:
            element.noticed = False
            signal.raise_signal(signal.SIGUSR2)
            return
        if not left[0]:
            raise Suspended
        left[0] -= 1

    def sleep(_: float) -> None:
        if cluster.now < element.since + PICKLE_SECONDS:
            raise Suspended

    folder = element.array.script.parent
    with (
        _environment(element),
        _new_process(),
        patch.object(jobs, "before_step", before_step),
        patch.object(SlurmJobEnvironment, "_requeue", lambda *_: cluster.requeue(element)),
        patch.object(submission, "time", SimpleNamespace(sleep=sleep)),
    ):
        try:
            submission.process_job(folder)
        except Suspended:
            return None
        except SystemExit as leaving:
            return "COMPLETED" if not leaving.code else "FAILED"
        except Exception:
            return "FAILED"
    return "COMPLETED"


@contextmanager
def _environment(element: Element) -> Iterator[None]:
    """The environment of a job."""
    variables = {
        "SUBMITIT_EXECUTOR": "slurm",
        "SLURM_JOB_ID": str(element.array.id + element.index),
        "SLURM_ARRAY_JOB_ID": str(element.array.id),
        "SLURM_ARRAY_TASK_ID": str(element.index),
        "SLURM_RESTART_COUNT": str(element.restarts),
    }
    with patch.dict(os.environ, variables):
        yield


@contextmanager
def _new_process() -> Iterator[None]:
    """The state of a process that has just started, and afterwards that of this one."""
    numbers = (signal.SIGUSR2, signal.SIGTERM, signal.SIGCONT)
    handlers = {number: signal.getsignal(number) for number in numbers}
    logger = logging.getLogger("submitit")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with (
            patch.object(signals, "_received", set()),
            patch.object(signals, "_forwarded_to", []),
            patch.object(signals, "_requeue", None),
            patch.object(member, "_run_side_by_side", _run_pack),
        ):
            yield
    finally:
        logger.setLevel(level)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _run_pack(calls: Sequence[Call], _: str) -> Report:
    """The calls of a pack one after another, without processes of their own."""
    failed, stopped = [], False
    for call in calls:
        try:
            if run_job(Job(call.name, call.run)):
                failed.append(call.name)
        except Stopped:
            stopped = True
    if stopped:
        raise Stopped("all processes of the pack have left")
    if failed:
        raise RuntimeError(f"packed jobs have failed: {', '.join(failed)}")
    return Report(len(calls))

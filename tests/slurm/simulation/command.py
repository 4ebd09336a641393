"""A launching command in this process, and what may happen between any two of its steps.

A step is a call of one of Slurm's commands, or a change of a file, which Python's audit events report. A killed process
takes no more steps, not even in its exception handlers.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import submitit
from filelock import FileLock
from submitit.core.utils import CommandFunction, FailedJobError

from slurm import commands, ledger, submission
from slurm.commands import SlurmError
from tests.slurm.simulation.cluster import Cluster

CHANGES = ("os.rename", "os.mkdir", "os.symlink", "os.remove")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Killed(BaseException):
    """SIGKILL."""


@dataclass
class Event:
    """Something that happens to a command before one of its steps.

    Attributes:
        kind: ``killed``, ``interrupted`` (Ctrl-C), ``full`` (no space on the disk from then on) or ``other`` (another
            command runs).
        step: number of the step.
        other: the other command.
    """

    kind: str
    step: int
    other: Callable[[], None] | None = None


class Command:
    """Counts the steps of the commands that run within `cluster_of`, one at a time."""

    def __init__(self) -> None:
        self.event: Event | None = None
        self.steps = 0
        self.active = False

    def run(self, function: Callable[[], None], event: Event | None = None) -> None:
        """Call a function as one process to which an event happens.

        Raises:
            Killed, KeyboardInterrupt: it has ended of that.
        """
        before = self.event, self.steps, self.active
        self.event, self.steps, self.active = event, 0, True
        try:
            function()
        finally:
            self.event, self.steps, self.active = before

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Steps of other processes are not counted."""
        self.active, before = False, self.active
        try:
            yield
        finally:
            self.active = before

    def step(self, writes: bool = False) -> None:
        """Called before each step."""
        if not self.active or self.event is None:
            return
        self.steps += 1
        if self.steps < self.event.step:
            return
        if self.event.kind == "killed":
            raise Killed
        if self.event.kind == "full":
            if writes:
                raise OSError(errno.ENOSPC, "No space left on device")
            return
        event, self.event = self.event, None
        if event.kind == "interrupted":
            raise KeyboardInterrupt
        assert event.other is not None
        event.other()


_command = Command()


def _audit(name: str, arguments: tuple[Any, ...]) -> None:
    if not _command.active:
        return
    if name in CHANGES:
        _command.step()
    elif name == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        _command.step(writes=True)


_hooks: list[bool] = []


def command() -> Command:
    """The command of this process, whose file operations are counted from now on."""
    if not _hooks:
        sys.addaudithook(_audit)  # for the life of the process
        _hooks.append(True)
    return _command


@contextmanager
def cluster_of(cluster: Cluster) -> Iterator[Command]:
    """Let `slurm` and submitit talk to a simulated cluster.

    Where a lock is held by another command, `filelock.Timeout` is raised instead of waiting.
    """
    process = command()

    def call(program: str, *arguments: str) -> str:
        process.step()
        with process.paused():
            answer = cluster.call(program, *arguments)
        process.step()
        return answer

    def call_of_submitit(function: CommandFunction) -> str:
        try:
            return call(*function.command)
        except SlurmError as error:
            raise FailedJobError(str(error)) from error

    def sleep(seconds: float) -> None:
        process.step()
        with process.paused():
            cluster.advance(seconds)

    clock = SimpleNamespace(
        time=lambda: cluster.now,
        monotonic=lambda: cluster.now,
        sleep=sleep,
        strftime=lambda _: f"20260101-{int(cluster.now) % 1000000:06}-",
    )
    with (
        patch.object(commands, "_call", call),
        patch.object(submission, "time", clock),
        patch.object(ledger, "FileLock", partial(FileLock, timeout=0)),
        patch.object(CommandFunction, "__call__", call_of_submitit),
        patch.object(submitit.SlurmExecutor, "affinity", classmethod(lambda _: 2)),
    ):
        yield process

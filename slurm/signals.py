"""Leaving in good order: a signal sets a flag, the work looks at it where it can save and leave."""

import signal
from typing import Any

NOTICE = signal.SIGUSR2  # sent by Slurm some time before the limit or a preemption: the job is to be queued again
END = signal.SIGTERM  # sent some seconds before SIGKILL: Slurm itself decides what becomes of the job

_received: set[int] = set()


class Stopped(Exception):
    """The work was asked to stop, has saved itself, and can be continued by calling it again."""


def stop_requested() -> bool:
    """Whether this process has been asked to stop."""
    return bool(_received)


def wants_requeue() -> bool:
    """Whether it was asked by a notice alone, after which the job must queue itself again."""
    return _received == {NOTICE}


def install() -> None:
    """From now on signals only set the flag."""
    for number in (NOTICE, END):
        signal.signal(number, _note)


def ignore() -> None:
    """For helper processes, such as data-loader workers, which live on until the process that needs them is saved."""
    for number in (NOTICE, END):
        signal.signal(number, signal.SIG_IGN)


def _note(number: int, _: Any) -> None:
    _received.add(number)

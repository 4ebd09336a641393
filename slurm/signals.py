"""Graceful stop: a signal sets a flag, which the work checks where it can save its state and leave."""

import signal
from types import FrameType

NOTICE = signal.SIGUSR2  # sent by Slurm ahead of the walltime or a preemption: save state and requeue
END = signal.SIGTERM  # sent by Slurm seconds before SIGKILL: Slurm decides whether to requeue

_received: set[int] = set()


class Stopped(Exception):
    """The work was asked to stop and has saved its state; calling it again continues from there."""


def stop_requested() -> bool:
    """Whether this process has been asked to stop."""
    return bool(_received)


def wants_requeue() -> bool:
    """Whether the only request was a notice, after which the job must requeue itself."""
    return _received == {NOTICE}


def install() -> None:
    """Let stop signals set the flag instead of ending the process."""
    for number in (NOTICE, END):
        signal.signal(number, _record)


def ignore() -> None:
    """Ignore stop signals, in helper processes that must outlive the saving of state, such as DataLoader workers."""
    for number in (NOTICE, END):
        signal.signal(number, signal.SIG_IGN)


def _record(number: int, _: FrameType | None) -> None:
    _received.add(number)

"""Graceful stop: a signal sets a flag, which the work checks where it can save its state and leave.

submitit's own handler checkpoints and requeues at once, between any two bytecodes. It is kept aside and called once
the work has saved its state.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

NOTICE = signal.SIGUSR2  # sent by Slurm ahead of the walltime or a preemption: save state and requeue
END = signal.SIGTERM  # sent by Slurm seconds before SIGKILL: Slurm decides whether to requeue
NOTICE_SECONDS = 5.0  # within which a notice reaches every process of a job

_received: set[int] = set()
_forwarded_to: list[int] = []
_requeue: "signal._HANDLER" = None  # submitit's handler of NOTICE


class Stopped(Exception):
    """The work was asked to stop and has saved its state; calling it again continues from there."""


def stop_requested() -> bool:
    """Whether this process has been asked to stop."""
    return bool(_received)


def install() -> None:
    """Let stop signals set the flag. Without effect in a process that submitit did not start."""
    global _requeue
    handler = signal.getsignal(NOTICE)
    if not callable(handler) or handler is _record:
        return
    _requeue = handler
    for number in (NOTICE, END):
        signal.signal(number, _record)


def ignore() -> None:
    """Ignore stop signals, in helper processes that must outlive the saving of state, such as DataLoader workers."""
    for number in (NOTICE, END):
        signal.signal(number, signal.SIG_IGN)


def ignore_notice() -> None:
    """Ignore a notice from here on, since the work is done.

    Python restores the default action of signals before it exits: a notice in that second would end a process that has
    done its work as one that failed.
    """
    if signal.getsignal(NOTICE) is _record:
        signal.signal(NOTICE, signal.SIG_IGN)


def forward(pids: Sequence[int]) -> None:
    """Forward stop signals to other processes, including those received before."""
    _forwarded_to.extend(pids)
    for number in set(_received):
        _send(number)


def requeue() -> NoReturn:
    """Leave after the state was saved; after a notice alone, let submitit requeue the job first.

    Slurm signals every process of a job, but the processes stop together: another one may have received the notice
    first.
    """
    deadline = time.monotonic() + NOTICE_SECONDS
    while not _received and time.monotonic() < deadline:
        time.sleep(0.05)
    if END not in _received and callable(_requeue):
        try:
            _requeue(NOTICE, None)  # calls checkpoint(), requeues and exits
        # The first is an answer of Slurm, or none; the second is submitit's, since checkpoint() declined.
        except (subprocess.SubprocessError, RuntimeError) as error:
            print(f"not requeued; the state is saved, and another launch continues from it ({error})", file=sys.stderr)
    sys.exit(1)


def _record(number: int, _: FrameType | None) -> None:
    _received.add(number)
    _send(number)


def _send(number: int) -> None:
    for pid in _forwarded_to:
        with suppress(ProcessLookupError):
            os.kill(pid, number)

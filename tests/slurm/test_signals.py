"""Stop signals in a process that submitit started."""

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, time
from slurm import signals

class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGUSR2):
        kill(pid, number)  # while Python exits, when it has restored the default action of signals

signal.signal(signal.SIGUSR2, lambda *_: None)  # submitit's handler
signals.install()
late = Late()
{last}
"""


@pytest.mark.parametrize(("last", "code"), [("signals.ignore_notice()", 0), ("", -signal.SIGUSR2)])
def test_a_notice_after_the_work_does_not_fail_the_job(last: str, code: int) -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT.format(last=last)], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (code, "")


def test_a_process_without_submitit_keeps_its_signals() -> None:
    script = (
        "import signal; from slurm import signals; signals.install(); signals.ignore_notice();"
        "assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL"
    )
    subprocess.run([sys.executable, "-c", script], check=True)

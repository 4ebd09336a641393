"""`fabbench logs`: the last lines of a run's log, and what is added to it."""

import shutil
import time
from pathlib import Path

import pytest

from benchmark.commands import logs
from slurm.ledger import Entry, Ledger
from tests.benchmark.tiny import call, refused


@pytest.fixture
def where(done: Path, tmp_path: Path) -> tuple[str, str]:
    """Settings that name a copy of the finished benchmark."""
    shutil.copytree(done / "runs", tmp_path / "runs")
    return "name=quick", f"out={tmp_path / 'runs'}"


def submit(folder: Path, text: str) -> Path:
    """Records a job that has left the queue, and writes its log."""
    log = folder / "7_0.log"
    log.write_text(text)
    (folder / "slurm").mkdir()
    entry = Entry("pretrain", "7_0", "quick-pretrain", str(log), time.time())
    Ledger(folder / "slurm").add({"fabnet/seed0 pretrain": entry})
    return log


def test_a_run_must_be_named(where: tuple[str, str]) -> None:
    assert "needs a run, such as fabnet/seed0" in refused(2, "logs", *where)
    assert "did you mean 'fabnet/seed0'" in refused(2, "logs", "fabnt/seed0", *where)
    assert "no stage ''; available: embed, pretrain, probe" in refused(2, "logs", "fabnet/seed0:", *where)


def test_a_run_on_this_machine_has_a_log_of_its_failure(where: tuple[str, str], tmp_path: Path) -> None:
    assert "fabnet/seed0: no log yet; see `fabbench status`" in refused(1, "logs", "fabnet/seed0", *where)
    (run,) = tmp_path.glob("runs/quick/*/fabnet/seed0-*")
    (run / "error.log").write_text("Traceback\nRuntimeError: broken\n")
    printed = call("logs", "fabnet/seed0", *where)
    assert printed.out == f"==> {run / 'error.log'}\nTraceback\nRuntimeError: broken\n"


def test_the_last_lines_of_a_job(where: tuple[str, str], tmp_path: Path) -> None:
    log = submit(tmp_path / "runs" / "quick", "".join(f"line {number}\n" for number in range(100)))
    printed = call("logs", "fabnet/seed0:pretrain", *where).out.splitlines()
    assert printed == [f"==> {log}", *(f"line {number}" for number in range(100 - logs.LINES, 100))]


def test_follow_prints_what_is_added_until_the_job_has_ended(
    where: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = submit(tmp_path / "runs" / "quick", "first\n")
    queues = iter([{"fabnet/seed0 pretrain": "7_0"}, {}])

    def queue(_: Ledger) -> dict[str, str]:
        jobs = next(queues)
        log.write_text(log.read_text() + ("more\n" if jobs else "last\n"))
        return jobs

    monkeypatch.setattr("slurm.submission.in_queue", queue)
    monkeypatch.setattr(logs, "POLL_SECONDS", 0)
    printed = call("logs", "fabnet/seed0", *where, "--follow")
    assert (printed.code, printed.out) == (0, f"==> {log}\nfirst\nmore\nlast\n")


def test_follow_without_a_log_or_a_job_ends(where: tuple[str, str]) -> None:
    assert "mean/seed0: no log, and no job in the queue" in refused(1, "logs", "mean/seed0", *where, "--follow")

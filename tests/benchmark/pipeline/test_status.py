"""The state of a stage from its marker, its status, its job and its log."""

import os
import platform
import time
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import UsageError
from benchmark.files import write_json
from benchmark.pipeline import status
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord
from slurm.commands import JobInfo, SlurmError
from slurm.ledger import Entry, Ledger

RUN = RunRecord("mine/faces/fabnet/seed0-0", "fabnet/seed0", "fabnet", "method", 0, ["faces"], ["pose"])
RECORD = BenchmarkRecord("mine", [RUN])
SUBMITTED = 1000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a benchmark with one run."""
    RECORD.write(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def submitted(folder: Path) -> Path:
    """The log of the run's pretraining, which is job 7_0 of Slurm."""
    (folder / "slurm").mkdir()
    log = folder / "slurm" / "pretrain-7_0.log"
    Ledger(folder / "slurm").add(
        {"fabnet/seed0 pretrain": Entry("pretrain", "7_0", "mine-pretrain", str(log), SUBMITTED)}
    )
    return log


def write_status(folder: Path, **values: Any) -> None:
    write_json(folder.parent / RUN.run / "status.json", {"stage": "pretrain", "heartbeat": SUBMITTED + 1, **values})


def pretrain(folder: Path) -> tuple[str, str]:
    """State and detail of the first stage."""
    first = status.read_status(RECORD, folder, folder / "slurm").stages[0]
    assert first.stage == "pretrain"
    return first.state, first.detail


def answer(
    monkeypatch: pytest.MonkeyPatch,
    queue: dict[str, JobInfo] | None = None,
    accounting: dict[str, JobInfo] | None = None,
) -> None:
    """Makes Slurm answer with a queue and accounting records."""
    monkeypatch.setattr(status, "squeue", lambda: queue or {})
    monkeypatch.setattr(status, "sacct", lambda jobs: accounting)


# -- without Slurm -----------------------------------------------------------------------------------------------------


def test_a_marker_means_done(folder: Path) -> None:
    write_json(folder.parent / RUN.run / "done" / "pretrain.json", {})
    assert pretrain(folder) == ("done", "")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, ("to do", "")),
        ({"state": "waiting"}, ("to do", "")),
        ({"state": "failed", "error": "no face"}, ("failed", "no face")),
        ({"state": "stopped"}, ("stopped", "saved; launch again to continue")),
        ({"state": "running", "host": platform.node(), "pid": os.getpid()}, ("running", "")),
        ({"state": "running", "host": platform.node(), "pid": 2**22 + 1}, ("lost", "its process is gone")),
        ({"state": "running", "host": "elsewhere", "pid": 2**22 + 1}, ("running", "")),
        ({"state": "failed", "stage": "embed-faces"}, ("to do", "")),
    ],
)
def test_without_a_job_the_status_decides(folder: Path, written: dict[str, Any], expected: tuple[str, str]) -> None:
    write_status(folder, **written)
    assert pretrain(folder) == expected


# -- jobs in the queue -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (JobInfo("PENDING", reason="Resources"), ("queued", "Resources")),
        (JobInfo("PENDING", reason="Dependency"), ("waiting", "Dependency")),
        (JobInfo("RUNNING"), ("running", "")),
        (JobInfo("COMPLETING"), ("running", "COMPLETING")),
    ],
)
def test_a_job_in_the_queue(
    folder: Path, submitted: Path, monkeypatch: pytest.MonkeyPatch, info: JobInfo, expected: tuple[str, str]
) -> None:
    answer(monkeypatch, {"7_0": JobInfo(info.state, reason=info.reason, name="mine-pretrain")})
    assert pretrain(folder) == expected


def test_a_job_of_another_name_has_only_the_same_number(
    folder: Path, submitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, {"7_0": JobInfo("RUNNING", name="other")})
    assert pretrain(folder) == ("cancelled", "did not start")


def test_a_cluster_that_does_not_answer_is_reported(
    folder: Path, submitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SlurmError("no controller")

    monkeypatch.setattr(status, "squeue", refuse)
    write_status(folder, state="running", host="n1", pid=1, job="7_0")
    state = status.read_status(RECORD, folder, folder / "slurm")
    assert (state.slurm_error, state.active, state.failed) == ("no controller", True, True)
    assert state.stages[0].state == "running"


# -- jobs that have ended ----------------------------------------------------------------------------------------------

KILLED = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***"
SCANCELLED = "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***"
ENDED = [
    ({"state": "failed", "error": "no face"}, "", None, ("failed", "no face")),
    ({"state": "running"}, "", None, ("lost", "ended without an error")),
    ({"state": "running"}, KILLED, None, ("lost", "JOB 7 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT")),
    ({"state": "running"}, "", "OUT_OF_MEMORY", ("lost", "OUT_OF_MEMORY")),
    ({"state": "running"}, SCANCELLED, None, ("cancelled", "")),
    ({"state": "running"}, "", "CANCELLED", ("cancelled", "")),
    ({"state": "stopped"}, "", None, ("stopped", "saved; launch again to continue")),
    ({}, "loaded\nno_such_command: not found\nsrun: error: exit 127", None, ("failed", "no_such_command: not found")),
    ({}, "", "FAILED", ("failed", "FAILED")),
    ({}, "", None, ("cancelled", "did not start")),
    ({"state": "failed", "heartbeat": SUBMITTED - 1}, "", None, ("cancelled", "did not start")),  # of a job before
]


@pytest.mark.parametrize(("written", "log", "accounting", "expected"), ENDED)
def test_a_job_that_has_left_the_queue(
    folder: Path,
    submitted: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: dict[str, Any],
    log: str,
    accounting: str | None,
    expected: tuple[str, str],
) -> None:
    answer(monkeypatch, {}, {"7_0": JobInfo(accounting, name="mine-pretrain")} if accounting else None)
    write_status(folder, **written)
    if log:
        submitted.write_text(log)
    assert pretrain(folder) == expected


def test_tables_are_done_when_written_after_their_submission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, {"8_0": JobInfo("PENDING", reason="Dependency", name="mine-tables")})
    (folder / "slurm").mkdir()
    entry = Entry("tables", "8_0", "mine-tables", str(folder / "8.log"), time.time() + 60)
    Ledger(folder / "slurm").add({"tables": entry})
    write_json(folder / "tables" / "cells.json", [])
    last = status.read_status(RECORD, folder, folder / "slurm").stages[-1]
    assert (last.run, last.stage, last.state) == ("", "tables", "waiting")
    os.utime(folder / "tables" / "cells.json", (entry.submitted + 1, entry.submitted + 1))
    assert status.read_status(RECORD, folder, folder / "slurm").stages[-1].state == "done"


# -- names of jobs -----------------------------------------------------------------------------------------------------


def test_words_stand_for_jobs() -> None:
    whole = ["fabnet/seed0 pretrain", "fabnet/seed0 embed", "fabnet/seed0 probe"]
    assert status.job_names(["fabnet/seed0"], RECORD) == whole
    assert status.job_names(["fabnet/seed0:embed", "tables"], RECORD) == ["fabnet/seed0 embed", "tables"]
    with pytest.raises(UsageError, match="no run 'fabnet/sed0' in this benchmark; did you mean 'fabnet/seed0'"):
        status.job_names(["fabnet/sed0"], RECORD)
    with pytest.raises(UsageError, match="no stage 'prob'; did you mean 'probe'"):
        status.job_names(["fabnet/seed0:prob"], RECORD)

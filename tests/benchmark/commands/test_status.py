"""`fabbench status`: lines, columns, counts, exit code, and the runs that are asked for."""

import shutil
from pathlib import Path

import pytest

from benchmark.commands.status import render
from benchmark.files import write_json
from benchmark.pipeline.status import BenchmarkStatus, StageStatus
from tests.benchmark.tiny import call, refused


@pytest.fixture
def where(done: Path, tmp_path: Path) -> tuple[str, str]:
    """Settings that name a copy of the finished benchmark, in which a run has failed."""
    shutil.copytree(done / "runs", tmp_path / "runs")
    (run,) = tmp_path.glob("runs/quick/*/fabnet/seed0-*")
    (run / "done" / "probe-synthetic-pose.json").unlink()
    write_json(run / "status.json", {"stage": "probe-synthetic-pose", "state": "failed", "error": "no head"})
    return "name=quick", f"out={tmp_path / 'runs'}"


def test_a_failed_stage_has_a_line_and_exit_code_1(where: tuple[str, str]) -> None:
    printed = call("status", *where)
    assert printed.code == 1
    heading, line, *counts = printed.out.splitlines()
    assert heading.split() == ["run", "stage", "state", "detail"]
    assert line.split() == ["fabnet/seed0", "probe", "failed", "no", "head"]
    assert counts == ["pretrain:  2 done", "embed:     2 done", "probe:     1 done, 1 failed"]


def test_all_includes_what_is_done(where: tuple[str, str]) -> None:
    assert len(call("status", *where, "--all").out.splitlines()) == 1 + 6 + 3


def test_methods_and_seeds_select_runs(where: tuple[str, str]) -> None:
    printed = call("status", *where, "methods=mean", "--all")
    assert printed.code == 0
    assert {line.split()[0] for line in printed.out.splitlines()[1:4]} == {"mean/seed0"}
    assert call("status", *where, "methods=fabnet", "seeds=1", "tasks=synthetic-pose").code == 1
    assert "did you mean 'fabnet'?" in refused(2, "status", *where, "methods=fabent")
    assert "seeds: '1' is not in benchmark 'quick'" in refused(2, "status", *where, "seeds=2")


def test_columns_of_a_running_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    written = {"step": 3, "steps": 40, "images_per_s": 99.6, "heartbeat": 700.0, "restarts": 2, "node": "n1"}
    stage = StageStatus("fabnet/seed0", "pretrain", "running", "", written, None, None)
    heading, line, _ = render(BenchmarkStatus([stage], None), everything=False).splitlines()
    assert heading.split() == ["run", "stage", "state", "progress", "images/s", "heartbeat", "restarts", "node"]
    assert line.split() == ["fabnet/seed0", "pretrain", "running", "3/40", "100", "5", "min", "ago", "2", "n1"]
    assert render(BenchmarkStatus([], "no controller"), everything=False) == "Slurm does not answer: no controller"

"""`fabbench cancel`: all jobs of a benchmark, or those of the runs that are named or selected."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.config.schema import Config
from benchmark.pipeline import cluster
from tests.benchmark.tiny import call, refused

PARTS = ("pretrain", "embed", "probe")


@pytest.fixture
def cancelled(monkeypatch: pytest.MonkeyPatch) -> list[list[str] | None]:
    """The jobs that are cancelled, for each call; None: all."""
    calls: list[list[str] | None] = []

    def cancel(config: Config, names: Sequence[str] | None) -> list[str]:
        calls.append(None if names is None else list(names))
        return list(names or ["a job"])

    monkeypatch.setattr(cluster, "cancel", cancel)
    return calls


@pytest.mark.parametrize(
    ("words", "jobs"),
    [
        ([], None),
        (["methods=fabnet,mean"], None),
        (["fabnet/seed0:probe"], ["fabnet/seed0 probe"]),
        (["methods=fabnet"], [f"fabnet/seed0 {part}" for part in PARTS]),
    ],
)
def test_runs_are_named_or_selected(
    done: Path, cancelled: list[list[str] | None], words: list[str], jobs: list[str] | None
) -> None:
    printed = call("cancel", "name=quick", f"out={done / 'runs'}", *words)
    assert printed.code == 0
    assert cancelled == [jobs]
    number = "1 job" if jobs is None or len(jobs) == 1 else f"{len(jobs)} jobs"
    assert printed.out == f"{number} cancelled{': ' + ', '.join(jobs) if jobs else ''}\n"


def test_jobs_of_one_task_cannot_be_cancelled_alone(done: Path, cancelled: list[list[str] | None]) -> None:
    line = refused(2, "cancel", "name=quick", f"out={done / 'runs'}", "tasks=synthetic-aus")
    assert "tasks=['synthetic-aus'], but benchmark 'quick'" in line
    assert cancelled == []

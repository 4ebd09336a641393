"""Progress of runs on a terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from benchmark import progress
from benchmark.pipeline.progress import RunBars

TRAINING = {"stage": "pretrain", "state": "running", "step": 40, "steps": 40, "images_per_s": 512.0}
PROBING = {"stage": "probe-synthetic-pose", "state": "running"}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(progress, "console", console)
    return console


def shown(terminal: Console, *statuses: dict[str, Any]) -> str:
    """The bar of a run after statuses, as text."""
    with progress.progress_bars() as bars:
        run_bars = RunBars(bars)
        for status in statuses:
            run_bars.show("fabnet/seed0", status)
        with terminal.capture() as captured:
            terminal.print(bars.make_tasks_table(bars.tasks))
    return captured.get()


def test_a_stage_with_steps_shows_them(terminal: Console) -> None:
    text = shown(terminal, TRAINING)
    assert "40/40" in text
    assert "512 images/s" in text


def test_a_stage_without_steps_does_not_show_those_of_the_stage_before(terminal: Console) -> None:
    text = shown(terminal, TRAINING, PROBING)
    assert "probe-synthetic-pose" in text
    assert "/40" not in text
    assert "/?" not in text


def test_the_bar_of_a_finished_run_is_removed(terminal: Console) -> None:
    with progress.progress_bars() as bars:
        run_bars = RunBars(bars)
        run_bars.show("fabnet/seed0", TRAINING)
        run_bars.remove("fabnet/seed0")
        run_bars.remove("fabnet/seed0")
        assert bars.tasks == []

"""Progress of runs on a terminal."""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from benchmark import progress
from benchmark.files import write_json
from benchmark.layout import STATUS
from benchmark.pipeline.progress import RunBars, RunsProgress
from benchmark.pipeline.run_folder import Run

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


@dataclass(frozen=True)
class Ending:
    """What `RunsProgress` reads of a run."""

    folder: Path
    seed: int

    @property
    def name(self) -> str:
        return f"{self.folder.name}/seed{self.seed}"

    def end(self, state: str = "done") -> None:
        write_json(
            self.folder / STATUS, {"state": state, "stage": "probe", "error": "broken", "heartbeat": time.time() + 1}
        )


def test_the_end_of_each_seed_but_the_last_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.pipeline.progress.POLL_SECONDS", 0.02)
    runs = [Ending(tmp_path / f"{row}{seed}", seed) for seed in (0, 1, 2) for row in ("fabnet", "rotation")]
    told: list[int] = []
    ended = 0
    with RunsProgress(cast("list[Run]", runs), lambda: told.append(ended)):
        for run in runs:
            run.end("failed" if run.seed == 1 else "done")
            ended += 1
            time.sleep(0.5)
    assert told == [2, 4]

"""Launching again: nothing is done twice, whatever was lost, and wherever it was killed."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmark.tiny import TASKS, Finished, call, cells, end, run_folder, settings, start, times

ANY_RUN = "quick/*/*/seed*/**/*"
MOMENTS = [
    ("while tracks are packed", "cache/tracks/*/unfinished/*"),
    ("in the middle of training", "runs/quick/synthetic/fabnet/*/checkpoint.pt"),
    ("after embedding", "runs/quick/synthetic/fabnet/*/done/embed-synthetic.json"),
    ("between probes", "runs/quick/synthetic/fabnet/*/done/probe-synthetic-pose.json"),
]
LONG = ("methods=fabnet", f"tasks={','.join(TASKS)}", "train.steps=60", "train.checkpoint_steps=5")


def test_launching_again_does_nothing(again: Callable[..., Finished], tmp_path: Path) -> None:
    before = times(tmp_path / "runs", ANY_RUN)
    finished = again()
    assert finished.code == 0
    assert "9 runs: 9 done, 0 to do" in finished.err
    assert times(tmp_path / "runs", ANY_RUN) == before


@pytest.mark.parametrize(
    ("harmed", "harm", "redone"),
    [
        ("method.safetensors", "altered", {"pretrain"}),
        ("encoder.safetensors", "removed", {"pretrain"}),
        ("done/pretrain.json", "altered", {"pretrain"}),
        ("features/synthetic.safetensors", "removed", {"embed-synthetic"}),
        ("features/synthetic.safetensors", "altered", {"embed-synthetic"}),
        ("done/embed-synthetic.json", "removed", {"embed-synthetic"}),
        ("probes/synthetic-aus.json", "removed", {"probe-synthetic-aus"}),
        ("probes/synthetic-aus.safetensors", "altered", {"probe-synthetic-aus"}),
        ("probes/synthetic-aus.head.safetensors", "removed", {"probe-synthetic-aus"}),
    ],
)
def test_only_the_stage_that_lost_a_file_is_redone(
    again: Callable[..., Finished], tmp_path: Path, harmed: str, harm: str, redone: set[str]
) -> None:
    """And since a stage makes the same bytes again, nothing that follows has to be."""
    runs, folder = tmp_path / "runs", run_folder(tmp_path, "fabnet")
    before, markers, values = times(runs, ANY_RUN), times(folder, "done/*"), cells(runs / "quick")
    path = folder / harmed
    content = path.read_bytes()
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2])
    finished = again()
    assert finished.code == 0
    assert "9 runs: 8 done, 1 to do" in finished.err
    after = times(folder, "done/*")
    assert {Path(name).stem for name in after if after[name] != markers.get(name)} == redone
    others = [name for name in before if not name.startswith(str(folder.relative_to(runs)))]
    assert all(times(runs, ANY_RUN)[name] == before[name] for name in others)
    assert cells(runs / "quick") == values


def test_other_heads_redo_the_probes_alone(again: Callable[..., Finished], tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "fabnet")
    before = times(folder, "done/*")
    assert again("probe.heads=[exact]", "probe.table_head=exact").code == 0
    after = times(folder, "done/*")
    assert {Path(name).stem for name in after if after[name] != before[name]} == {f"probe-{task}" for task in TASKS}


def test_another_budget_is_another_run(again: Callable[..., Finished], tmp_path: Path) -> None:
    before = times(tmp_path / "runs", ANY_RUN)
    assert again("train.steps=5", "methods=fabnet", "seeds=1", "tasks=synthetic-pose").code == 0
    after = times(tmp_path / "runs", ANY_RUN)
    assert all(after[name] == before[name] for name in before)
    assert len(list(tmp_path.glob("runs/quick/synthetic/fabnet/seed0-*"))) == 2


def test_one_more_seed_leaves_the_others_alone(again: Callable[..., Finished], tmp_path: Path) -> None:
    finished = again("seeds=[0,3,5]", "methods=fabnet")
    assert "3 runs: 2 done, 1 to do" in finished.err
    assert {cell["n_seeds"] for cell in cells(tmp_path / "runs" / "quick")} == {3}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("undisturbed")
    assert call("run", *settings(place, *LONG)).code == 0
    return place / "runs" / "quick"


@pytest.mark.parametrize(("launcher", "moments"), [("inline", MOMENTS), ("local", MOMENTS[1:2])])
def test_killed_at_any_moment_the_same_command_finishes(
    tmp_path: Path, undisturbed: Path, launcher: str, moments: list[tuple[str, str]]
) -> None:
    words = ("run", *settings(tmp_path, *LONG, f"launcher={launcher}", "launcher.workers=2"))
    markers: dict[str, int] = {}
    for moment, pattern in moments:
        killed = kill_when(lambda pattern=pattern: any(tmp_path.glob(pattern)), *words)  # type: ignore[misc]
        assert killed, f"the benchmark ended before it could be killed {moment}"
        found = times(tmp_path, "runs/**/done/*.json")
        assert {name: found[name] for name in markers} == markers, f"finished work was redone {moment}"
        markers = found
    finished = end(start(*words))
    assert finished.code == 0, finished.err
    found = times(tmp_path, "runs/**/done/*.json")
    assert {name: found[name] for name in markers} == markers
    assert cells(tmp_path / "runs" / "quick") == cells(undisturbed)
    assert not list(tmp_path.glob("cache/**/unfinished"))


def test_a_crash_between_training_and_its_marker_costs_no_training(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("crashed")

    words = settings(tmp_path, "methods=fabnet", "train.checkpoint_steps=3", cache=cache)
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.pipeline.stages.mark_done", crash)
        assert call("run", *words).code == 1
    assert call("run", *words).code == 0
    folder = run_folder(tmp_path, "fabnet")
    assert json.loads((folder / "cost.json").read_text())["restarts"] == 1, "it went on from its checkpoint"
    assert not (folder / "checkpoint.pt").exists()


def kill_when(due: Callable[[], bool], *words: str) -> bool:
    """Starts a command and kills it with its whole group as soon as ``due``; False where it ended before."""
    process = start(*words)
    deadline = time.monotonic() + 120
    while process.poll() is None and not due():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive

"""The whole benchmark, end to end."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from tests.benchmark import released
from tests.benchmark.tiny import METHOD, Finished, call, cells, end, settings, start, times

TASKS = ("synthetic-pose", "synthetic-aus")
ROWS = {"mean": "floor", "random": "floor", "fabnet": "method", "supervised": "ceiling"}
FULL = (f"methods={','.join(ROWS)}", f"tasks={','.join(TASKS)}", "seeds=[0,3]")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data, made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, Finished]:
    """A finished benchmark, not to be touched, and how its command ended."""
    place = tmp_path_factory.mktemp("launched")
    return place, call("run", *settings(place, *FULL, cache=cache))


@pytest.fixture
def again(launched: tuple[Path, Finished], tmp_path: Path, cache: Path) -> Callable[..., Finished]:
    """Launches the same benchmark once more, on a copy of what it left in ``tmp_path``."""
    shutil.copytree(launched[0] / "runs", tmp_path / "runs")
    return lambda *more: call("run", *settings(tmp_path, *FULL, *more, cache=cache))


def run_folder(place: Path, row: str, data: str = "synthetic") -> Path:
    return next(place.glob(f"runs/quick/{data}/{row}/seed0-*"))


def test_a_run_ends_with_tables_and_where_everything_is(launched: tuple[Path, Finished]) -> None:
    place, finished = launched
    assert finished.code == 0, finished.err
    for text in (
        "Smoke run",
        "Head pose: synthetic-pose (quick)",
        "Action units: synthetic-aus (quick)",
        "Cost (quick)",
    ):
        assert text in finished.out
    last = finished.out.strip().splitlines()[-1]
    assert str(place / "runs" / "quick") in last
    assert "Traceback" not in finished.err


def test_every_cell_has_a_value_for_every_seed(launched: tuple[Path, Finished]) -> None:
    place = launched[0]
    printed = call("tables", *settings(place, *FULL), "--format", "json")
    records = json.loads(printed.out)
    fields = {"benchmark", "variant", "kind", "task", "metric", "unit", "mean", "std", "values", "n_seeds", "runs"}
    assert all(fields <= record.keys() for record in records)
    assert {record["variant"]: record["kind"] for record in records} == ROWS
    for record in [record for record in records if record["task"] != "cost"]:
        seeds = 1 if record["variant"] == "mean" else 2
        assert len(record["values"]) == len(record["runs"]) == record["n_seeds"] == seeds, record
        assert (record["std"] is None) == (seeds == 1)
        assert all((place / "runs" / run / "config.yaml").is_file() for run in record["runs"])
    units = {(record["task"], record["metric"]): record["unit"] for record in records}
    assert units["synthetic-pose", "yaw"] == "deg"
    assert units["synthetic-aus", "auc"] == "auc"


def test_what_a_run_leaves_behind(launched: tuple[Path, Finished]) -> None:
    folder = run_folder(launched[0], "fabnet")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    expected = {"config.yaml", "status.json", "metrics.jsonl", "environment.json", "cost.json"}
    expected |= {"method.safetensors", "encoder.safetensors", "features/synthetic.safetensors"}
    expected |= {f"probes/{task}.json" for task in TASKS} | {f"probes/{task}.safetensors" for task in TASKS}
    expected |= {f"done/{stage}.json" for stage in ("pretrain", "embed-synthetic", *(f"probe-{t}" for t in TASKS))}
    assert expected <= found
    assert any(name.startswith("events/") for name in found)
    assert json.loads((folder / "status.json").read_text())["state"] == "done"
    record = json.loads((folder / "probes" / "synthetic-pose.json").read_text())
    assert record["set"]["protocol"]
    assert record["data"] == json.loads((folder / "environment.json").read_text()).get("data", record["data"])


def test_a_row_trained_on_labels_has_a_run_for_each_task(launched: tuple[Path, Finished]) -> None:
    for task in TASKS:
        folder = run_folder(launched[0], "supervised", task)
        assert [path.name for path in (folder / "probes").glob("*.json")] == [f"{task}.json"]


@pytest.mark.parametrize(("form", "mark"), [("md", "| method"), ("tex", r"\toprule"), ("csv", "benchmark,variant")])
def test_tables_from_what_is_on_disk(launched: tuple[Path, Finished], form: str, mark: str) -> None:
    printed = call("tables", *settings(launched[0], *FULL), "--format", form)
    assert printed.code == 0
    assert mark in printed.out


# -- nothing is done twice ---------------------------------------------------------------------------------------------

ANY_RUN = "quick/*/*/seed*/**/*"


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


# -- a dry run ---------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(tmp_path: Path, cache: Path) -> None:
    planned = call("run", *settings(tmp_path, *FULL), "--dry-run")
    assert planned.code == 0
    assert "to be prepared" in planned.out
    planned = call(
        "run",
        *settings(tmp_path, "methods=fabnet-3source", "train.batch_size=10", "data.frames_per_track=4"),
        "--dry-run",
    )
    assert "start    fabnet-3source: from fabnet-curriculum of the same seed" in planned.out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_names_what_is_missing(launched: tuple[Path, Finished], cache: Path) -> None:
    place = launched[0]
    before = times(place, "**/*") | times(cache, "**/*")
    planned = call("run", *settings(place, *FULL, "train.steps=6", cache=cache), "--dry-run").out
    assert "fabnet/seed0: pretrain, embed-synthetic, probe-synthetic-pose, probe-synthetic-aus" in planned
    planned = call("run", *settings(place, *FULL, "seeds=[0,3,4]", cache=cache), "--dry-run").out
    assert "fabnet/seed3: done" in planned
    assert "fabnet/seed4: pretrain" in planned
    assert times(place, "**/*") | times(cache, "**/*") == before


# -- a method of one's own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("launcher", "beside"), [("inline", ["fabnet", "mean"]), ("local", [])])
def test_a_new_method_is_one_file(tmp_path: Path, cache: Path, launcher: str, beside: list[str]) -> None:
    path = tmp_path / f"own_{launcher}.py"
    path.write_text(METHOD.format(name=f"own-{launcher}"))
    words = settings(tmp_path, f"methods={','.join([*beside, str(path)])}", f"launcher={launcher}", cache=cache)
    finished = call("run", *words) if launcher == "inline" else end(start("run", *words))
    assert finished.code == 0, finished.err
    assert f"own_{launcher}" in finished.out
    rows = {cell["variant"]: cell for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"}
    assert rows.keys() == {*beside, f"own_{launcher}"}
    assert rows[f"own_{launcher}"]["kind"] == "method"
    assert rows[f"own_{launcher}"]["mean"] > 0


def test_an_edited_method_file_is_run_anew(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "own_edited.py"
    path.write_text(METHOD.format(name="own-edited"))
    words = settings(tmp_path, f"methods={path}", cache=cache)
    assert "1 to do" in call("run", *words).err
    path.write_text(path.read_text() + "\n# changed\n")
    assert "1 to do" in call("run", *words).err


def test_a_method_that_raises_is_a_gap_and_the_others_go_on(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "own_broken.py"
    path.write_text(METHOD.format(name="own-broken"))
    (tmp_path / "broken").touch()
    words = settings(tmp_path, f"methods={path},fabnet,mean", cache=cache)
    finished = call("run", *words)
    assert finished.code == 1
    (line,) = [line for line in finished.err.splitlines() if line.startswith("failed: ")]
    assert "own_broken/seed0: this method is broken" in line
    log = Path(line.partition("(log: ")[2].rstrip(")"))
    assert "RuntimeError: this method is broken" in log.read_text()
    assert "Traceback" not in finished.err
    rows = {cell["variant"]: cell["mean"] for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"}
    assert rows.keys() == {"mean", "fabnet", "own_broken"}
    assert rows["own_broken"] is None, "a gap"
    assert str(tmp_path / "runs" / "quick") in finished.out.strip().splitlines()[-1]

    (tmp_path / "broken").unlink()
    before = times(tmp_path / "runs", "quick/*/fabnet/**/*")
    finished = call("run", *words)
    assert finished.code == 0
    assert "3 runs: 2 done, 1 to do" in finished.err
    assert times(tmp_path / "runs", "quick/*/fabnet/**/*") == before


def test_a_run_that_diverges_says_why(tmp_path: Path, cache: Path) -> None:
    wild = "variants.wild={method: autoencoder, train: {lr: 1e30, optimiser: sgd, schedule: constant, clip: null}}"
    finished = call("run", *settings(tmp_path, wild, "methods=wild,fabnet", cache=cache))
    assert finished.code == 1
    assert "failed: wild/seed0: the loss became " in finished.err
    status = json.loads((next(tmp_path.glob("runs/quick/synthetic/wild/*")) / "status.json").read_text())
    assert (status["state"], status["stage"]) == ("failed", "pretrain")
    assert any(cell["variant"] == "fabnet" and cell["mean"] for cell in cells(tmp_path / "runs" / "quick"))


# -- weights of other runs, and of others -----------------------------------------------------------------------------

SOURCES = ("data.frames_per_track=4", "train.batch_size=10", "seeds=[0,3]")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, Finished]:
    """A benchmark whose one method starts from a variant that is no row of it."""
    place = tmp_path_factory.mktemp("started")
    return place, call("run", *settings(place, "methods=fabnet-3source,mean", *SOURCES, cache=cache))


def test_a_run_starts_from_the_weights_of_another_of_the_same_seed(started: tuple[Path, Finished]) -> None:
    place, finished = started
    assert finished.code == 0, finished.err
    assert "5 runs: 0 done, 5 to do" in finished.err
    assert {cell["variant"] for cell in cells(place / "runs" / "quick")} == {"fabnet-3source", "mean"}
    for seed in (0, 3):
        (parent,) = place.glob(f"runs/quick/synthetic/fabnet-curriculum/seed{seed}-*")
        (child,) = place.glob(f"runs/quick/synthetic/fabnet-3source/seed{seed}-*")
        before, after = (load_file(folder / "method.safetensors") for folder in (parent, child))
        frozen = [name for name in before if name.startswith("decoder.") and name.endswith((".weight", ".bias"))]
        assert frozen
        assert all(torch.equal(before[name], after[name]) for name in frozen)
        assert not torch.equal(before["encoder.layers.0.weight"], after["encoder.layers.0.weight"])
        costs = [json.loads((folder / "cost.json").read_text()) for folder in (parent, child)]
        assert [(cost["steps"], cost["steps_before"]) for cost in costs] == [(4, 0), (4, 4)]
        keys = [yaml.safe_load((folder / "config.yaml").read_text()) for folder in (parent, child)]
        assert keys[1]["identity"]["start"] == keys[0]["key"]
        assert not list(parent.glob("probes/*")), "nothing is probed of what is no row"


def test_what_is_done_is_not_done_again_nor_what_it_starts_from(
    started: tuple[Path, Finished], tmp_path: Path, cache: Path
) -> None:
    shutil.copytree(started[0] / "runs", tmp_path / "runs")
    before = times(tmp_path / "runs", ANY_RUN)
    words = settings(tmp_path, "methods=fabnet-3source,mean", *SOURCES, cache=cache)
    assert "5 runs: 5 done, 0 to do" in call("run", *words).err
    assert times(tmp_path / "runs", ANY_RUN) == before
    planned = call("run", *words, "train.steps=5", "--dry-run").out
    assert (
        "fabnet-3source/seed3: pretrain, embed-synthetic, probe-synthetic-pose (after fabnet-curriculum/seed3)"
        in planned
    )
    assert "fabnet-curriculum/seed3: pretrain  [" in planned
    other = "variants.fabnet-curriculum.train.lr=0.5"  # another parent makes another run
    assert "5 runs: 1 done, 4 to do" in call("run", *words, other).err


def test_where_the_start_fails_what_starts_from_it_is_a_gap(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "own_start.py"
    path.write_text(METHOD.format(name="own-start"))
    (tmp_path / "broken").touch()
    words = settings(
        tmp_path, "methods=next,fabnet", f"variants.next={{method: fabnet, init_from: {path}}}", cache=cache
    )
    finished = call("run", *words)
    assert finished.code == 1
    assert "failed: next/seed0: not started, since own_start/seed0 failed" in finished.err
    rows = {cell["variant"]: cell["mean"] for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"}
    assert rows["next"] is None
    assert rows["fabnet"] is not None
    (tmp_path / "broken").unlink()
    assert "3 runs: 1 done, 2 to do" in call("run", *words).err


def test_a_finished_run_s_folder_is_a_start(tmp_path: Path, cache: Path) -> None:
    words = ("methods=fabnet", f"out={tmp_path / 'first'}")
    assert call("run", *settings(tmp_path, *words, cache=cache)).code == 0
    (run,) = tmp_path.glob("first/quick/synthetic/fabnet/*")
    again = settings(tmp_path, "methods=on-it", f"variants.on-it={{method: fabnet, init_from: {run}}}", cache=cache)
    assert call("run", *again).code == 0
    (cost,) = tmp_path.glob("runs/quick/synthetic/on-it/*/cost.json")
    assert json.loads(cost.read_text())["steps_before"] == 4


def test_released_weights_are_a_row_beside_the_others(tmp_path: Path, cache: Path) -> None:
    model, probe = released.fabnet()
    released.save_fabnet(tmp_path / "300w_4views.pt", model, probe)
    place = f"imported={tmp_path / 'imported'}"
    assert call("import", str(tmp_path / "300w_4views.pt"), place).code == 0
    tasks = "tasks=synthetic-pose,synthetic-landmarks"
    words = settings(tmp_path, "methods=fabnet,fabnet-released", "seeds=[0,3]", tasks, place, cache=cache)
    finished = call("run", *words)
    assert finished.code == 0, finished.err
    found = [cell for cell in cells(tmp_path / "runs" / "quick") if cell["metric"] == "mae"]
    assert [(cell["kind"], cell["variant"], cell["n_seeds"]) for cell in found] == [
        ("method", "fabnet", 2),
        ("pretrained", "fabnet-released", 1),
    ]
    alone = call("run", *words, "train.lr=0.1", "methods=fabnet-released").err
    assert "1 runs: 1 done, 0 to do" in alone, "how others are trained does not concern it"
    (run,) = tmp_path.glob("runs/quick/pretrained/fabnet-released/*")
    features = load_file(run / "features" / "synthetic.safetensors")["features"]
    assert features.shape[1] == 16, "its own encoder's"


def test_pictures_are_drawn_of_a_run_and_of_imported_weights(
    started: tuple[Path, Finished], tmp_path: Path, cache: Path
) -> None:
    shutil.copytree(started[0] / "runs", tmp_path / "runs")
    model, probe = released.fabnet()
    released.save_fabnet(tmp_path / "a.pt", model, probe)
    place = f"imported={tmp_path / 'imported'}"
    assert call("import", str(tmp_path / "a.pt"), place).code == 0
    words = settings(tmp_path, *SOURCES, "tasks=synthetic-pose,synthetic-landmarks", cache=cache)
    for run, expected in {
        "fabnet-3source/seed3": {"training.png", "tracks.png", "synthetic-landmarks.png"},
        str(tmp_path / "imported" / "fabnet-released"): {"tracks.png", "synthetic-landmarks.png"},
    }.items():
        finished = call("pictures", run, *words)
        assert finished.code == 0, finished.err
        drawn = [Path(line) for line in finished.out.splitlines()]
        assert {path.name for path in drawn} == expected
        for path in drawn:
            with Image.open(path) as picture:
                assert picture.width > 300
    wrong = call("pictures", "fabnet-3source/seed4", *words)
    assert wrong.code == 2
    assert "did you mean 'fabnet-3source/seed" in wrong.err


# -- interruption ------------------------------------------------------------------------------------------------------

MOMENTS = [
    ("while tracks are made", "cache/tracks/*/unfinished/*"),
    ("in the middle of training", "runs/quick/synthetic/fabnet/*/checkpoint.pt"),
    ("after embedding", "runs/quick/synthetic/fabnet/*/done/embed-synthetic.json"),
    ("between probes", "runs/quick/synthetic/fabnet/*/done/probe-synthetic-pose.json"),
]
LONG = ("methods=fabnet", f"tasks={','.join(TASKS)}", "train.steps=60", "train.checkpoint_steps=5")


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

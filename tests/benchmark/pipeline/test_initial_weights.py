"""Runs that start from the weights of other runs, pretrained rows, and pictures of them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from tests.benchmark import released
from tests.benchmark.tiny import METHOD, Finished, call, cells, settings, times

ANY_RUN = "quick/*/*/seed*/**/*"
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


def test_neither_a_finished_run_nor_its_parent_is_run_again(
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


def test_a_run_whose_parent_fails_is_a_gap(tmp_path: Path, cache: Path) -> None:
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


def test_training_starts_from_the_folder_of_a_finished_run(tmp_path: Path, cache: Path) -> None:
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
    choices = ("methods=fabnet-3source,mean", "tasks=synthetic-pose,synthetic-landmarks")
    words = settings(tmp_path, *choices, *SOURCES, cache=cache)
    for run, expected in {
        "fabnet-3source/seed3": {"training.png", "tracks.png", "synthetic-landmarks.png", "neighbours-synthetic.png"},
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


def test_pictures_use_the_fitted_heads_and_fit_them_for_runs_without(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = settings(tmp_path, "methods=fabnet", "tasks=synthetic-landmarks", cache=cache)
    assert call("run", *words).code == 0
    (heads,) = tmp_path.glob("runs/quick/synthetic/fabnet/*/probes/synthetic-landmarks.head.safetensors")
    sheet = heads.parents[1] / "pictures" / "synthetic-landmarks.png"
    with monkeypatch.context() as patch:
        patch.delattr("benchmark.pipeline.pictures.predict")
        assert call("pictures", "fabnet/seed0", *words).code == 0
    drawn = sheet.read_bytes()
    heads.unlink()
    sheet.unlink()
    assert call("pictures", "fabnet/seed0", *words).code == 0
    assert sheet.read_bytes() == drawn

"""The retrieval task in a benchmark: what it adds to a finished one, its tables and its pictures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.errors import DataError, UsageError
from benchmark.pipeline.preparation import _check_task
from benchmark.viz.neighbours import NEIGHBOURS, QUERIES
from benchmark.viz.sheet import GAP, TILE
from tests.benchmark.tiny import Finished, call, refused, run_folder, settings

WORDS = ("methods=mean,fabnet,supervised", "tasks=synthetic-retrieval")


@pytest.fixture(scope="module")
def retrieved(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, Finished]:
    """A finished benchmark of retrieval, and how its command ended."""
    place = tmp_path_factory.mktemp("retrieved")
    finished = call("run", *settings(place, *WORDS, cache=cache))
    assert finished.code == 0, finished.err
    return place, finished


def test_the_scores_are_of_test_faces_alone_and_a_constant_is_at_chance(retrieved: tuple[Path, Finished]) -> None:
    launch = json.loads((retrieved[0] / "runs" / "quick" / "benchmark.json").read_text())
    faces = LabelledSet.load(Path(launch["sets"]["synthetic"]["file"]))
    for row in ("mean", "fabnet"):
        folder = run_folder(retrieved[0], row) / "probes"
        record = json.loads((folder / "synthetic-retrieval.json").read_text())
        arrays = load_file(folder / "synthetic-retrieval.safetensors")
        assert record["n"] == {"train": 0, "val": 0, "test": 32}
        assert (faces.split[arrays["rows"]] == "test").all()
        metrics = record["heads"]["retrieval"]["metrics"]
        for name in ("pose", "expression", "aus"):
            assert metrics[f"{name}_5"]["value"] == pytest.approx(np.nanmean(arrays[f"retrieval.{name}_5"]), rel=1e-6)
            if row == "mean":
                assert metrics[f"{name}_1"]["value"] == pytest.approx(metrics[f"{name}_chance"]["value"], rel=1e-9)


def test_a_row_trained_on_labels_has_no_run_and_that_is_said(retrieved: tuple[Path, Finished]) -> None:
    place, finished = retrieved
    assert "warning: row supervised is left out: it is trained on the labels of a task" in finished.err
    assert not list(place.rglob("supervised"))
    assert "Retrieval" in finished.out.partition("Overview (quick)")[2]


def test_the_task_trains_and_embeds_nothing_anew(retrieved: tuple[Path, Finished], cache: Path) -> None:
    words = ("methods=mean,fabnet", "tasks=synthetic-retrieval,synthetic-pose")
    planned = call("run", *settings(retrieved[0], *words, cache=cache), "--dry-run").out
    assert [line.split(": ")[1].split("  ")[0] for line in planned.splitlines() if line.startswith("run ")] == [
        "probe-synthetic-pose",
        "probe-synthetic-pose",
    ]


def test_nearest_faces_are_drawn(retrieved: tuple[Path, Finished], cache: Path) -> None:
    place = retrieved[0]
    only = ("data", "sets", "out", "cache")
    drawn = call("pictures", "fabnet/seed0", *settings(place, WORDS[1], cache=cache, only=only))
    assert drawn.code == 0, drawn.err
    path = run_folder(place, "fabnet") / "pictures" / "neighbours-synthetic.png"
    assert str(path) in drawn.out
    width, height = Image.open(path).size
    assert width == GAP + (NEIGHBOURS + 1) * (TILE + GAP)
    assert height > QUERIES * TILE
    constant = refused(1, "pictures", "mean/seed0", *settings(place, WORDS[1], cache=cache, only=only))
    assert "nothing to draw yet" in constant


def test_sets_that_cannot_be_asked_are_refused(faces: LabelledSet) -> None:
    landmarks = {name: target for name, target in faces.targets.items() if target.kind == "landmarks"}
    with pytest.raises(UsageError, match="task near: set discs has no head pose, classes or action units"):
        _check_task("near", "retrieval", replace(faces, targets=landmarks))
    with pytest.raises(UsageError, match="has a target named retrieval, which stands for all of them; rename it"):
        _check_task("near", "retrieval", replace(faces, targets={"retrieval": next(iter(landmarks.values()))}))
    alone = np.full(len(faces.frames), "anna")
    with pytest.raises(DataError, match="all test faces of set discs are of one person"):
        _check_task("near", "retrieval", replace(faces, identity=alone))
    _check_task("near", "retrieval", faces)

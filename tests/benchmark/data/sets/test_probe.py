"""Probes on every published set; errors agree with an independent computation on the raw files."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import LabelledSet
from probes.probe import predict, probe
from tests.benchmark.data.sets import lookalikes, w300_error
from tests.benchmark.data.sets.lookalikes import Faces

Read = Callable[..., LabelledSet]
TARGETS = {
    "w300": "landmarks",
    "mafl": "landmarks",
    "wflw": "landmarks",
    "aflw": "pose",
    "aflw2000": "pose",
    "affectnet": "expression",
    "rafdb": "expression",
    "fer2013": "expression",
    "emotionet": "aus",
}


def pixels(labelled: LabelledSet) -> NDArray[np.float32]:
    """Features (N, 12): each face as 2 x 2 colours."""
    n, side = len(labelled.frames), labelled.frames.shape[1] // 2
    means: NDArray[np.float32] = labelled.frames.reshape(n, 2, side, 2, side, 3).mean((2, 4)).astype(np.float32)
    return means.reshape(n, -1)


@pytest.mark.parametrize("kind", lookalikes.WRITERS)
def test_every_set_trains_and_tests_a_probe(tmp_path: Path, faces: Faces, read: Read, kind: str) -> None:
    make, name = lookalikes.WRITERS[kind], TARGETS[kind]
    make(tmp_path / "raw", faces)
    labelled = read(kind, tmp_path / "raw")
    probed = probe(
        labelled.targets[name], labelled.split, pixels(labelled), heads=("exact", "mean"), group=labelled.group
    )
    for head in ("exact", "mean"):
        metrics = probed.record["heads"][head]["metrics"]
        first = next(iter(metrics.values()))
        assert first["value"] is not None
        assert np.isfinite(first["value"])
        assert first["n"] <= len(labelled.indices("test"))
    if kind == "w300":
        assert {"error", "error/common", "error/challenging"} <= set(metrics)


def predictions(labelled: LabelledSet, name: str) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Rows of the test faces, and the predictions of the exact head."""
    return predict(labelled.targets[name], labelled.split, pixels(labelled), head="exact")


@pytest.mark.parametrize("mat", [True, False])
def test_the_error_on_300w_is_that_of_the_raw_files(tmp_path: Path, faces: Faces, read: Read, mat: bool) -> None:
    """Equal when the truth is rounded as stored, and to seven digits when it is not."""
    lookalikes.w300(tmp_path, faces, mat)
    labelled = read("w300", tmp_path)
    probed = probe(
        labelled.targets["landmarks"], labelled.split, pixels(labelled), heads=("exact",), group=labelled.group
    )
    metrics = probed.record["heads"]["exact"]["metrics"]
    rows, predicted = predictions(labelled, "landmarks")
    images = labelled.image_ids[rows].tolist()
    np.testing.assert_array_equal(rows, probed.arrays["rows"])
    assert sorted(images) == sorted(
        f"{part}/{name}" for part in ("helen/testset", "lfpw/testset", "ibug") for name in lookalikes.W300[part]
    )

    exact = w300_error.errors(tmp_path, images, predicted, stored=True)
    np.testing.assert_allclose(probed.arrays["exact.errors"], exact, rtol=1e-12)
    hard = np.array([image.startswith("ibug/") for image in images])
    for name, of_part in {"error": exact, "error/challenging": exact[hard], "error/common": exact[~hard]}.items():
        assert metrics[name]["n"] == len(of_part)
        assert metrics[name]["value"] == pytest.approx(of_part.mean(), rel=1e-12)
    unrounded = w300_error.errors(tmp_path, images, predicted)
    assert metrics["error"]["value"] == pytest.approx(unrounded.mean(), rel=1e-7)


def test_the_error_on_own_points_is_that_of_their_files(tmp_path: Path, faces: Faces, read: Read) -> None:
    """Both formats: .pts counts pixels from 1, dlib XML from 0."""
    for i in range(20):
        lookalikes.save(faces.photo(i, (140, 130), 20, 15, 96), tmp_path / f"pts/{i}.jpg")
        (tmp_path / f"pts/{i}.pts").write_text(lookalikes.pts(faces.points(i, 20, 15, 96)))
    (tmp_path / "dlib").mkdir()
    lookalikes.dlib_xml(tmp_path / "dlib/faces.xml", faces, range(20, 40))
    labelled = read("points", tmp_path)
    probed = probe(labelled.targets["landmarks"], labelled.split, pixels(labelled), heads=("exact",))
    raw = {}
    for path in (tmp_path / "pts").glob("*.pts"):
        lines = path.read_text().splitlines()[3:71]
        raw[f"pts/{path.stem}.jpg"] = np.array([line.split() for line in lines], float) - 1
    for image in ElementTree.parse(tmp_path / "dlib/faces.xml").iter("image"):
        raw[f"dlib/{image.get('file')}"] = np.array(
            [(part.get("x"), part.get("y")) for part in image.iter("part")], float
        )
    rows, predicted = predictions(labelled, "landmarks")
    assert {str(image).split("/")[0] for image in labelled.image_ids[rows]} == {"pts", "dlib"}
    expected = []
    for row, prediction in zip(rows, predicted.astype(float), strict=True):
        truth = raw[labelled.image_ids[row]]  # in pixels, the first of which is 0
        side = 1.2 * np.ptp(truth, axis=0).max()
        in_image = (truth.min(0) + truth.max(0) - side) / 2 + prediction * side
        expected.append(100 * np.linalg.norm(in_image - truth, axis=1).mean() / np.linalg.norm(truth[36] - truth[45]))
    np.testing.assert_allclose(probed.arrays["exact.errors"], expected, rtol=1e-6)
    value = probed.record["heads"]["exact"]["metrics"]["error"]["value"]
    assert value == pytest.approx(np.mean(expected), rel=1e-6)


def test_the_scores_on_fer2013_are_those_of_its_csv(tmp_path: Path, faces: Faces, read: Read) -> None:
    """Accuracy, and the AUC of each class, counted over pairs."""
    lookalikes.fer2013(tmp_path / "fer2013.csv", faces)
    labelled = read("fer2013", tmp_path)
    probed = probe(labelled.targets["expression"], labelled.split, pixels(labelled), heads=("exact",))
    metrics = probed.record["heads"]["exact"]["metrics"]
    raw = [line.split(",") for line in (tmp_path / "fer2013.csv").read_text().splitlines()]
    private = {f"line {number}": int(code) for number, (code, _, usage) in enumerate(raw, 1) if usage == "PrivateTest"}
    rows, predicted = predictions(labelled, "expression")
    np.testing.assert_allclose(probed.arrays["exact.probabilities"], predicted)
    assert set(labelled.image_ids[rows].tolist()) == set(private)
    truth = np.array([private[image] for image in labelled.image_ids[rows]])
    assert metrics["accuracy"]["value"] == pytest.approx((predicted.argmax(1) == truth).mean())
    aucs = []
    for name, code in lookalikes.FER.items():
        pairs = predicted[truth == code, code][:, None] - predicted[truth != code, code]
        expected = float((pairs > 0).mean() + (pairs == 0).mean() / 2) if pairs.size else None
        assert metrics[f"auc_{name}"]["value"] == (None if expected is None else pytest.approx(expected))
        aucs += [expected] if expected is not None else []
    assert metrics["auc"]["value"] == pytest.approx(np.mean(aucs))


def test_the_error_on_mafl_is_that_of_celebas_list(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.mafl(tmp_path, faces)
    labelled = read("mafl", tmp_path)
    errors = probe(labelled.targets["landmarks"], labelled.split, pixels(labelled), heads=("exact",)).arrays[
        "exact.errors"
    ]
    lines = (tmp_path / "Anno/list_landmarks_align_celeba.txt").read_text().splitlines()[2:]
    raw = {line.split()[0]: np.array(line.split()[1:], float).reshape(5, 2) for line in lines}
    rows, predicted = predictions(labelled, "landmarks")
    expected = []
    for row, prediction in zip(rows, predicted.astype(float), strict=True):
        truth = raw[labelled.image_ids[row]]
        in_image = prediction * 113 + (32.5, 70) - 0.5
        expected.append(100 * np.linalg.norm(in_image - truth, axis=1).mean() / np.linalg.norm(truth[0] - truth[1]))
    np.testing.assert_allclose(errors, expected, rtol=2e-5)


def test_the_error_on_aflw_is_that_of_the_database(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.aflw(tmp_path, faces)
    labelled = read("aflw", tmp_path)
    errors = probe(labelled.targets["pose"], labelled.split, pixels(labelled), heads=("exact",)).arrays["exact.errors"]
    database = sqlite3.connect(tmp_path / "data/aflw.sqlite")
    query = "SELECT filepath, roll, pitch, yaw FROM Faces NATURAL JOIN FacePose NATURAL JOIN FaceImages"
    raw = {path: np.array(pose) for path, *pose in database.execute(query)}
    rows, predicted = predictions(labelled, "pose")
    for row, prediction, error in zip(rows, predicted, errors, strict=True):
        image, _, face = labelled.image_ids[row].partition("#")
        if not face:  # the join holds the pose of one of the two faces of an image
            in_radians = np.radians(prediction.astype(float)) * [-1, 1, 1]
            np.testing.assert_allclose(error, np.degrees(np.abs(in_radians - raw[image])), atol=1e-3)

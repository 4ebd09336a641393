"""Every published set through a probe, and its errors beside those of an independent computation on the raw files."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from numpy.typing import NDArray

from benchmark.data.labelled import LabelledSet
from probes.coding import coding_for
from probes.exact import fit_exact
from probes.heads import Split
from probes.probe import probe
from probes.target import any_known, take
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces

Read = Callable[..., LabelledSet]
SETS = {
    "w300": (lookalikes.w300, "landmarks"),
    "mafl": (lookalikes.mafl, "landmarks"),
    "wflw": (lookalikes.wflw, "landmarks"),
    "aflw": (lookalikes.aflw, "pose"),
    "aflw2000": (lookalikes.aflw2000, "pose"),
    "affectnet": (lookalikes.affectnet_csv, "expression"),
    "rafdb": (lookalikes.rafdb, "expression"),
    "emotionet": (lookalikes.emotionet, "aus"),
}


def pixels(found: LabelledSet) -> NDArray[np.float32]:
    """Features (N, 12): each face as 2 x 2 colours."""
    n, side = len(found.frames), found.frames.shape[1] // 2
    return found.frames.reshape(n, 2, side, 2, side, 3).mean((2, 4)).reshape(n, -1).astype(np.float32)


@pytest.mark.parametrize("kind", SETS)
def test_every_set_trains_and_tests_a_probe(tmp_path: Path, faces: Faces, read: Read, kind: str) -> None:
    make, name = SETS[kind]
    make(tmp_path / "raw", faces) if kind != "mafl" else make(_made(tmp_path / "raw"), faces)
    found = read(kind, tmp_path / "raw")
    probed = probe(found.targets[name], found.split, pixels(found), heads=("exact", "mean"), group=found.group)
    for head in ("exact", "mean"):
        metrics = probed.record["heads"][head]["metrics"]
        first = next(iter(metrics.values()))
        assert first["value"] is not None
        assert np.isfinite(first["value"])
        assert first["n"] <= len(found.indices("test"))
    if kind == "w300":
        assert {"error", "error/common", "error/challenging"} <= set(metrics)


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def predictions(found: LabelledSet, name: str) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """The exact head's predictions on the test faces, as the probe scores them."""
    target, features = found.targets[name], pixels(found)[None]
    rows = {each: np.flatnonzero(any_known(target) & (found.split == each)) for each in ("train", "val", "test")}
    train, val = (Split(features[:, rows[each]], take(target, rows[each])) for each in ("train", "val"))
    coding = coding_for(train.labels)
    return rows["test"], coding.decode(fit_exact(train, val, coding)(features[:, rows["test"]]))[0]


@pytest.mark.parametrize("mat", [True, False])
def test_the_error_on_300w_is_that_of_the_raw_pts_files(tmp_path: Path, faces: Faces, read: Read, mat: bool) -> None:
    """Predictions go back to image pixels; truth, crop and unit of error are read off the files, by this test alone."""
    lookalikes.w300(tmp_path, faces, mat)
    found = read("w300", tmp_path)
    probed = probe(found.targets["landmarks"], found.split, pixels(found), heads=("exact",))
    rows, predicted = predictions(found, "landmarks")
    np.testing.assert_array_equal(rows, probed.arrays["rows"])
    errors = []
    for row, prediction in zip(rows, predicted.astype(float), strict=True):
        name = found.image_ids[row]
        truth = raw_points(tmp_path / name)
        left, top, right, bottom = raw_box(tmp_path, name) if mat else (*truth.min(0), *truth.max(0))
        side = 1.2 * max(right - left, bottom - top)
        corner = np.array([(left + right) / 2 - side / 2, (top + bottom) / 2 - side / 2])
        distance = np.linalg.norm(corner + prediction * side - truth, axis=1).mean()
        errors.append(100 * distance / np.linalg.norm(truth[36] - truth[45]))
    np.testing.assert_allclose(probed.arrays["exact.errors"], errors, rtol=2e-5)
    value = probed.record["heads"]["exact"]["metrics"]["error"]["value"]
    assert value == pytest.approx(np.mean(errors), rel=1e-5)


def raw_points(image: Path) -> NDArray[np.float64]:
    lines = image.with_suffix(".pts").read_text().splitlines()
    return np.array([[float(word) for word in line.split()] for line in lines[3:71]])


def raw_box(root: Path, name: str) -> list[float]:
    part, _, image = name.rpartition("/")
    path = root / "Bounding Boxes" / f"bounding_boxes_{part.replace('/', '_')}.mat"
    for record in scipy.io.loadmat(path)["bounding_boxes"][0]:
        if record["imgName"][0, 0][0] == image.replace(" ", ""):
            return record["bb_ground_truth"][0, 0][0].tolist()
    raise AssertionError(f"{name} is not in {path}")


def test_the_error_on_mafl_is_that_of_celebas_list(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.mafl(tmp_path, faces)
    found = read("mafl", tmp_path)
    errors = probe(found.targets["landmarks"], found.split, pixels(found), heads=("exact",)).arrays["exact.errors"]
    lines = (tmp_path / "Anno/list_landmarks_align_celeba.txt").read_text().splitlines()[2:]
    raw = {line.split()[0]: np.array(line.split()[1:], float).reshape(5, 2) for line in lines}
    rows, predicted = predictions(found, "landmarks")
    expected = []
    for row, prediction in zip(rows, predicted.astype(float), strict=True):
        truth = raw[found.image_ids[row]]
        in_image = prediction * 113 + (32.5, 70) - 0.5
        expected.append(100 * np.linalg.norm(in_image - truth, axis=1).mean() / np.linalg.norm(truth[0] - truth[1]))
    np.testing.assert_allclose(errors, expected, rtol=2e-5)


def test_the_error_on_aflw_is_that_of_the_database(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.aflw(tmp_path, faces)
    found = read("aflw", tmp_path)
    errors = probe(found.targets["pose"], found.split, pixels(found), heads=("exact",)).arrays["exact.errors"]
    database = sqlite3.connect(tmp_path / "data/aflw.sqlite")
    query = "SELECT filepath, roll, pitch, yaw FROM Faces NATURAL JOIN FacePose NATURAL JOIN FaceImages"
    raw = {path: np.array(pose) for path, *pose in database.execute(query)}
    rows, predicted = predictions(found, "pose")
    for row, prediction, error in zip(rows, predicted, errors, strict=True):
        image, _, face = found.image_ids[row].partition("#")
        if not face:  # the join holds the pose of one of the two faces of an image
            in_radians = np.radians(prediction.astype(float)) * [-1, 1, 1]
            np.testing.assert_allclose(error, np.degrees(np.abs(in_radians - raw[image])), atol=1e-3)

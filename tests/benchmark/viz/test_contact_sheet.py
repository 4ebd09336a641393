"""Contact sheets of every kind of target and any number of faces."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError, UsageError
from benchmark.viz.contact_sheet import EYE, POINT, axes, contact_sheet, track_sheet
from benchmark.viz.sheet import TILE, write_line


@pytest.fixture
def faces() -> LabelledSet:
    """Five black faces with every kind of target, some unknown."""
    n = 5
    points = np.tile(np.array([[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]], np.float32), (n, 1, 1))
    known = np.array([True, True, False, True, True])
    targets = {
        "landmarks": Target("landmarks", points, known, (), (0, 1)),
        "pose": Target("pose", np.full((n, 3), 20, np.float32), known, ("roll", "pitch", "yaw")),
        "classes": Target("classes", np.zeros(n, np.int64), known, ("joy",)),
        "aus": Target("aus", np.ones((n, 2), np.float32), np.tile(known[:, None], (1, 2)), ("AU1", "AU2")),
        "empty": Target("classes", np.zeros(n, np.int64), np.zeros(n, np.bool_), ("joy",)),
    }
    return LabelledSet(
        name="drawn",
        frames=np.zeros((n, 16, 16, 3), np.uint8),
        image_ids=np.array([f"{'very ' * 20}long ü {i}.jpg" for i in range(n)]),
        split=np.array(["train", "train", "train", "val", "test"]),
        corner=np.zeros((n, 2), np.float32),
        side=np.ones(n, np.float32),
        targets=targets,
        group=np.array(["grey"] * n),
    )


def centre_of(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.float64]:
    centre: NDArray[np.float64] = np.argwhere((picture == colour).all(-1)).mean(0)[::-1] + 0.5
    return centre


def test_landmarks_are_drawn_at_their_coordinates(faces: LabelledSet, tmp_path: Path) -> None:
    contact_sheet(faces, tmp_path / "sheet.png", "landmarks", n=1)
    picture = np.asarray(Image.open(tmp_path / "sheet.png"))
    dark = np.argwhere((picture == 0).all(-1))
    top, left = dark.min(0)
    eyes = centre_of(picture, EYE) - (left, top)
    np.testing.assert_allclose(eyes / TILE, [0.5, 0.25], atol=0.01)
    np.testing.assert_allclose((centre_of(picture, POINT) - (left, top)) / TILE, [0.5, 0.75], atol=0.01)


@pytest.mark.parametrize("task", [None, "landmarks", "pose", "classes", "aus"])
@pytest.mark.parametrize("n", [1, 4, 50])
def test_sheets_of_any_target_and_number_of_faces(faces: LabelledSet, tmp_path: Path, task: str | None, n: int) -> None:
    contact_sheet(faces, tmp_path / "sheet.png", task, n=n, columns=3)
    picture = Image.open(tmp_path / "sheet.png")
    columns = min(n, 4, 3)
    assert picture.width == columns * (TILE + 6) + 6
    assert picture.height > -(-min(n, 4) // 3) * TILE


def test_long_text_keeps_its_ends() -> None:
    pictures = []
    for number in (1, 2):
        picture = Image.new("RGB", (140, 20), "white")
        write_line(picture, (0, 0), f"train  {'long/' * 20}{number}.jpg", 100)
        pictures.append(np.asarray(picture))
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[0][:, :20] == pictures[1][:, :20]).all()
    assert (pictures[0][:, 101:] == 255).all()


def test_large_frames_are_not_shrunk(faces: LabelledSet, tmp_path: Path) -> None:
    large = replace(faces, frames=np.zeros((5, 200, 200, 3), np.uint8))
    contact_sheet(large, tmp_path / "sheet.png", n=1)
    assert Image.open(tmp_path / "sheet.png").width > 200


def test_unknown_and_empty_targets_are_refused(faces: LabelledSet, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no target 'poze'; available: landmarks, pose"):
        contact_sheet(faces, tmp_path / "sheet.png", "poze")
    with pytest.raises(DataError, match="no face with empty"):
        contact_sheet(faces, tmp_path / "sheet.png", "empty")
    with pytest.raises(DataError, match="no face with a label"):
        contact_sheet(replace(faces, targets={}), tmp_path / "sheet.png")
    assert list(tmp_path.iterdir()) == []


def test_head_axes_follow_the_signs_of_target() -> None:
    np.testing.assert_allclose(axes(0, 0, 0), np.eye(3))
    right, _, _ = axes(roll=10, pitch=0, yaw=0)
    assert right[1] > 0  # clockwise: what points right goes down
    _, _, nose = axes(roll=0, pitch=10, yaw=0)
    assert nose[1] < 0  # up
    _, _, nose = axes(roll=0, pitch=0, yaw=10)
    assert nose[0] < 0  # to the image's left
    for angles in ((5, -20, 30), (-40, 12, 9)):
        turned = axes(*angles)
        np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(turned) == pytest.approx(1)


class FakeStore:
    """The part of `TrackStore` that a sheet reads."""

    size = 8

    def __init__(self, lengths: list[int]):
        self.lengths = np.array(lengths, np.int32)
        self.manifest = {"hash": "0123456789abcdef"}

    def tracks(self, split: str) -> np.ndarray:
        ids = np.arange(len(self.lengths))
        return {"train": ids[:-1], "val": ids[:0], "test": ids[-1:]}[split]

    def n_frames(self) -> np.ndarray:
        return self.lengths

    def identity(self, track: int) -> str:
        return f"person {track}"

    def frame(self, track: int, frame: int) -> np.ndarray:
        assert 0 <= frame < self.lengths[track]
        return np.full((8, 8, 3), (track, frame, 255), np.uint8)


def store(*lengths: int) -> TrackStore:
    return FakeStore(list(lengths))  # type: ignore[return-value]


def test_a_track_is_a_row_of_evenly_spaced_frames(tmp_path: Path) -> None:
    track_sheet(store(2, 9, 4), tmp_path / "sheet.png", tracks=2, frames=3)
    picture = np.asarray(Image.open(tmp_path / "sheet.png"))
    drawn = {(t, f) for t in range(3) for f in range(9) if (picture == (t, f, 255)).all(-1).sum() == TILE**2}
    assert drawn == {(0, 0), (0, 1), (2, 0), (2, 2), (2, 3)}


def test_a_store_without_tracks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no track"):
        track_sheet(store(), tmp_path / "sheet.png")

"""AFLW from its database, AFLW2000-3D and 300W-LP from .mat files: radians, signs, boxes, test lists."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.sets.aflw import TURNS
from benchmark.errors import DataError
from benchmark.viz.contact_sheet import axes
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces

Read = Callable[..., LabelledSet]


@pytest.fixture
def aflw(tmp_path: Path, faces: Faces) -> Path:
    lookalikes.aflw(tmp_path / "aflw", faces)
    return tmp_path / "aflw"


def row_of(labelled: LabelledSet, name: str) -> int:
    names: list[str] = labelled.image_ids.tolist()
    return names.index(name)


def test_aflw(aflw: Path, faces: Faces, read: Read) -> None:
    labelled = read("aflw", aflw.parent)
    assert labelled.protocol["skipped"] == {
        "face without pose": 2,
        "image absent": 1,
        "no box to crop by": 1,
        "no known target": 1,
    }
    assert labelled.protocol["noted"]["pose beyond 180 degrees, not used"] == 1
    assert labelled.protocol["noted"]["face with several boxes"] == 1
    assert labelled.protocol["noted"]["grey to RGB"] == 1
    assert len(labelled.frames) == 30 - 5
    assert labelled.targets["pose"].names == ("roll", "pitch", "yaw")
    for name, number in {"1/image00001.jpg".replace("1/", "2/", 1): 1, "0/image00012.jpg": 12}.items():
        row = row_of(labelled, name)
        np.testing.assert_allclose(labelled.targets["pose"].values[row], faces.pose(number), atol=1e-3)


def test_aflw_boxes(aflw: Path, faces: Faces, read: Read) -> None:
    labelled = read("aflw", aflw)
    several = row_of(labelled, "0/image00003.jpg")
    assert (labelled.corner[several].tolist(), labelled.side[several]) == ([14, 18], 72)
    beyond = row_of(labelled, "2/image00004.jpg")
    assert (labelled.corner[beyond].tolist(), labelled.side[beyond]) == ([-20, -10], 110)
    second = row_of(labelled, "3/image00008.jpg#2")
    assert (labelled.corner[second].tolist(), labelled.side[second]) == ([100, 20], 70)
    np.testing.assert_allclose(labelled.targets["pose"].values[second], faces.pose(9), atol=1e-3)


def test_aflw_without_a_test_list_is_not_comparable(aflw: Path, read: Read) -> None:
    labelled = read("aflw", aflw)
    assert any("not comparable with published figures" in line for line in labelled.protocol["not comparable"])
    shared = {labelled.split[row_of(labelled, f"3/image00008.jpg#{k}")] for k in (1, 2)}
    assert len(shared) == 1  # faces of one image stay in one split


@pytest.mark.parametrize(
    ("lines", "tested", "left_out"),
    [
        (["image00008.jpg", "image00012.jpg"], {"3/image00008.jpg#1", "3/image00008.jpg#2", "0/image00012.jpg"}, 0),
        (["3/image00008", "0/image00012"], {"3/image00008.jpg#1", "3/image00008.jpg#2", "0/image00012.jpg"}, 0),
        (["9", "12"], {"3/image00008.jpg#2", "0/image00012.jpg"}, 1),
    ],
)
def test_aflw_test_list(aflw: Path, read: Read, lines: list[str], tested: set[str], left_out: int) -> None:
    path = aflw / "kepler.txt"
    path.write_text("\n".join(lines))
    labelled = read("aflw", aflw, test_list=str(path))
    assert set(labelled.image_ids[labelled.indices("test")].tolist()) == tested
    assert labelled.protocol["skipped"].get("in no split", 0) == left_out
    assert "not comparable" not in labelled.protocol


def test_aflw_test_list_with_unknown_images(aflw: Path, read: Read) -> None:
    path = aflw / "kepler.txt"
    path.write_text("image00012.jpg\nimage99999.jpg\n")
    with pytest.raises(DataError, match="1 of its lines name no face"):
        read("aflw", aflw, test_list=str(path))


def test_aflw_test_list_with_faces_that_cannot_be_tested(aflw: Path, read: Read) -> None:
    path = aflw / "kepler.txt"
    path.write_text("image00012.jpg\nimage00005.jpg\nimage00015.jpg\n")
    labelled = read("aflw", aflw, test_list=str(path))
    assert labelled.image_ids[labelled.indices("test")].tolist() == ["0/image00012.jpg"]
    assert labelled.protocol["noted"]["face of the test list without pose"] == 2


def test_aflw_is_made_anew_after_its_test_list_is_edited(aflw: Path, tmp_path: Path, read: Read) -> None:
    (tmp_path / "list.txt").write_text("image00012.jpg\n")
    first = read("aflw", aflw, test_list=str(tmp_path / "list.txt"))
    (tmp_path / "list.txt").write_text("image00013.jpg\n")
    second = read("aflw", aflw, test_list=str(tmp_path / "list.txt"))
    assert first.image_ids[first.indices("test")].tolist() == ["0/image00012.jpg"]
    assert second.image_ids[second.indices("test")].tolist() == ["2/image00013.jpg"]


@pytest.mark.parametrize("angles", [(10, 0, 0), (0, 10, 0), (0, 0, 10), (-20, 25, 60), (15, -30, -50)])
def test_aflw_pose_follows_the_convention_of_its_own_tool(angles: tuple[float, float, float]) -> None:
    """The rotation is Rz(yaw) Ry(pitch) Rx(roll); x points out of the nose, y to the image's left, z down."""
    roll, pitch, yaw = np.radians(angles)
    about_x = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
    about_y = np.array([[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]])
    about_z = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    nose, left, down = (about_z @ about_y @ about_x).T
    in_image = np.array([-left, down, nose])[:, [1, 2, 0]] * [-1, 1, 1]  # x right, y down, z to the viewer
    np.testing.assert_allclose(axes(-angles[0], angles[1], angles[2], turns=TURNS), in_image, atol=1e-12)


@pytest.mark.parametrize("damage", ["cut", "no database", "other tables"])
def test_aflw_broken_database(aflw: Path, read: Read, damage: str) -> None:
    path = aflw / "data/aflw.sqlite"
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "no database":
        path.write_bytes(b"years of work")
    else:
        path.write_bytes(content.replace(b"FaceRect", b"FaceRekt"))
    with pytest.raises(DataError, match="not a readable AFLW database"):
        read("aflw", aflw)


def test_aflw2000_alone(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.aflw2000(tmp_path / "AFLW2000-3D/AFLW2000", faces)
    labelled = read("aflw2000", tmp_path / "AFLW2000-3D")
    assert labelled.protocol["skipped"] == {"turned by more than 99 degrees": 1}
    assert labelled.protocol["not comparable"]
    row = row_of(labelled, "image00005.jpg")
    np.testing.assert_allclose(labelled.targets["pose"].values[row], faces.pose(5), atol=1e-3)
    points = labelled.corner[row] + labelled.targets["landmarks"].values[row] * labelled.side[row]
    np.testing.assert_allclose(points, faces.points(5, 25, 30, 96), atol=1e-3)


def test_aflw2000_is_made_anew_after_an_image_is_added(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.aflw2000(tmp_path / "set", faces)
    (tmp_path / "set/image00007.jpg").rename(tmp_path / "image00007.jpg")
    assert read("aflw2000", tmp_path / "set").protocol["skipped"][".mat without image"] == 1
    (tmp_path / "image00007.jpg").rename(tmp_path / "set/image00007.jpg")
    assert ".mat without image" not in read("aflw2000", tmp_path / "set").protocol["skipped"]


def test_aflw2000_with_300w_lp_as_train(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.aflw2000(tmp_path / "test", faces)
    lookalikes.w300lp(tmp_path / "300W_LP", faces)
    (tmp_path / "300W_LP/HELEN/HELEN_21_1_0.mat").write_bytes(b"")
    labelled = read("aflw2000", tmp_path / "test", train=str(tmp_path / "300W_LP"))
    assert len(labelled.indices("test")) == 19
    assert len(labelled.indices("train")) + len(labelled.indices("val")) == 39
    assert labelled.protocol["skipped"][".mat broken"] == 1
    of_person: dict[str, set[str]] = {}
    assert labelled.identity is not None
    for person, split in zip(labelled.identity.tolist(), labelled.split.tolist(), strict=True):
        of_person.setdefault(person, set()).add(split)
    assert all(len(splits) == 1 for splits in of_person.values())  # the poses of a photograph stay in one split
    assert "not comparable" not in labelled.protocol

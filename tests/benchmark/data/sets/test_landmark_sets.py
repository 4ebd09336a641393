"""300-W, MAFL, WFLW and your own .pts and XML files: splits, points and crops of their protocols."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.faces.targets import with_protocol
from benchmark.errors import DataError, UsageError
from probes.metrics.landmark_error import landmark_errors
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces

Read = Callable[..., LabelledSet]


def in_pixels(faces: LabelledSet, target: str = "landmarks") -> dict[str, np.ndarray]:
    """Landmarks in pixels of their images, by image."""
    points = faces.corner[:, None] + faces.targets[target].values.astype(float) * faces.side[:, None, None]
    return dict(zip(faces.image_ids.tolist(), points, strict=True))


@pytest.mark.parametrize("mat", [True, False])
def test_w300(tmp_path: Path, faces: Faces, read: Read, mat: bool) -> None:
    lookalikes.w300(tmp_path / "300w", faces, mat)
    labelled = read("w300", tmp_path)  # the folder that holds it
    assert len(labelled.indices("test")) == 8
    assert len(labelled.indices("train")) + len(labelled.indices("val")) == 16
    assert len(labelled.indices("val")) == 2  # 15 % of train
    assert labelled.group is not None
    test_groups = labelled.group[labelled.indices("test")].tolist()
    assert test_groups.count("challenging") == 2
    assert test_groups.count("common") == 6
    assert "ibug/image_092 _01.jpg" in labelled.image_ids
    assert labelled.targets["landmarks"].eyes == (36, 45)
    assert labelled.protocol["crop"]["box"] == (
        "bb_ground_truth of the .mat files" if mat else "the landmarks' own extent"
    )
    assert labelled.protocol["miscounts"] == [
        "train has 16 faces, the protocol 3,148",
        "test has 8 faces, the protocol 689",
    ]
    points = in_pixels(labelled)["afw/1051618982_1.jpg"]
    np.testing.assert_allclose(points, faces.points(0, 20, 30, 90), atol=1e-4)
    row = labelled.image_ids.tolist().index("afw/1051618982_1.jpg")
    low, high = points.min(0) - 2 * mat, points.max(0) + 3 * mat
    assert labelled.side[row] == pytest.approx(1.2 * (high - low).max(), abs=1e-3)
    np.testing.assert_allclose(labelled.corner[row] + labelled.side[row] / 2, (low + high) / 2, atol=1e-3)


def test_w300_faults_are_counted(tmp_path: Path, faces: Faces, read: Read) -> None:
    root = tmp_path / "300w"
    lookalikes.w300(root, faces, mat=False)
    (root / "afw/111076519_1.pts").write_text("version: 1\nn_points: 68\n{\n1 2\n")
    (root / "afw/111076519_2.jpg").write_bytes(b"")
    (root / "afw/2353849_1.jpg").unlink()
    (root / "ibug/image_003_1.pts").write_text(lookalikes.pts(np.ones((5, 2))))
    far = faces.points(9, 0, 0, 90)
    far[3] = 2000, 50
    (root / "helen/testset/2960256451_1.pts").write_text(lookalikes.pts(far))
    labelled = read("w300", root)
    assert labelled.protocol["skipped"] == {
        ".pts broken": 1,
        ".pts without 68 points": 1,
        ".pts without image": 1,
        "crop over 3 times its image": 1,
        "image undecodable": 1,
    }
    assert len(labelled.frames) == 24 - 5


def test_w300_ignores_hidden_files_of_macos(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.w300(tmp_path, faces)
    for name in ("._111076519_1.pts", "._111076519_1.jpg"):
        (tmp_path / "afw" / name).write_bytes(b"\0\5\x16\7")
    assert read("w300", tmp_path).protocol["skipped"] == {}


def test_w300_without_a_file_of_boxes(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.w300(tmp_path, faces)
    (tmp_path / "Bounding Boxes/bounding_boxes_ibug.mat").unlink()
    assert "own extent" in read("w300", tmp_path).protocol["crop"]["box"]
    with pytest.raises(DataError, match="not all six"):
        read("w300", tmp_path, boxes="mat")
    (tmp_path / "Bounding Boxes/bounding_boxes_ibug.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(DataError, match=r"bounding_boxes_ibug\.mat: not a"):
        read("w300", tmp_path)


def test_mafl(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.mafl(tmp_path, faces)
    labelled = read("mafl", tmp_path)
    assert {split: len(labelled.indices(split)) for split in ("train", "val", "test")} == {
        "train": 14,
        "val": 2,
        "test": 8,
    }
    assert labelled.targets["landmarks"].eyes == (0, 1)
    assert "143001.jpg" not in labelled.image_ids
    assert labelled.corner.tolist() == [[32.5, 70]] * 24
    assert labelled.side.tolist() == [113] * 24
    truth = np.round(faces.points(0, 30, 72, 110, "landmarks5") - 0.5) + 0.5
    np.testing.assert_allclose(in_pixels(labelled)["142977.jpg"], truth, atol=1e-4)
    picture = Image.open(tmp_path / "Img/img_align_celeba/142977.jpg")
    expected = picture.resize((32, 32), Image.Resampling.BICUBIC, box=(32.5, 70, 145.5, 183))
    np.testing.assert_allclose(labelled.frames[labelled.image_ids == "142977.jpg"][0], np.asarray(expected), atol=2)


def test_mafl_region_of_the_released_probe(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.mafl(tmp_path, faces)
    other_size = tmp_path / "Img/img_align_celeba/142978.jpg"
    lookalikes.save(Image.open(other_size).crop((0, 0, 178, 200)), other_size)
    labelled = read("mafl", tmp_path, region="released")
    assert labelled.protocol["skipped"]["not an aligned image of 178 x 218 pixels"] == 1
    assert labelled.protocol["aspect"] == pytest.approx(108 / 113)
    row = labelled.image_ids.tolist().index("142977.jpg")
    assert (*labelled.corner[row], labelled.side[row]) == (35, 70, 113)
    picture = Image.open(tmp_path / "Img/img_align_celeba/142977.jpg")
    expected = picture.resize((32, 32), Image.Resampling.BICUBIC, box=(35, 70, 143, 183))
    np.testing.assert_allclose(labelled.frames[row], np.asarray(expected), atol=2)

    target = with_protocol(labelled.targets["landmarks"], labelled.protocol)
    truth = np.round(faces.points(0, 30, 72, 110, "landmarks5") - 0.5) + 0.5
    np.testing.assert_allclose(target.values[row] * (108, 113) + (35, 70), truth, atol=1e-4)
    moved = target.values + np.array([5 / 108, 5 / 113])  # five pixels along each axis
    eyes = np.linalg.norm(truth[0] - truth[1])
    assert landmark_errors(target, moved)[row] == pytest.approx(100 * np.hypot(5, 5) / eyes, rel=1e-4)


def test_mafl_with_lists_elsewhere_and_images_of_other_sizes(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.mafl(tmp_path / "CelebA", faces)
    (tmp_path / "CelebA/MAFL").rename(tmp_path / "lists")
    with pytest.raises(DataError, match=r"training\.txt and testing\.txt are not there; state sets\.NAME\.lists"):
        read("mafl", tmp_path / "CelebA")
    path = tmp_path / "CelebA/Img/img_align_celeba/142977.jpg"
    lookalikes.save(Image.open(path).crop((0, 0, 178, 200)), path)
    labelled = read("mafl", tmp_path, lists=str(tmp_path / "lists"))
    points = faces.points(0, 30, 72, 110, "landmarks5")
    row = labelled.image_ids.tolist().index("142977.jpg")
    assert labelled.side[row] == pytest.approx(2.75 * np.ptp(points, axis=0).max(), rel=0.05)


def test_mafl_list_cut_short(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.mafl(tmp_path, faces)
    path = tmp_path / "Anno/list_landmarks_align_celeba.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-3]))
    with pytest.raises(DataError, match="first line is not the number of the lines"):
        read("mafl", tmp_path)


def test_wflw(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.wflw(tmp_path, faces)
    labelled = read("wflw", tmp_path)
    assert len(labelled.indices("test")) == 8
    assert len(labelled.frames) == 32
    shared = [name for name in labelled.image_ids.tolist() if "#" in name]
    assert [name[-2:] for name in shared] == ["#1", "#2"]
    in_one_split = {labelled.split[labelled.image_ids == name][0] for name in shared}
    assert len(in_one_split) == 1
    assert labelled.targets["landmarks"].eyes == (60, 72)
    points = in_pixels(labelled)[shared[1]]
    np.testing.assert_allclose(points[[60, 72]], faces.points(1, 120, 15, 80)[[36, 45]], atol=1e-3)


def test_points_of_pts_and_xml(tmp_path: Path, faces: Faces, read: Read) -> None:
    for i in range(10):
        lookalikes.save(faces.photo(i, (140, 130), 20, 15, 96), tmp_path / f"mine/{i}.jpg")
        text = lookalikes.pts(faces.points(i, 20, 15, 96) - 1)  # the first pixel is 0
        (tmp_path / f"mine/{i}.pts").write_text(text)
    lookalikes.dlib_xml(tmp_path / "dlib.xml", faces, range(10, 20))
    labelled = read("points", tmp_path, first_pixel=0)
    assert len(labelled.frames) == 20
    assert labelled.protocol["split"]["fractions"] == [0.75, 0.15, 0.1]
    pixels = in_pixels(labelled)
    np.testing.assert_allclose(pixels["mine/3.jpg"], faces.points(3, 20, 15, 96), atol=1e-4)
    np.testing.assert_allclose(pixels["12.jpg"], np.floor(faces.points(12, 20, 15, 96)) + 0.5, atol=1e-4)
    with pytest.raises(UsageError, match="eyes must be two of the 68 points"):
        read("points", tmp_path, eyes=[36, 99])


def test_points_are_split_by_folder_names(tmp_path: Path, faces: Faces, read: Read) -> None:
    for part, numbers in {"labels_train": range(8), "labels_test": range(8, 12)}.items():
        (tmp_path / part).mkdir()
        lookalikes.dlib_xml(tmp_path / part / "labels.xml", faces, numbers)
    labelled = read("points", tmp_path)
    assert sorted(labelled.image_ids[labelled.indices("test")].tolist()) == [
        f"labels_test/{i}.jpg" for i in (10, 11, 8, 9)
    ]

"""Crops of a CSV's boxes, landmarks and whole images; images that are missing, broken or not RGB."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.errors import DataError
from tests.benchmark.data.sets.csv.own_set import (
    POINTS,
    N,
    Read,
    read_folder,
    write_images,
)


@pytest.mark.parametrize(
    "crop",
    [
        {"kind": "box", "columns": ["left", "top", "width", "height"], "form": "xywh", "factor": 1.4},
        {"kind": "landmarks", "factor": 1.25},
        {"kind": "landmarks", "factor": 1.25, "jitter": 0.1},
        {"kind": "whole"},
    ],
)
def test_points_map_back_to_image_pixels(rows: pd.DataFrame, read: Read, crop: dict[str, Any]) -> None:
    faces = read(rows, landmarks=POINTS, crop=crop)
    back = faces.corner[:, None] + faces.targets["landmarks"].values * faces.side[:, None, None]
    for i in range(5):
        np.testing.assert_allclose(back[:, i, 0], rows[f"x{i}"].astype(float), atol=1e-4)
        np.testing.assert_allclose(back[:, i, 1], rows[f"y{i}"].astype(float), atol=1e-4)


def test_box_forms_agree(rows: pd.DataFrame, read: Read) -> None:
    rows["right"], rows["bottom"] = rows.left + rows.width, rows.top + rows.height
    crop = {"kind": "box", "factor": 1.5}
    sides = read(rows, crop=crop | {"form": "xywh", "columns": ["left", "top", "width", "height"]})
    edges = read(rows, crop=crop | {"form": "ltrb", "columns": ["left", "top", "right", "bottom"]})
    np.testing.assert_array_equal(sides.frames, edges.frames)
    np.testing.assert_array_equal(sides.corner, [[20 - 22.5, 20 - 22.5]] * N)
    np.testing.assert_array_equal(sides.side, [45] * N)


def test_landmarks_are_where_the_frame_shows_them(tmp_path: Path, rows: pd.DataFrame) -> None:
    """A bright spot in the image lies in the frame where the target says."""
    (tmp_path / "images").mkdir()
    first_points = rows[["x0", "y0"]].to_numpy(float)
    grid = np.moveaxis(np.mgrid[:48, :64][::-1], 0, -1) + 0.5
    for i, name in enumerate(rows.image):
        light = 255 * np.exp(-((grid - first_points[i]) ** 2).sum(-1) / 8)
        Image.fromarray(light.round().astype(np.uint8)).save(tmp_path / "images" / name)
    rows.to_csv(tmp_path / "labels.csv", index=False)
    faces = read_folder(tmp_path, landmarks=POINTS, crop={"kind": "landmarks", "factor": 2}, size=64)
    assert faces.protocol["noted"]["grey to RGB"] == N
    for frame, target in zip(faces.frames, faces.targets["landmarks"].values, strict=True):
        row, column = np.unravel_index(frame[..., 0].argmax(), (64, 64))
        assert np.abs(target[0] * 64 - (column + 0.5, row + 0.5)).max() < 2


def test_unusable_boxes_are_counted(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[0, "left"] = None
    rows.loc[1, "width"] = -3
    rows.loc[2, "left"] = 900
    rows.loc[3, "height"] = 1e7
    columns = ["left", "top", "width", "height"]
    faces = read(rows, crop={"kind": "box", "columns": columns, "form": "xywh"})
    assert faces.protocol["skipped"] == {
        "no box to crop by": 1,
        "crop without extent": 1,
        "crop outside its image": 1,
        "crop over 3 times its image": 1,
    }


def test_absent_and_broken_images_are_counted(tmp_path: Path, rows: pd.DataFrame, read: Read) -> None:
    write_images(tmp_path)
    broken = tmp_path / "images" / "01.png"
    broken.write_bytes(broken.read_bytes()[:400])
    (tmp_path / "images" / "05.png").write_text("not an image")
    rows.loc[0, "image"] = "gone.png"
    rows.loc[2, "image"] = None
    faces = read(rows)
    assert faces.protocol["skipped"] == {"image absent": 1, "image undecodable": 2, "row without image": 1}
    assert faces.image_ids.tolist() == [f"{i:02}.png" for i in range(N) if i not in (0, 1, 2, 5)]


def test_grey_and_alpha_are_converted_and_counted(tmp_path: Path, rows: pd.DataFrame, read: Read) -> None:
    write_images(tmp_path)
    for name, mode in {"00.png": "L", "01.png": "RGBA"}.items():
        Image.open(tmp_path / "images" / name).convert(mode).save(tmp_path / "images" / name)
    assert read(rows).protocol["noted"] == {"grey to RGB": 1, "alpha to RGB": 1}


def test_a_folder_without_the_images_is_refused(tmp_path: Path, rows: pd.DataFrame) -> None:
    rows.to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(DataError, match=r"images: no such folder"):
        read_folder(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"images: holds none of the 12 images \(first: '00.png'\)"):
        read_folder(tmp_path)


def test_a_set_without_usable_faces_is_refused_with_reasons(tmp_path: Path, rows: pd.DataFrame, read: Read) -> None:
    (tmp_path / "images").mkdir()
    for i in range(N):
        (tmp_path / "images" / f"{i:02}.png").write_text("not an image")
    with pytest.raises(DataError, match=r"none of 12 faces can be used: image undecodable \(12\)"):
        read(rows)


def test_progress_counts_to_the_end(tmp_path: Path, rows: pd.DataFrame) -> None:
    write_images(tmp_path)
    rows.to_csv(tmp_path / "labels.csv", index=False)
    calls: list[tuple[int, int]] = []
    read_folder(tmp_path, progress=lambda *call: calls.append(call))
    assert calls == [(i, N) for i in range(1, N + 1)]

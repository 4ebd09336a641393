"""Splits and groups of a CSV: identities and images stay in one split."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.errors import DataError
from tests.benchmark.data.sets.csv.own_set import (
    N,
    Read,
    write_images,
)


def test_val_is_cut_from_train_by_identity(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[:9, "identity"] = [f"p{i // 2}" for i in range(10)]
    faces = read(rows)
    assert (faces.split == "test").tolist() == [False] * 10 + [True] * 2
    assert faces.protocol["split"]["val_from_train"] == 0.15
    assert faces.identity is not None
    assert len(set(faces.identity[faces.split == "val"])) == 1
    assert faces.protocol["faces"] == {"train": 8, "val": 2, "test": 2}


def test_a_full_split_column_is_kept(rows: pd.DataFrame, read: Read) -> None:
    rows["split"] = ["Train"] * 6 + ["validation"] * 3 + ["testing"] * 3
    assert read(rows).split.tolist() == ["train"] * 6 + ["val"] * 3 + ["test"] * 3


def test_without_a_split_column_people_are_split(rows: pd.DataFrame, read: Read) -> None:
    rows["identity"] = [f"p{i // 3}" for i in range(N)]
    faces = read(rows, split=None)
    assert faces.identity is not None
    for person in set(faces.identity):
        assert len(set(faces.split[faces.identity == person])) == 1
    assert set(faces.split) == {"train", "val", "test"}
    assert faces.protocol["split"] == {
        "column": None,
        "by": "identity",
        "fractions": [0.75, 0.15, 0.1],
        "seed": 0,
    }


def test_without_identities_copies_of_an_image_stay_in_one_split(
    tmp_path: Path, rows: pd.DataFrame, read: Read
) -> None:
    write_images(tmp_path)
    for i in range(1, 6):
        (tmp_path / "images" / f"{i:02}.png").write_bytes((tmp_path / "images" / "00.png").read_bytes())
    faces = read(rows, split=None, identity=None)
    assert len(set(faces.split[:6])) == 1
    assert faces.identity is None
    assert faces.protocol["noted"]["content of another image"] == 5


def test_a_face_without_split_is_left_out(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[0, "split"] = None
    assert read(rows).protocol["skipped"] == {"no split": 1}


def test_an_unknown_split_is_refused(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[0, "split"] = "tset"
    with pytest.raises(DataError, match="'split' holds 'tset'"):
        read(rows)


def test_a_split_without_faces_is_refused(rows: pd.DataFrame, read: Read) -> None:
    rows["split"] = "train"
    with pytest.raises(DataError, match="no usable face for test"):
        read(rows)


def test_an_identity_in_two_splits_is_refused(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[11, "identity"] = "person 2"
    rows["split"] = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    with pytest.raises(DataError, match=r"'person 2' is in train \(02.png\) and in test \(11.png\)"):
        read(rows)


def test_an_image_in_two_splits_is_refused(tmp_path: Path, rows: pd.DataFrame, read: Read) -> None:
    write_images(tmp_path)
    (tmp_path / "images" / "11.png").write_bytes((tmp_path / "images" / "02.png").read_bytes())
    rows["split"] = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    with pytest.raises(DataError, match=r"02.png \(train\) and 11.png \(test\) are the same image"):
        read(rows)


def test_groups_come_from_a_column_or_from_the_pixels(tmp_path: Path, rows: pd.DataFrame, read: Read) -> None:
    rows["source"] = ["film", "news"] * 6
    np.testing.assert_array_equal(read(rows, group="source").group, ["film", "news"] * 6)
    grey = Image.open(tmp_path / "images" / "04.png").convert("L")
    grey.convert("RGB").save(tmp_path / "images" / "04.png")
    assert np.flatnonzero(read(rows, group="colour").group == "grey").tolist() == [4]


def test_the_same_files_give_the_same_hash(rows: pd.DataFrame, read: Read) -> None:
    crop = {"kind": "box", "columns": ["left", "top", "width", "height"], "form": "xywh", "jitter": 0.05}
    first = read(rows, crop=crop)
    assert read(rows, crop=crop).hash == first.hash
    assert read(rows, crop=crop, seed=1).hash != first.hash

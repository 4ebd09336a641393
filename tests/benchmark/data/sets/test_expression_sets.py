"""AffectNet in both layouts, RAF-DB, FER-2013 and EmotioNet: codes, headers, unknown labels, missing images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.errors import DataError, UsageError
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces

Read = Callable[..., LabelledSet]


def named(labelled: LabelledSet) -> dict[str, str]:
    target = labelled.targets["expression"]
    return {name: target.names[code] for name, code in zip(labelled.image_ids.tolist(), target.values, strict=True)}


def seven(faces: Faces, i: int) -> str:
    """The expression of face ``i`` in a set without contempt."""
    return faces.expression_name(i).replace("contempt", "neutral")


def labels(labelled: LabelledSet) -> dict[str, int]:
    return dict(zip(labelled.image_ids.tolist(), labelled.targets["expression"].values.tolist(), strict=True))


def test_affectnet_lists(tmp_path: Path, faces: Faces, read: Read) -> None:
    truth = lookalikes.affectnet_csv(tmp_path / "AffectNet", faces)
    labelled = read("affectnet", tmp_path)
    kept = {name: code for name, (_, code) in truth.items() if code < 8}
    assert labels(labelled) == kept
    tested = {name for name, (split, code) in truth.items() if split == "validation" and code < 8}
    assert set(labelled.image_ids[labelled.indices("test")].tolist()) == tested
    assert labelled.protocol["layout"] == "csv"
    assert labelled.protocol["noted"] == {"validation.csv without a header": 1}
    assert sum(labelled.protocol["classes_left_out"].values()) == len(truth) - len(kept)
    assert set(labelled.protocol["classes_left_out"]) == {"none", "uncertain", "non-face"}
    assert labelled.targets["expression"].names[:3] == ("neutral", "happy", "sad")
    assert labelled.side.tolist() == [110] * len(kept)


@pytest.mark.parametrize("layout", [lookalikes.affectnet_csv, lookalikes.affectnet_npy])
def test_affectnet_valence_and_arousal_on_request(
    layout: Callable[[Path, Faces], object], tmp_path: Path, faces: Faces, read: Read
) -> None:
    layout(tmp_path, faces)
    assert set(read("affectnet", tmp_path).targets) == {"expression"}
    target = read("affectnet", tmp_path, valence_arousal=True).targets["valence_arousal"]
    assert (target.kind, target.names) == ("regression", ("valence", "arousal"))
    expected = [-0.1, 0.25] if layout is lookalikes.affectnet_csv else [-0.2, 0.1]
    assert target.values[target.known.all(1)] == pytest.approx(np.tile(expected, (len(target.values), 1)))


def test_affectnet_affect_that_is_none_is_unknown(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.affectnet_csv(tmp_path, faces)
    path = tmp_path / "Manually_Annotated_file_lists/training.csv"
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace(",-0.1,0.25", ",-2,-2", 3).replace(",-0.1,0.25", ",,0.25", 1))
    labelled = read("affectnet", tmp_path, valence_arousal=True)
    assert (~labelled.targets["valence_arousal"].known).sum(0).tolist() == [4, 3]
    assert labelled.protocol["noted"]["valence or arousal not known"] == 4


def test_affectnet_boxes_have_width_and_height(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.affectnet_csv(tmp_path, faces)
    labelled = read("affectnet", tmp_path, crop="box")
    assert labelled.corner.tolist() == [[8, 6]] * len(labelled.frames)
    assert labelled.side.tolist() == [96] * len(labelled.frames)


def test_affectnet_columns_in_another_order(tmp_path: Path, faces: Faces, read: Read) -> None:
    truth = lookalikes.affectnet_csv(tmp_path, faces)
    path = tmp_path / "Manually_Annotated_file_lists/training.csv"
    rows = [line.split(",") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    path.write_text("\n".join(",".join([row[6], *row[:6], *row[7:]]) for row in rows), encoding="utf-16")
    assert labels(read("affectnet", tmp_path)) == {name: code for name, (_, code) in truth.items() if code < 8}


def test_affectnet_broken_rows_are_counted(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.affectnet_csv(tmp_path, faces)
    path = tmp_path / "Manually_Annotated_file_lists/validation.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[0], "1/cut.jpg,8,6,96", "1/odd.jpg,8,6,96,96,,seven,,", ""]))
    labelled = read("affectnet", tmp_path)
    assert labelled.protocol["skipped"]["row repeated"] == 1
    assert labelled.protocol["skipped"]["row broken"] == 2


def test_affectnet_with_an_unclosed_quote(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.affectnet_csv(tmp_path, faces)
    path = tmp_path / "Manually_Annotated_file_lists/validation.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], f'"{lines[3]}', *lines[4:]]))
    with pytest.raises(DataError, match=r"validation\.csv: line 4: a quote opens there and is not closed"):
        read("affectnet", tmp_path)


@pytest.mark.parametrize("cell", ["8", "12", "0", "1_"])
def test_rafdb_invalid_codes_are_counted(tmp_path: Path, faces: Faces, read: Read, cell: str) -> None:
    lookalikes.rafdb(tmp_path, faces)
    path = tmp_path / "basic/EmoLabel/list_patition_label.txt"
    lines = [f"train_00004.jpg {cell}" if "00004" in line else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    labelled = read("rafdb", tmp_path)
    assert labelled.protocol["skipped"] == {"row broken": 1}
    assert "train_00004.jpg" not in labelled.image_ids


def test_affectnet_npy(tmp_path: Path, faces: Faces, read: Read) -> None:
    truth = lookalikes.affectnet_npy(tmp_path, faces)
    (tmp_path / "train_set/annotations/5_exp.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '<i8'")
    labelled = read("affectnet", tmp_path)
    assert labelled.protocol["layout"] == "npy"
    assert labelled.protocol["skipped"] == {"*_exp.npy broken": 1, "label without image": 1}
    gone = {"train_set/images/3.jpg", "train_set/images/5.jpg"}
    assert labels(labelled) == {name: code for name, (_, code) in truth.items() if name not in gone}
    with pytest.raises(UsageError, match="crop=box needs"):
        read("affectnet", tmp_path, crop="box")


def test_affectnet_is_made_anew_after_an_annotation_is_added(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.affectnet_npy(tmp_path / "set", faces)
    path = tmp_path / "set/train_set/annotations/8_exp.npy"
    path.rename(tmp_path / path.name)
    assert "train_set/images/8.jpg" not in read("affectnet", tmp_path / "set").image_ids
    (tmp_path / path.name).rename(path)
    assert "train_set/images/8.jpg" in read("affectnet", tmp_path / "set").image_ids


def test_rafdb(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.rafdb(tmp_path / "RAF-DB", faces)
    labelled = read("rafdb", tmp_path)
    assert len(labelled.indices("test")) == 16
    assert {name: label for name, label in named(labelled).items() if name.startswith("train")} == {
        f"train_{i + 1:05}.jpg": seven(faces, i) for i in range(40)
    }
    assert named(labelled)["test_0001.jpg"] == seven(faces, 40)


@pytest.mark.parametrize("kaggle", [False, True])
def test_fer2013(tmp_path: Path, faces: Faces, read: Read, kaggle: bool) -> None:
    lookalikes.fer2013(tmp_path / ("icml_face_data.csv" if kaggle else "fer2013.csv"), faces, kaggle)
    labelled = read("fer2013", tmp_path)
    assert {split: len(labelled.indices(split)) for split in ("train", "val", "test")} == {
        "train": 39,
        "val": 8,
        "test": 8,
    }
    assert labelled.protocol["skipped"] == {"image of a later split too": 1}
    assert "line 2" not in labelled.image_ids  # the first of train is also the first of test
    assert {name: named(labelled)[name] for name in ("line 3", "line 41", "line 50")} == {
        "line 3": seven(faces, 1),
        "line 41": seven(faces, 39),
        "line 50": seven(faces, 0),  # its picture is face 0's
    }
    grey = faces.photo(1, (96, 96), 0, 0, 96).convert("L").resize((48, 48)).resize((32, 32))
    frame = labelled.frames[labelled.image_ids == "line 3"][0]
    assert np.ptp(frame, axis=-1).max() == 0
    assert np.abs(frame[..., 0].astype(int) - np.asarray(grey)).max() <= 3


def test_emotionet(tmp_path: Path, faces: Faces, read: Read) -> None:
    truth = lookalikes.emotionet(tmp_path / "emotionet", faces)
    labelled = read("emotionet", tmp_path)
    target = labelled.targets["aus"]
    assert target.names == tuple(f"AU{unit}" for unit in lookalikes.UNITS)
    assert set(labelled.image_ids.tolist()) == set(truth)
    for name, values, known in zip(labelled.image_ids.tolist(), target.values, target.known, strict=True):
        np.testing.assert_array_equal(known, ~np.isnan(truth[name]))
        np.testing.assert_array_equal(values[known], truth[name][known])
    assert labelled.protocol["skipped"]["image not downloaded"] == 11
    assert labelled.protocol["skipped"]["sheet without the column URL"] == 1
    assert (labelled.protocol["labelled"], labelled.protocol["with image"]) == (56, 45)
    assert len(labelled.indices("test")) == 13


def test_emotionet_as_csv_and_with_own_boxes(tmp_path: Path, faces: Faces, read: Read) -> None:
    truth = lookalikes.emotionet(tmp_path / "lists", faces, xlsx=False)
    (tmp_path / "lists/images").rename(tmp_path / "pictures")
    lines = ["image,left,top,width,height"]
    lines += [f"{name.removeprefix('images/')},10,2,96,80" for name in list(truth)[:-1]]
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    labelled = read(
        "emotionet", tmp_path / "lists", images=str(tmp_path / "pictures"), boxes=str(tmp_path / "boxes.csv")
    )
    assert len(labelled.frames) == len(truth) - 1
    assert labelled.side.tolist() == [96] * len(labelled.frames)
    assert labelled.corner.tolist() == [[10, -6]] * len(labelled.frames)
    assert labelled.protocol["skipped"]["no box to crop by"] == 1


def test_emotionet_broken_rows_are_counted(tmp_path: Path, faces: Faces, read: Read) -> None:
    truth = lookalikes.emotionet(tmp_path, faces, xlsx=False)
    name = "images/N_0000000001/N_0000000001_00011.jpg"
    automatic, manual = tmp_path / "dataFile_0000.txt", tmp_path / "EmotioNet_FACS_aws_2020_24600.csv"
    lines = automatic.read_text().splitlines()
    lines[11] = lines[11].replace("\t", "", 1)  # its units would be shifted by one
    cells = lines[12].split("\t")
    cells[2] = "-1"
    lines[12] = "\t".join(cells)
    automatic.write_text("\n".join(lines))
    rows = manual.read_text().splitlines()
    manual.write_text("\n".join([rows[1], rows[0], f"{rows[2]},0", *rows[3:]]))
    labelled = read("emotionet", tmp_path)
    assert name not in labelled.image_ids
    assert set(labelled.image_ids.tolist()) < set(truth)
    assert labelled.protocol["skipped"]["row broken"] == 2
    assert labelled.protocol["skipped"]["row above the header, or without one"] == 1
    assert labelled.protocol["noted"]["label that is neither 0, 1 nor 999, taken as unknown"] == 1


def test_emotionet_without_the_manual_list(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.emotionet(tmp_path, faces)
    (tmp_path / "EmotioNet_FACS_aws_2020_24600.xlsx").unlink()
    labelled = read("emotionet", tmp_path)
    assert "not comparable" in labelled.protocol["not comparable"][0]


def test_emotionet_broken_workbook(tmp_path: Path, faces: Faces, read: Read) -> None:
    lookalikes.emotionet(tmp_path, faces)
    path = tmp_path / "EmotioNet_FACS_aws_2020_24600.xlsx"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"not a readable \.xlsx"):
        read("emotionet", tmp_path)

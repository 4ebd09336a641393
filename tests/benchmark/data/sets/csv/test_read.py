"""A CSV and a folder become labelled faces; every fault of theirs is counted or refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.sets.csv.config import CsvFaces
from benchmark.data.sets.csv.read import read_csv_faces
from benchmark.errors import DataError, UsageError

N = 12
POINTS = {"columns": "x{i},y{i}", "count": 5, "eyes": [0, 1]}
CLASSES = {"column": "expression", "names": ["joy", "fear"]}


@pytest.fixture
def rows() -> pd.DataFrame:
    """Twelve people, an image each: ten in train, two in test."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "image": [f"{i:02}.png" for i in range(N)],
            "identity": [f"person {i}" for i in range(N)],
            "split": ["train"] * 10 + ["test"] * 2,
            "expression": ["joy", "fear"] * (N // 2),
            "left": 10.0,
            "top": 5.0,
            "width": 20.0,
            "height": 30.0,
            "roll": rng.normal(size=N),
            "pitch": rng.normal(size=N),
            "yaw": rng.normal(size=N),
            "smile": rng.random(N),
            "jaw": [0, 1] * (N // 2),
        }
    )
    for i in range(5):
        table[f"x{i}"] = rng.uniform(10, 40, N)
        table[f"y{i}"] = rng.uniform(5, 40, N)
    return table.astype(object)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., LabelledSet]:
    """Writes rows and their images, and reads them back as a set; keys not given are those of `rows`."""

    def reader(rows: pd.DataFrame, **config: Any) -> LabelledSet:
        write_images(tmp_path)
        rows.to_csv(tmp_path / "labels.csv", index=False)
        return read_csv_faces(CsvFaces.from_mapping(settings(tmp_path, **config)))

    return reader


def write_images(folder: Path) -> None:
    (folder / "images").mkdir(exist_ok=True)
    for i in range(N):
        path = folder / "images" / f"{i:02}.png"
        if not path.exists():
            pixels = np.random.default_rng(i).integers(0, 256, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)


def settings(folder: Path, **config: Any) -> dict[str, Any]:
    default = {
        "name": "mine",
        "csv": str(folder / "labels.csv"),
        "images": str(folder / "images"),
        "identity": "identity",
        "split": "split",
        "size": 16,
        "classes": CLASSES,
    }
    return default | config


def test_every_kind_of_target(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    faces = read(
        rows,
        landmarks=POINTS,
        pose={"roll": "roll", "pitch": "pitch", "yaw": "yaw", "unit": "rad"},
        aus={"columns": {"AU26": "jaw"}},
    )
    assert faces.frames.shape == (N, 16, 16, 3)
    assert faces.targets["classes"].names == ("joy", "fear")
    assert faces.targets["classes"].values.tolist() == [0, 1] * (N // 2)
    assert faces.targets["landmarks"].eyes == (0, 1)
    assert faces.targets["pose"].names == ("roll", "pitch", "yaw")
    expected = np.degrees(rows[["roll", "pitch", "yaw"]].astype(float))
    np.testing.assert_allclose(faces.targets["pose"].values, expected, rtol=1e-6)
    assert faces.targets["aus"].values[:, 0].tolist() == [0, 1] * (N // 2)
    assert all(target.known.all() for target in faces.targets.values())
    assert faces.protocol["skipped"] == {}


@pytest.mark.parametrize(
    "crop",
    [
        {"kind": "box", "columns": ["left", "top", "width", "height"], "form": "xywh", "factor": 1.4},
        {"kind": "landmarks", "factor": 1.25},
        {"kind": "landmarks", "factor": 1.25, "jitter": 0.1},
        {"kind": "whole"},
    ],
)
def test_points_map_back_to_image_pixels(
    rows: pd.DataFrame, read: Callable[..., LabelledSet], crop: dict[str, Any]
) -> None:
    faces = read(rows, landmarks=POINTS, crop=crop)
    back = faces.corner[:, None] + faces.targets["landmarks"].values * faces.side[:, None, None]
    for i in range(5):
        np.testing.assert_allclose(back[:, i, 0], rows[f"x{i}"].astype(float), atol=1e-4)
        np.testing.assert_allclose(back[:, i, 1], rows[f"y{i}"].astype(float), atol=1e-4)


def test_box_forms_agree(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows["right"], rows["bottom"] = rows.left + rows.width, rows.top + rows.height
    crop = {"kind": "box", "factor": 1.5}
    sides = read(rows, crop=crop | {"form": "xywh", "columns": ["left", "top", "width", "height"]})
    edges = read(rows, crop=crop | {"form": "ltrb", "columns": ["left", "top", "right", "bottom"]})
    np.testing.assert_array_equal(sides.frames, edges.frames)
    np.testing.assert_array_equal(sides.corner, [[20 - 22.5, 20 - 22.5]] * N)
    np.testing.assert_array_equal(sides.side, [45] * N)


def test_the_crop_shows_the_landmark(tmp_path: Path, rows: pd.DataFrame) -> None:
    """A bright spot in the image lies in the frame where the target says."""
    (tmp_path / "images").mkdir()
    points = np.stack([rows[["x0", "x1"]].astype(float), rows[["y0", "y1"]].astype(float)], axis=-1)
    grid = np.stack(np.mgrid[:48, :64][::-1], axis=-1) + 0.5
    for i, name in enumerate(rows.image):
        light = 255 * np.exp(-((grid - points[i, 0]) ** 2).sum(-1) / 8)
        Image.fromarray(light.round().astype(np.uint8)).save(tmp_path / "images" / name)
    rows.to_csv(tmp_path / "labels.csv", index=False)
    config = settings(tmp_path, landmarks=POINTS, crop={"kind": "landmarks", "factor": 2}, size=64)
    faces = read_csv_faces(CsvFaces.from_mapping(config))
    assert faces.protocol["noted"]["grey to RGB"] == N
    for frame, target in zip(faces.frames, faces.targets["landmarks"].values, strict=True):
        row, column = np.unravel_index(frame[..., 0].argmax(), (64, 64))
        assert np.abs(target[0] * 64 - (column + 0.5, row + 0.5)).max() < 2


def test_the_same_files_give_the_same_hash(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    crop = {"kind": "box", "columns": ["left", "top", "width", "height"], "form": "xywh", "jitter": 0.05}
    first = read(rows, crop=crop)
    assert read(rows, crop=crop).hash == first.hash
    assert read(rows, crop=crop, seed=1).hash != first.hash


def test_several_files_are_joined(tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    more = rows[["image", "smile", "width"]].iloc[::-1].iloc[:-2].copy()
    more.loc[N] = ["stranger.png", 0.5, 20.0]
    more.to_csv(tmp_path / "more.csv", index=False)
    files = [str(tmp_path / "labels.csv"), str(tmp_path / "more.csv")]
    faces = read(
        rows.drop(columns="smile"), csv=files, aus={"columns": {"AU12": "smile"}, "threshold": {"quantile": 0.5}}
    )
    assert faces.targets["aus"].known[:, 0].tolist() == [False] * 2 + [True] * 10
    assert faces.protocol["noted"]["not in more.csv"] == 2
    assert faces.protocol["skipped"] == {"only in more.csv": 1}
    smile = rows.smile.to_numpy(float)
    train = faces.split == "train"
    threshold = np.quantile(smile[2:][train[2:]], 0.5)
    assert faces.protocol["au_thresholds"] == pytest.approx({"AU12": threshold})
    np.testing.assert_array_equal(faces.targets["aus"].values[2:, 0], smile[2:] > threshold)


def test_files_that_contradict_each_other_are_refused(
    tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]
) -> None:
    more = rows[["image", "expression"]].copy()
    more.loc[3, "expression"] = "joy"
    more.to_csv(tmp_path / "more.csv", index=False)
    with pytest.raises(DataError, match=r"'expression' differs between labels.csv and more.csv for image '03.png'"):
        read(rows, csv=[str(tmp_path / "labels.csv"), str(tmp_path / "more.csv")])


# Splits


def test_val_is_cut_from_train_by_identity(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[:9, "identity"] = [f"p{i // 2}" for i in range(10)]
    faces = read(rows)
    assert (faces.split == "test").tolist() == [False] * 10 + [True] * 2
    assert faces.protocol["split"]["val_from_train"] == 0.15
    assert len(set(faces.identity[faces.split == "val"])) == 1
    assert faces.protocol["faces"] == {"train": 8, "val": 2, "test": 2}


def test_a_full_split_column_is_kept(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows["split"] = ["Train"] * 6 + ["validation"] * 3 + ["testing"] * 3
    assert read(rows).split.tolist() == ["train"] * 6 + ["val"] * 3 + ["test"] * 3


def test_without_a_split_column_people_are_split(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows["identity"] = [f"p{i // 3}" for i in range(N)]
    faces = read(rows, split=None)
    for person in set(faces.identity):
        assert len(set(faces.split[faces.identity == person])) == 1
    assert set(faces.split) == {"train", "val", "test"}
    assert faces.protocol["split"] == {
        "column": None,
        "by": "identity",
        "fractions": [0.75, 0.15, 0.1],
        "seed": 0,
    }


def test_without_identities_the_same_image_is_not_torn_apart(
    tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]
) -> None:
    write_images(tmp_path)
    for i in range(1, 6):
        (tmp_path / "images" / f"{i:02}.png").write_bytes((tmp_path / "images" / "00.png").read_bytes())
    faces = read(rows, split=None, identity=None)
    assert len(set(faces.split[:6])) == 1
    assert faces.identity is None
    assert faces.protocol["noted"]["content of another image"] == 5


def test_a_face_without_split_is_left_out(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[0, "split"] = None
    assert read(rows).protocol["skipped"] == {"no split": 1}


def test_an_unknown_split_is_refused(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[0, "split"] = "tset"
    with pytest.raises(DataError, match="'split' holds 'tset'"):
        read(rows)


def test_a_split_without_faces_is_refused(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows["split"] = "train"
    with pytest.raises(DataError, match="no usable face for test"):
        read(rows)


def test_an_identity_in_two_splits_is_refused(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[11, "identity"] = "person 2"
    rows["split"] = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    with pytest.raises(DataError, match=r"'person 2' is in train \(02.png\) and in test \(11.png\)"):
        read(rows)


def test_an_image_in_two_splits_is_refused(
    tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]
) -> None:
    write_images(tmp_path)
    (tmp_path / "images" / "11.png").write_bytes((tmp_path / "images" / "02.png").read_bytes())
    rows["split"] = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    with pytest.raises(DataError, match=r"02.png \(train\) and 11.png \(test\) are the same image"):
        read(rows)


# Groups


def test_group_from_a_column_or_from_the_pixels(
    tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]
) -> None:
    rows["source"] = ["film", "news"] * 6
    assert read(rows, group="source").group.tolist() == ["film", "news"] * 6
    grey = Image.open(tmp_path / "images" / "04.png").convert("L")
    grey.convert("RGB").save(tmp_path / "images" / "04.png")
    assert np.flatnonzero(read(rows, group="colour").group == "grey").tolist() == [4]


# Faults that are counted


def test_missing_coordinates_are_not_known(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[0, "x3"] = None
    rows.loc[1, "y2"] = "n/a"
    rows.loc[2, "x0"] = np.inf
    whole = read(rows, landmarks=POINTS)
    assert whole.targets["landmarks"].known.tolist() == [False] * 3 + [True] * 9
    assert whole.protocol["noted"]["landmarks not known"] == 3
    cropped = read(rows, landmarks=POINTS, crop={"kind": "landmarks"})
    assert len(cropped.frames) == 9
    assert cropped.protocol["skipped"] == {"no landmarks to crop by": 3}
    alone = read(rows, landmarks=POINTS, classes=None)
    assert alone.protocol["skipped"] == {"no known target": 3}


def test_unusable_boxes_are_counted(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
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


def test_unknown_classes_are_counted_and_listed(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[:3, "expression"] = ["contempt", "contempt", None, "joy"]
    faces = read(rows)
    assert faces.protocol["classes_left_out"] == {"contempt": 2, "": 1}
    assert faces.protocol["skipped"] == {"no known target": 3}
    kept = read(rows, landmarks=POINTS).targets["classes"]
    assert kept.known.tolist() == [False] * 3 + [True] * 9


def test_classes_without_a_list_are_all_sorted(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    assert read(rows, classes={"column": "expression"}).targets["classes"].names == ("fear", "joy")


def test_unknown_action_units_are_masked(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[:3, "jaw"] = [999, -1, "", "?"]
    aus = read(rows, aus={"columns": {"AU26": "jaw"}, "unknown": [999, -1, ""]}).targets["aus"]
    assert aus.known[:, 0].tolist() == [False] * 4 + [True] * 8
    assert aus.values[:4].tolist() == [[0]] * 4


def test_action_units_by_a_number(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    faces = read(rows, aus={"columns": {"AU12": "smile"}, "threshold": 0.5})
    np.testing.assert_array_equal(faces.targets["aus"].values[:, 0], rows.smile.astype(float) > 0.5)
    assert faces.protocol["au_thresholds"] == {"AU12": 0.5}


def test_intensities_without_threshold_are_refused(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows.loc[0, "jaw"] = 3
    with pytest.raises(DataError, match=r"'jaw' holds 3, which is neither 0 nor 1.*threshold"):
        read(rows, aus={"columns": {"AU26": "jaw"}})


def test_repeated_rows_count_once(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    faces = read(pd.concat([rows, rows.iloc[[3, 3]]]))
    assert len(faces.frames) == N
    assert faces.protocol["noted"]["row repeated"] == 2


def test_contradictory_rows_are_refused(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    other = rows.iloc[[3]].assign(expression="joy")
    with pytest.raises(DataError, match=r"labels.csv: rows 5, 14 contradict each other about image '03.png'"):
        read(pd.concat([rows, other]))


def test_absent_and_broken_images_are_counted(
    tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]
) -> None:
    write_images(tmp_path)
    broken = tmp_path / "images" / "01.png"
    broken.write_bytes(broken.read_bytes()[:400])
    (tmp_path / "images" / "05.png").write_text("not an image")
    rows.loc[0, "image"] = "gone.png"
    rows.loc[2, "image"] = None
    faces = read(rows)
    assert faces.protocol["skipped"] == {"image absent": 1, "image undecodable": 2, "row without image": 1}
    assert faces.image_ids.tolist() == [f"{i:02}.png" for i in range(N) if i not in (0, 1, 2, 5)]


def test_grey_and_alpha_are_converted_and_counted(
    tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]
) -> None:
    write_images(tmp_path)
    for name, mode in {"00.png": "L", "01.png": "RGBA"}.items():
        Image.open(tmp_path / "images" / name).convert(mode).save(tmp_path / "images" / name)
    assert read(rows).protocol["noted"] == {"grey to RGB": 1, "alpha to RGB": 1}


# Faults that end it


def test_all_images_absent_names_the_folder(tmp_path: Path, rows: pd.DataFrame) -> None:
    rows.to_csv(tmp_path / "labels.csv", index=False)
    config = CsvFaces.from_mapping(settings(tmp_path))
    with pytest.raises(DataError, match=r"images: no such folder"):
        read_csv_faces(config)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"images: holds none of the 12 images \(first: '00.png'\)"):
        read_csv_faces(config)


def test_zero_usable_faces_say_why(tmp_path: Path, rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    (tmp_path / "images").mkdir()
    for i in range(N):
        (tmp_path / "images" / f"{i:02}.png").write_text("not an image")
    with pytest.raises(DataError, match=r"none of 12 faces can be used: image undecodable \(12\)"):
        read(rows)


def test_a_missing_column_names_the_nearest(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    with pytest.raises(DataError, match=r"labels.csv: no column 'expresion'; did you mean 'expression'\?"):
        read(rows, classes={"column": "expresion"})
    with pytest.raises(DataError, match=r"labels.csv: no column 'imagge'; did you mean 'image'\?"):
        read(rows, image="imagge")


def test_a_column_of_text_for_numbers_is_refused(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    rows["roll"] = "1,5"
    with pytest.raises(DataError, match=r"'roll' holds no numbers \(first value: '1,5'\)"):
        read(rows, pose={"roll": "roll", "pitch": "pitch", "yaw": "yaw"})


def test_none_of_the_classes_is_refused(rows: pd.DataFrame, read: Callable[..., LabelledSet]) -> None:
    with pytest.raises(DataError, match=r"'expression' holds none of the classes Joy \(first value: 'joy'\)"):
        read(rows, classes={"column": "expression", "names": ["Joy"]})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_marked_encodings_are_found_out(
    tmp_path: Path, rows: pd.DataFrame, separator: str, encoding: str
) -> None:
    write_images(tmp_path)
    rows["identity"] = [f"Zoë, {i}" for i in range(N)]
    rows.to_csv(tmp_path / "labels.csv", index=False, sep=separator, encoding=encoding)
    faces = read_csv_faces(CsvFaces.from_mapping(settings(tmp_path)))
    assert faces.identity is not None
    assert faces.identity[3] == "Zoë, 3"


def test_another_encoding_must_be_stated(tmp_path: Path, rows: pd.DataFrame) -> None:
    write_images(tmp_path)
    rows.loc[3, "identity"] = "Zoë"
    rows.to_csv(tmp_path / "labels.csv", index=False, encoding="latin-1")
    with pytest.raises(
        DataError, match=r"labels.csv: line 5 is not utf-8; convert the file, or .* state its `encoding`"
    ):
        read_csv_faces(CsvFaces.from_mapping(settings(tmp_path)))
    faces = read_csv_faces(CsvFaces.from_mapping(settings(tmp_path, encoding="latin-1")))
    assert faces.identity is not None
    assert faces.identity[3] == "Zoë"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "labels.csv: empty"),
        ("\n\n", "labels.csv: empty"),
        ("image,expression\n", "labels.csv: no rows"),
        ("image,expression\na,joy,1\n", "labels.csv: not a table of ','"),
        ("image,expression,expression\na,joy,joy\n", "labels.csv: two columns are called 'expression'"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    write_images(tmp_path)
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_csv_faces(CsvFaces.from_mapping(settings(tmp_path)))


def test_an_absent_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels.csv: cannot be read"):
        read_csv_faces(CsvFaces.from_mapping(settings(tmp_path)))


def test_progress_counts_to_the_end(tmp_path: Path, rows: pd.DataFrame) -> None:
    write_images(tmp_path)
    rows.to_csv(tmp_path / "labels.csv", index=False)
    calls: list[tuple[int, int]] = []
    read_csv_faces(CsvFaces.from_mapping(settings(tmp_path)), lambda *call: calls.append(call))
    assert calls == [(i, N) for i in range(1, N + 1)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identty": "a"}, "unknown key identty; did you mean 'identity'"),
        ({"classes": {"colum": "a"}}, "unknown key classes.colum; did you mean 'column'"),
        ({"classes": {}}, "key classes.column is missing"),
        ({"classes": "expression"}, "classes must be a mapping"),
        ({"classes": None}, "no target"),
        ({"crop": {"kind": "face"}}, "crop.kind is 'face'; one of box, landmarks, whole"),
        ({"crop": {"kind": "landmarks"}}, "needs the landmarks' columns"),
        ({"crop": {"kind": "box", "columns": ["a", "b", "c", "d"]}}, "crop.form"),
        ({"crop": {"kind": "box", "form": "xywh", "columns": ["a"]}}, "four columns"),
        ({"crop": {"kind": "whole", "factor": 2}}, "no meaning"),
        ({"landmarks": {"columns": ["a", "b"], "count": 5}}, "not 2 x 5"),
        ({"landmarks": POINTS | {"eyes": [0, 5]}}, "below 5"),
        ({"pose": {"roll": "r", "pitch": "p", "yaw": "y", "unit": "grad"}}, "pose.unit"),
        ({"aus": {"columns": {"AU1": "a"}, "threshold": {"quantil": 0.8}}}, "quantile"),
    ],
)
def test_a_senseless_config_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CsvFaces.from_mapping(settings(tmp_path, **changes))

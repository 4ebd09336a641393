"""CSV files: joining, repeated rows, separators, encodings, columns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import DataError
from tests.benchmark.data.sets.csv.own_set import (
    N,
    Read,
    read_folder,
    write_images,
)


def test_several_files_are_joined(tmp_path: Path, rows: pd.DataFrame, read: Read) -> None:
    more = rows[["image", "smile", "width"]].iloc[::-1].iloc[:-2]
    stranger = pd.DataFrame({"image": ["stranger.png"], "smile": [0.5], "width": [20.0]})
    more = pd.concat([more, stranger])
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


def test_files_that_contradict_each_other_are_refused(tmp_path: Path, rows: pd.DataFrame, read: Read) -> None:
    more = rows[["image", "expression"]].copy()
    more.loc[3, "expression"] = "joy"
    more.to_csv(tmp_path / "more.csv", index=False)
    with pytest.raises(DataError, match=r"'expression' differs between labels.csv and more.csv for image '03.png'"):
        read(rows, csv=[str(tmp_path / "labels.csv"), str(tmp_path / "more.csv")])


def test_repeated_rows_count_once(rows: pd.DataFrame, read: Read) -> None:
    faces = read(pd.concat([rows, rows.iloc[[3, 3]]]))
    assert len(faces.frames) == N
    assert faces.protocol["noted"]["row repeated"] == 2


def test_contradictory_rows_are_refused(rows: pd.DataFrame, read: Read) -> None:
    other = rows.iloc[[3]].assign(expression="joy")
    with pytest.raises(DataError, match=r"labels.csv: rows 5, 14 contradict each other about image '03.png'"):
        read(pd.concat([rows, other]))


def test_a_missing_column_names_the_nearest(rows: pd.DataFrame, read: Read) -> None:
    with pytest.raises(DataError, match=r"labels.csv: no column 'expresion'; did you mean 'expression'\?"):
        read(rows, classes={"column": "expresion"})
    with pytest.raises(DataError, match=r"labels.csv: no column 'imagge'; did you mean 'image'\?"):
        read(rows, image="imagge")


def test_a_column_of_text_for_numbers_is_refused(rows: pd.DataFrame, read: Read) -> None:
    rows["roll"] = "1,5"
    with pytest.raises(DataError, match=r"'roll' holds no numbers \(first value: '1,5'\)"):
        read(rows, pose={"roll": "roll", "pitch": "pitch", "yaw": "yaw"})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_byte_order_marks_are_detected(
    tmp_path: Path, rows: pd.DataFrame, separator: str, encoding: str
) -> None:
    write_images(tmp_path)
    rows["identity"] = [f"Zoë, {i}" for i in range(N)]
    rows.to_csv(tmp_path / "labels.csv", index=False, sep=separator, encoding=encoding)
    faces = read_folder(tmp_path)
    assert faces.identity is not None
    assert faces.identity[3] == "Zoë, 3"


def test_another_encoding_must_be_stated(tmp_path: Path, rows: pd.DataFrame) -> None:
    write_images(tmp_path)
    rows.loc[3, "identity"] = "Zoë"
    rows.to_csv(tmp_path / "labels.csv", index=False, encoding="latin-1")
    with pytest.raises(
        DataError, match=r"labels.csv: line 5 is not utf-8; convert the file, or .* state its `encoding`"
    ):
        read_folder(tmp_path)
    faces = read_folder(tmp_path, encoding="latin-1")
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
def test_files_that_are_not_tables_are_refused(tmp_path: Path, content: str, message: str) -> None:
    write_images(tmp_path)
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path)


def test_an_absent_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels.csv: cannot be read"):
        read_folder(tmp_path)

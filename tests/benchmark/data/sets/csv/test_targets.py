"""Targets of a CSV: landmarks, pose, classes and action units."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.config.csv import CsvFaces
from benchmark.data.catalogue import set_file
from benchmark.data.sets import csv
from benchmark.errors import DataError
from benchmark.files import digest
from tests.benchmark.data.sets.csv.own_set import (
    POINTS,
    N,
    Read,
    settings,
)


def test_every_kind_of_target(rows: pd.DataFrame, read: Read) -> None:
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


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_angle_beyond_float32_is_not_used(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[0, "roll"] = 1e300
    faces = read(rows, pose={"roll": "roll", "pitch": "pitch", "yaw": "yaw", "unit": "deg"})
    assert faces.targets["pose"].known.tolist() == [False] + [True] * (N - 1)
    assert faces.protocol["noted"]["pose beyond 180 degrees, not used"] == 1


def test_missing_coordinates_are_not_known(rows: pd.DataFrame, read: Read) -> None:
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


def test_unknown_classes_are_counted_and_listed(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[:3, "expression"] = ["contempt", "contempt", None, "joy"]
    faces = read(rows)
    assert faces.protocol["classes_left_out"] == {"contempt": 2, "": 1}
    assert faces.protocol["skipped"] == {"no known target": 3}
    kept = read(rows, landmarks=POINTS).targets["classes"]
    assert kept.known.tolist() == [False] * 3 + [True] * 9


def test_classes_default_to_all_names_sorted(rows: pd.DataFrame, read: Read) -> None:
    assert read(rows, classes={"column": "expression"}).targets["classes"].names == ("fear", "joy")


def test_none_of_the_classes_is_refused(rows: pd.DataFrame, read: Read) -> None:
    with pytest.raises(DataError, match=r"'expression' holds none of the classes Joy \(first value: 'joy'\)"):
        read(rows, classes={"column": "expression", "names": ["Joy"]})


def test_unknown_action_units_are_masked(rows: pd.DataFrame, read: Read) -> None:
    rows["jaw"] = [999, -1, "", "?", *rows["jaw"][4:]]
    aus = read(rows, aus={"columns": {"AU26": "jaw"}, "unknown": [999, -1, ""]}).targets["aus"]
    assert aus.known[:, 0].tolist() == [False] * 4 + [True] * 8
    assert aus.values[:4].tolist() == [[0]] * 4


def test_action_units_by_a_number(rows: pd.DataFrame, read: Read) -> None:
    faces = read(rows, aus={"columns": {"AU12": "smile"}, "threshold": 0.5})
    np.testing.assert_array_equal(faces.targets["aus"].values[:, 0], rows.smile.astype(float) > 0.5)
    assert faces.protocol["au_thresholds"] == {"AU12": 0.5}


def test_intensities_without_threshold_are_refused(rows: pd.DataFrame, read: Read) -> None:
    rows.loc[0, "jaw"] = 3
    with pytest.raises(DataError, match=r"'jaw' holds 3, which is neither 0 nor 1.*threshold"):
        read(rows, aus={"columns": {"AU26": "jaw"}})


def test_numbers_are_known_each_on_its_own(rows: pd.DataFrame, read: Read) -> None:
    rows["age"] = pd.Series([20 + i for i in range(N)], dtype=object)
    rows.loc[0, "age"] = ""
    rows.loc[1, "smile"] = -9
    rows.loc[2, "age"] = 1e300
    faces = read(rows, classes=None, regression={"columns": {"smile": "smile", "age": "age"}, "unknown": [-9]})
    target = faces.targets["regression"]
    assert (target.kind, target.names) == ("regression", ("smile", "age"))
    assert target.known.tolist() == [[True, False], [False, True], [True, False], *[[True, True]] * (N - 3)]
    assert target.values[3:, 1].tolist() == [20 + i for i in range(3, N)]
    assert faces.protocol["noted"]["some numbers not known"] == 3


def test_numbers_that_are_none_and_columns_that_are_missing_are_refused(rows: pd.DataFrame, read: Read) -> None:
    with pytest.raises(DataError, match=r"labels.csv: column 'expression' holds no numbers"):
        read(rows, regression={"columns": {"mood": "expression"}})
    with pytest.raises(DataError, match="no column 'smil'; did you mean 'smile'"):
        read(rows, regression={"columns": {"mood": "smil"}})


def test_a_set_without_numbers_keeps_its_name_in_the_cache(rows: pd.DataFrame, read: Read, tmp_path: Path) -> None:
    read(rows)
    plain = CsvFaces(**settings(tmp_path))
    numbers = CsvFaces(**settings(tmp_path, regression={"columns": {"smile": "smile"}}))
    old = {key: value for key, value in asdict(plain).items() if key not in ("kind", "regression")} | {"name": "mine"}
    name = digest([old, [csv.VERSION, *csv.find(plain).fingerprint()]])[:10]
    assert set_file("mine", plain, "cache").name == f"mine-{name}.arrow"
    assert set_file("mine", numbers, "cache") != set_file("mine", plain, "cache")

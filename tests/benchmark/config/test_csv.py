"""Settings of a labelled set made of CSV files."""

from typing import Any

import pytest

from benchmark.config.csv import CsvFaces
from benchmark.config.schema import Config
from benchmark.config.validation import validate
from benchmark.errors import UsageError

POINTS = {"columns": "x{i},y{i}", "count": 5, "eyes": [0, 1]}


def faces(**changes: Any) -> Config:
    own = {"kind": "csv", "csv": "labels.csv", "images": "images", "classes": {"column": "expression"}}
    return validate({"sets": {"own": own | changes}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identty": "a"}, "unknown key sets.own.identty; did you mean 'sets.own.identity'?"),
        ({"classes": {"colum": "a"}}, "unknown key sets.own.classes.colum; did you mean 'sets.own.classes.column'?"),
        ({"classes": {}}, "sets.own.classes.column is missing"),
        ({"classes": "expression"}, "sets.own.classes holds keys of its own, such as sets.own.classes.column="),
        ({"classes": None}, "sets.own: no target"),
        ({"crop": {"kind": "face"}}, "unknown sets.own.crop.kind=face; available: box, landmarks, whole"),
        ({"crop": {"kind": "landmarks"}}, "sets.own: a crop by landmarks needs the landmarks' columns"),
        ({"crop": {"kind": "box", "columns": ["a", "b", "c", "d"]}}, "sets.own.crop: kind box needs form"),
        ({"crop": {"kind": "box", "form": "xywh", "columns": ["a"]}}, "sets.own.crop: kind box needs columns"),
        ({"crop": {"kind": "whole", "factor": 2}}, "sets.own.crop: factor has no meaning"),
        ({"crop": {"factor": 0}}, "sets.own.crop.factor=0 must be greater than 0"),
        ({"landmarks": {"columns": ["a", "b"], "count": 5}}, "sets.own.landmarks: columns name 2 columns, not 2 x 5"),
        ({"landmarks": POINTS | {"eyes": [0, 5]}}, "sets.own.landmarks: eyes must be two indices below 5"),
        ({"pose": {"roll": "r", "pitch": "p", "yaw": "y", "unit": "grad"}}, "unknown sets.own.pose.unit=grad; "),
        (
            {"aus": {"columns": {"AU1": "a"}, "threshold": {"quantil": 0.8}}},
            "sets.own.aus: threshold is a number or {",
        ),
        ({"images": None}, "sets.own.images=None must be a valid string"),
        ({"csv": {"a": 1}}, "sets.own.csv={'a': 1} must be a valid string"),
        ({"val_fraction": 1}, "sets.own.val_fraction=1 must be less than 1"),
        ({"size": 0}, "sets.own.size=0 must be greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        faces(**changes)
    assert str(caught.value).startswith(message)


def test_numbers_are_kept_as_written() -> None:
    """Since the set's name in the cache tells 2 from 2.0."""
    config = faces(landmarks=POINTS, crop={"kind": "landmarks", "factor": 2}).sets["own"]
    assert isinstance(config, CsvFaces)
    assert isinstance(config.crop.factor, int)
    assert isinstance(config.crop.jitter, float)

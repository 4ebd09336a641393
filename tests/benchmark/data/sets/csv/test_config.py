"""The configuration of a CSV set: unknown keys and impossible values are refused."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import UsageError
from tests.benchmark.data.sets.csv.own_set import POINTS, csv_config, settings


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
def test_impossible_values_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        csv_config(settings(tmp_path, **changes))

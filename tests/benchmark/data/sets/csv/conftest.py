"""Rows of a CSV set, and a reader of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.data.faces.labelled_set import LabelledSet
from tests.benchmark.data.sets.csv.own_set import N, Read, read_folder, write_images


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
def read(tmp_path: Path) -> Read:
    """Write rows and their images, and read them as a set; settings default to those of the rows."""

    def read_rows(rows: pd.DataFrame, **changes: Any) -> LabelledSet:
        write_images(tmp_path)
        rows.to_csv(tmp_path / "labels.csv", index=False)
        return read_folder(tmp_path, **changes)

    return read_rows

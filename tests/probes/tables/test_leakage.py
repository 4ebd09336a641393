"""Identity leakage: its score, and its column beside expressions and action units."""

from typing import Any

import numpy as np
import pytest

from probes.probe import probe
from probes.tables.full_tables import tables
from probes.tables.marks import Mark
from probes.target import Labels
from tests.probes.tables.scored import people_of


def record(task: str, kind: str, metric: str, variant: str = "fabnet", value: float = 0.5) -> dict[str, Any]:
    metrics = {metric: {"value": value, "unit": "fraction", "n": 20}}
    return {
        "schema": 1,
        "benchmark": "quick",
        "variant": variant,
        "kind": "method",
        "seed": 0,
        "task": task,
        "target_kind": kind,
        "names": ["anna", "ben", "cleo", "dan"],
        "set": {"name": "other" if task.startswith("other") else "mine"},
        "run": f"quick/{variant}/seed0",
        "n": {"train": 100, "val": 10, "test": 20},
        "heads": {"exact": {"metrics": metrics}},
    }


def test_the_score_is_the_share_of_faces_whose_person_is_named() -> None:
    rng = np.random.default_rng(0)
    person = rng.integers(0, 3, 120)
    features = (np.eye(3)[person] + 0.6 * rng.normal(size=(120, 3))).astype(np.float32)
    split = rng.choice(["train", "val", "test"], 120)
    target = Labels("identity", person, np.ones(120, bool), tuple("abc"))
    probed = probe(target, split, features, heads=("exact", "mean"))
    scores = {head: each["metrics"]["identified"]["value"] for head, each in probed.record["heads"].items()}
    tested = probed.arrays["rows"]
    right = probed.arrays["exact.probabilities"].argmax(1) == person[tested]
    assert scores["exact"] == pytest.approx(right.mean())
    assert scores["exact"] > 0.5
    commonest = np.bincount(person[split == "train"]).argmax()
    assert scores["mean"] == pytest.approx((person[tested] == commonest).mean())


def test_stands_beside_expressions_and_units_of_the_same_set() -> None:
    records = [
        record("faces", "classes", "auc"),
        record("units", "aus", "auc"),
        record("angles", "pose", "mae"),
        record("other", "classes", "auc"),
        record("who", "identity", "identified", value=0.25),
    ]
    built = {table.title.partition(" (")[0]: table for table in tables(records, head="exact")}
    assert built["Expression: faces"].rows[0].entries[-1].text == "0.250"
    for title in ("Expression: faces", "Action units: units", "Identity: who"):
        assert "one of 4" in built[title].caption
        assert "Chance is 0.250" in built[title].caption
    for title in ("Head pose: angles", "Expression: other"):
        assert not any("identity" in heading for heading in built[title].headings)
        assert "Chance" not in built[title].caption


def test_leakage_has_no_best_row() -> None:
    records = [record("who", "identity", "identified", f"m{i}", i / 2) for i in range(2)]
    (table,) = tables(records, head="exact", series=people_of(records, "exact"))
    assert {entry.mark for row in table.rows for entry in row.entries} == {Mark.NONE}

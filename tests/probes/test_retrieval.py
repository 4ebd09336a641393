"""Retrieval against a loop over every pair of faces, and its place in tables."""

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from probes.errors import ProbeError
from probes.probe import Probed
from probes.retrieval import retrieve
from probes.tables.cells import cells
from probes.tables.full_tables import tables
from probes.tables.overview import headlines, overview_of
from probes.target import Labels

N = 90
Numbers = NDArray[Any]


def targets(seed: int = 0) -> dict[str, Labels]:
    rng = np.random.default_rng(seed)
    known = rng.random((N, 3)) < 0.7
    known[:4] = False
    return {
        "pose": Labels("pose", (20 * rng.normal(size=(N, 3))).astype(np.float32), np.ones(N, bool), ("r", "p", "y")),
        "mood": Labels("classes", rng.integers(0, 3, N), rng.random(N) < 0.8, tuple("abc")),
        "aus": Labels("aus", rng.integers(0, 2, (N, 3)).astype(np.float32), known, ("AU1", "AU2", "AU3")),
        "age": Labels("regression", rng.normal(size=(N, 1)).astype(np.float32), np.ones((N, 1), bool), ("age",)),
    }


def faces(seed: int = 0) -> tuple[Numbers, Numbers, NDArray[np.str_]]:
    """Split, features and people, of whom some are unknown; a test block that does not begin at row 0."""
    rng = np.random.default_rng(seed)
    split = np.where(np.arange(N) % 3 == 1, "train", "test")
    people = np.array(["", "anna", "ben", "cleo", "dan", "eve"])[rng.integers(0, 6, N)]
    return split, rng.normal(size=(N, 4)).astype(np.float32), people


def compared(target: Labels, one: int, other: int) -> float:
    """The measure of two faces, written out; NaN where it is undefined."""
    known, a, b = target.known[one] & target.known[other], target.values[one], target.values[other]
    if target.kind == "aus":
        return float(np.mean((a == b)[known])) if known.any() else np.nan
    if not known:
        return np.nan
    return float(np.mean(np.abs(a.astype(float) - b))) if target.kind == "pose" else float(a == b)


def brute_force(target: Labels, split: Numbers, features: Numbers, people: Numbers | None) -> dict[str, list[float]]:
    rows = np.flatnonzero(split == "test").tolist()
    found: dict[str, list[float]] = {"1": [], "5": [], "chance": []}
    for row in rows:
        may = []
        for other in rows:
            same = other == row or (people is not None and people[row] != "" and people[row] == people[other])
            if same or np.isnan(value := compared(target, row, other)):
                continue
            a, b = features[row].astype(float), features[other].astype(float)
            may.append((a @ b / np.linalg.norm(a) / np.linalg.norm(b), value))
        may.sort(reverse=True)
        few = len(may) < 5
        for k in (1, 5):
            found[str(k)].append(np.nan if few else float(np.mean([value for _, value in may[:k]])))
        found["chance"].append(np.nan if few else float(np.mean([value for _, value in may])))
    return found


@pytest.mark.parametrize("with_people", [True, False])
def test_every_value_is_that_of_a_loop_over_pairs(with_people: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.retrieval.BLOCK", 7)  # blocks that do not divide the faces evenly
    split, features, people = faces()
    probed = retrieve(targets(), split, features, people if with_people else None)
    metrics = probed.record["heads"]["retrieval"]["metrics"]
    assert probed.record["names"] == ["pose", "mood", "aus"]
    for name, which in product(probed.record["names"], ("1", "5", "chance")):
        expected = brute_force(targets()[name], split, features, people if with_people else None)[which]
        assert probed.arrays[f"retrieval.{name}_{which}"] == pytest.approx(expected, rel=1e-6, nan_ok=True)
        entry = metrics[f"{name}_{which}"]
        assert entry["value"] == pytest.approx(np.nanmean(expected), rel=1e-12)
        assert entry["n"] == np.sum(~np.isnan(expected))


def test_faces_of_the_same_person_are_never_retrieved() -> None:
    """Each person's faces are alike in features and labels, and unlike all others'."""
    people = np.repeat(np.array(["anna", "ben", "cleo"]), 10)
    features = np.repeat(np.eye(3, dtype=np.float32), 10, 0)
    mood = Labels("classes", np.repeat(np.arange(3), 10), np.ones(30, bool), tuple("abc"))
    split = np.full(30, "test")
    of_others = retrieve({"mood": mood}, split, features, people).record["heads"]["retrieval"]["metrics"]
    of_anyone = retrieve({"mood": mood}, split, features, None).record["heads"]["retrieval"]["metrics"]
    assert [of_others[f"mood_{which}"]["value"] for which in ("1", "5", "chance")] == [0, 0, 0]
    assert of_anyone["mood_5"]["value"] == 1


@pytest.mark.parametrize("features", [np.ones((N, 1)), np.zeros((N, 4)), np.full((N, 300), 1 / 3)])
def test_equally_near_faces_count_equally_so_that_a_constant_embedding_is_at_chance(features: Numbers) -> None:
    split, _, people = faces()
    metrics = retrieve(targets(), split, features.astype(np.float32), people).record["heads"]["retrieval"]["metrics"]
    for name, k in product(("pose", "mood", "aus"), (1, 5)):
        assert metrics[f"{name}_{k}"]["value"] == pytest.approx(metrics[f"{name}_chance"]["value"], rel=1e-9)


def test_a_tie_across_the_fifth_place_is_shared() -> None:
    """Face 0 has three nearer faces that agree, and three equally near ones for two places, one of which agrees."""
    cosines = np.array([1, 0.9, 0.8, 0.7, 0.5, 0.5, 0.5, 0.1])
    features = np.stack([cosines, np.sqrt(1 - cosines**2)], 1).astype(np.float32)
    mood = Labels("classes", np.array([0, 0, 0, 0, 0, 1, 1, 1]), np.ones(8, bool), ("a", "b"))
    probed = retrieve({"mood": mood}, np.full(8, "test"), features)
    assert probed.arrays["retrieval.mood_5"][0] == pytest.approx((3 + 2 / 3) / 5)


def test_features_that_say_the_pose_retrieve_it() -> None:
    split, _, people = faces()
    angle = np.linspace(0, np.pi, N)
    pose = Labels("pose", np.degrees(angle)[:, None].astype(np.float32), np.ones(N, bool), ("yaw",))
    features = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    metrics = retrieve({"pose": pose}, split, features, people).record["heads"]["retrieval"]["metrics"]
    first, five, chance = (metrics[f"pose_{which}"]["value"] for which in ("1", "5", "chance"))
    assert first < five < chance / 5


def test_values_without_each_person_are_means_over_the_others() -> None:
    split, features, people = faces()
    probed = retrieve(targets(), split, features, people)
    values, units = probed.arrays["retrieval.mood_5"], probed.arrays["units"]
    for unit, without in enumerate(probed.arrays["retrieval.mood_5.without"]):
        assert without == pytest.approx(np.nanmean(values[units != unit]), rel=1e-6)
    rows = probed.arrays["rows"]
    assert len(set(units[people[rows] == "anna"])) == 1
    assert len(set(units[people[rows] == ""])) == np.sum(people[rows] == "")


def test_faces_without_labels_or_others_are_left_out_and_counted() -> None:
    split = np.full(5, "test")
    mood = Labels("classes", np.zeros(5, int), np.ones(5, bool), ("a", "b"))
    head = retrieve({"mood": mood}, split, np.eye(5, dtype=np.float32)).record["heads"]["retrieval"]
    assert head["metrics"]["mood_1"] | {"value": None, "n": 0} == head["metrics"]["mood_1"]
    assert head["notes"] == ["mood: 5 faces left out, which have no label or fewer than 5 faces to compare with"]


def test_what_cannot_be_compared_is_refused() -> None:
    split, features, _ = faces()
    with pytest.raises(ProbeError, match="no target to compare retrieved faces by"):
        retrieve({"age": targets()["age"]}, split, features)
    features[np.flatnonzero(split == "test")[0]] = np.nan
    with pytest.raises(ProbeError, match="NaN or infinite: rows 0"):
        retrieve(targets(), split, features)


def test_tables_have_a_column_for_each_measure_and_say_what_chance_is() -> None:
    split, features, people = faces()
    records = [of_run(retrieve(targets(), split, features, people), "fabnet")]
    (table,) = tables(records, head="exact")
    assert table.title.startswith("Retrieval: look-alikes (quick)")
    assert [heading.partition(" (")[0] for heading in table.headings] == [
        "pose, nearest",
        "pose, first 5",
        "mood, nearest",
        "mood, first 5",
        "aus, nearest",
        "aus, first 5",
    ]
    metrics = records[0]["heads"]["retrieval"]["metrics"]
    assert table.rows[0].entries[0].text == f"{metrics['pose_1']['value']:.2f}"
    assert (
        f"pose {metrics['pose_chance']['value']:.2f} deg, mood {metrics['mood_chance']['value']:.3f}" in table.caption
    )
    assert "Head: none; the nearest faces of other people" in table.caption


def test_the_overview_has_the_nearest_face_by_the_first_target() -> None:
    split, features, people = faces()
    records = [of_run(retrieve(targets(), split, features, people), "fabnet")]
    made = overview_of("quick", records, cells(records, head="exact"), {})
    assert headlines(records) == {("look-alikes", "pose_1")}
    assert made.columns[0].title == "Retrieval"
    assert made.rows[0].scores[0].mean == records[0]["heads"]["retrieval"]["metrics"]["pose_1"]["value"]


def of_run(probed: Probed, variant: str) -> dict[str, Any]:
    owner = {"schema": 1, "benchmark": "quick", "kind": "method", "seed": 0, "task": "look-alikes"}
    record = {**owner, "variant": variant, "run": f"quick/{variant}/seed0", **probed.record}
    return dict(json.loads(json.dumps(record, sort_keys=True)))  # as it is read from disk

"""Few-shot probing: which faces are drawn, what is fitted on them, and labels that are too few."""

import json

import numpy as np
import pytest

from probes.few_shot import few_shot, subset
from probes.target import any_known, take

from .examples import KINDS, example


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_is_json_and_has_a_value_for_each_draw(kind: str) -> None:
    target, split, features = example(kind, n=400)
    found = few_shot(target, split, features, fractions=[0.1, 0.5], draws=3, heads=["exact", "mean"])
    json.dumps(found, allow_nan=False)
    assert [part["fraction"] for part in found] == [0.1, 0.5]
    train = (any_known(target) & (split == "train")).sum()
    assert [part["n"]["train"] for part in found] == [round(0.1 * train), round(0.5 * train)]
    for part in found:
        for fitted in part["heads"].values():
            assert all(len(entry["values"]) == 3 for entry in fitted["metrics"].values())


def test_the_score_is_that_of_a_head_fitted_on_the_drawn_faces() -> None:
    target, split, features = example("pose", n=400)
    (part,) = few_shot(target, split, features, fractions=[0.1], draws=2, heads=["mean"])
    train, test = (target.values[target.known & (split == name)] for name in ("train", "test"))
    expected = []
    for draw in (0, 1):
        drawn = np.random.default_rng((draw, 0)).permutation(len(train))[: round(0.1 * len(train))]
        expected.append(np.abs(test - train[drawn].mean(0)).mean())
    assert part["heads"]["mean"]["metrics"]["mae"]["values"] == pytest.approx(expected, rel=1e-5)
    assert expected[0] != pytest.approx(expected[1], rel=1e-4)


def test_ridge_on_few_faces_is_recomputed() -> None:
    target, split, features = example("pose", n=400)
    (part,) = few_shot(target, split, features, fractions=[0.3], draws=1, heads=["exact"])
    rows = {name: np.flatnonzero(target.known & (split == name)) for name in ("train", "val", "test")}
    for number, name in enumerate(("train", "val")):
        n = len(rows[name])
        rows[name] = rows[name][np.random.default_rng((0, number)).permutation(n)[: round(0.3 * n)]]
    x = features.astype(np.float64)
    x = (x - x[rows["train"]].mean(0)) / x[rows["train"]].std(0)
    y = target.values.astype(np.float64)
    mean, scale = y[rows["train"]].mean(0), y[rows["train"]].std(0)

    def errors(weight: np.ndarray, name: str) -> float:
        return float(np.abs(x[rows[name]] @ weight * scale + mean - y[rows[name]]).mean())

    gram = x[rows["train"]].T @ x[rows["train"]]
    product = x[rows["train"]].T @ ((y[rows["train"]] - mean) / scale)
    penalties = len(rows["train"]) * 10.0 ** np.linspace(-8, 4, 400)
    weights = [np.linalg.solve(gram + penalty * np.eye(len(gram)), product) for penalty in penalties]
    chosen = min(weights, key=lambda weight: errors(weight, "val"))
    assert part["heads"]["exact"]["metrics"]["mae"]["values"] == pytest.approx([errors(chosen, "test")], rel=0.03)


def test_subsets_are_nested_and_keep_the_shares_of_classes() -> None:
    target, _, _ = example("classes", n=400)
    labels = take(target, np.flatnonzero(target.known))
    few, more = (subset(labels, fraction, (0, 0)) for fraction in (0.05, 0.4))
    assert set(few) < set(more)
    assert len(set(subset(labels, 0.05, (1, 0))) & set(few)) < len(few)
    shares, kept = (np.bincount(each) / len(each) for each in (labels.values, labels.values[more]))
    assert kept == pytest.approx(shares, abs=0.01)
    assert set(labels.values[subset(labels, 3 / len(labels), (0, 0))]) == {0, 1, 2}


def test_test_faces_and_labels_that_are_not_drawn_change_nothing() -> None:
    target, split, features = example("pose", n=400)
    first = few_shot(target, split, features, fractions=[0.1], draws=1, heads=["exact"])
    train = np.flatnonzero(target.known & (split == "train"))
    drawn = train[subset(take(target, train), 0.1, (0, 0))]
    others = np.setdiff1d(train, drawn)
    target.values[others] += 50
    changed = features.copy()
    changed[others] *= 3
    assert few_shot(target, split, changed, fractions=[0.1], draws=1, heads=["exact"]) == first


def test_too_few_labels_are_counted() -> None:
    target, split, features = example("aus", n=60)
    one, few = few_shot(target, split, features, fractions=[0.05, 0.1], draws=3, heads=["exact"])
    assert one["heads"]["exact"] == {
        "metrics": {},
        "notes": ["3 of 3 fits had too few labels: fewer than 2 train faces"],
    }
    values = few["heads"]["exact"]["metrics"]["auc"]["values"]
    (note,) = few["heads"]["exact"]["notes"]
    assert note.startswith(f"{values.count(None)} of 3 fits had too few labels: no action unit")


def test_outputs_that_are_scored_as_they_are_have_no_few_shot_scores() -> None:
    target, split, features = example("pose")
    (part,) = few_shot(target, split, features[:, :3], fractions=[0.1], draws=1, heads=["identity"])
    assert part["heads"] == {}

"""When Adam ends: once val stops improving, at a cap, or after a number of steps; and the last fit on train and val."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from probes.coding import Coding, coding_for
from probes.errors import ProbeError
from probes.head import Fitted, Head, Split, joined
from probes.heads.exact import fit_exact
from probes.heads.linear import Budget, Linear, fit_linear
from probes.probe import UNCHANGED, probe
from probes.target import any_known, take

from .examples import KINDS, example

BRIEF = {"linear": {"patience": 3, "patience_steps": 0, "batch": 40, "rates": [0.01, 0.1]}}


def splits(kind: str) -> tuple[Split, Split, Coding]:
    target, split, features = example(kind, n=400)
    rows = [np.flatnonzero(any_known(target) & (split == name)) for name in ("train", "val")]
    train, val = (Split(features[None, each], take(target, each)) for each in rows)
    return train, val, coding_for(train.labels)


@pytest.mark.parametrize("kind", KINDS)
def test_ends_when_val_has_not_improved_for_the_stated_passes(kind: str) -> None:
    train, val, coding = splits(kind)
    budget = Budget(patience=4, patience_steps=0, batch=40, rates=(0.03,))
    (choice,) = fit_linear(train, val, coding, 0, budget).choice
    assert choice["converged"]
    # Not a pass less: with the end moved to where the best was found and the patience over, it is the same head.
    exactly = replace(budget, passes=choice["pass"] + 4)
    assert fit_linear(train, val, coding, 0, exactly).choice == [choice]
    sooner = fit_linear(train, val, coding, 0, replace(budget, passes=choice["pass"] + 3)).choice
    assert sooner == [{**choice, "converged": False}]


def test_patience_is_counted_in_steps_too_as_a_pass_over_few_faces_is_one_step() -> None:
    train, val, coding = splits("classes")
    budget = Budget(patience=1, patience_steps=0, passes=200, rates=(0.003,))
    short, long = (
        fit_linear(train, val, coding, 0, replace(budget, patience_steps=steps)).choice[0] for steps in (0, 40)
    )
    assert short["converged"]
    assert long["pass"] > short["pass"]
    assert long["val"] > short["val"]


def test_a_run_ends_by_itself_whatever_runs_beside_it() -> None:
    train, val, coding = splits("pose")
    noise = np.random.default_rng(0).normal(size=train.features.shape).astype(np.float32)
    budget = Budget(patience=4, patience_steps=0, batch=40, rates=(0.03,))
    alone = fit_linear(train, val, coding, 0, budget)
    two = Split(np.concatenate([train.features, noise]), train.labels)
    two_val = Split(np.concatenate([val.features, val.features]), val.labels)
    beside = fit_linear(two, two_val, coding, 0, budget)
    assert {**beside.choice[0], "val": pytest.approx(alone.choice[0]["val"], rel=1e-5)} == alone.choice[0]
    assert beside.weight[0] == pytest.approx(alone.weight[0], rel=1e-3, abs=1e-5)


def test_a_cap_that_was_hit_is_noted() -> None:
    target, split, features = example("classes")
    capped, free = (
        probe(target, split, features, heads=("linear",), options={"linear": {**BRIEF["linear"], "passes": passes}})
        for passes in (2, 500)
    )
    assert "its cap" in " ".join(capped.record["heads"]["linear"]["notes"])
    assert "its cap" not in " ".join(free.record["heads"]["linear"]["notes"])
    assert free.record["heads"]["linear"]["protocol"]["patience"] == 3


def test_a_fixed_number_of_steps_is_still_to_be_had() -> None:
    train, val, coding = splits("aus")
    (choice,) = fit_linear(train, val, coding, 0, Budget(steps=60, every=20)).choice
    assert choice["step"] in (20, 40, 60)
    assert "converged" not in choice


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience, passes, batch and every are at least 1"),
        ({"steps": -1}, "steps at least 0"),
        ({"rates": []}, "rates must be positive"),
        ({"rates": [-0.1]}, "rates must be positive"),
        ({"patients": 3}, "no option 'patients'; did you mean 'patience'"),
        ({"passes": 1.5}, "must be int"),
    ],
)
def test_wrong_budgets_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        Linear(options)


def test_refitted_ridge_is_sklearns_on_train_and_val_with_the_chosen_penalty() -> None:
    target, split, features = example("pose")
    plain, again = (probe(target, split, features, heads=("exact",), refit=refit) for refit in (False, True))
    one, other = (each.record["heads"]["exact"] for each in (plain, again))
    assert other["choice"] == one["choice"]
    assert other["protocol"] == {**one["protocol"], "refit": True}

    rows = np.flatnonzero(target.known & np.isin(split, ("train", "val")))
    n_train = (target.known & (split == "train")).sum()
    scaler, labels = StandardScaler().fit(features[rows]), StandardScaler().fit(target.values[rows])
    ridge = Ridge(alpha=one["choice"]["alpha"] / n_train * len(rows))
    ridge.fit(scaler.transform(features[rows]), labels.transform(target.values[rows]))
    expected = labels.inverse_transform(ridge.predict(scaler.transform(features)))
    assert again.fitted["exact"].predict(features) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", ["linear", "exact", "mean", "knn"])
def test_refitting_uses_the_labels_of_val_and_none_of_test(head: str, kind: str) -> None:
    target, split, features = example(kind)
    first = probe(target, split, features, heads=(head,), options=BRIEF, refit=True).record["heads"][head]
    plain = probe(target, split, features, heads=(head,), options=BRIEF).record["heads"][head]
    assert first["choice"] == plain["choice"]
    assert first["protocol"]["refit"]
    if head != "mean" or kind in ("landmarks", "pose"):  # AUC of a constant is 0.5
        assert first["metrics"] != plain["metrics"]
    values = target.values.copy()
    test = np.flatnonzero(split == "test")
    values[test] = values[np.roll(test, 1)]
    moved = probe(replace(target, values=values), split, features, heads=(head,), options=BRIEF, refit=True)
    assert moved.record["heads"][head]["choice"] == first["choice"]


def test_finished_outputs_are_not_fitted_again() -> None:
    target, split, _ = example("pose")
    coding = coding_for(take(target, np.flatnonzero(target.known & (split == "train"))))
    outputs, _ = coding.encode(target)
    probed = probe(target, split, outputs, heads=(UNCHANGED,), refit=True)
    assert probed.record["heads"][UNCHANGED]["metrics"]["mae"]["value"] == pytest.approx(0, abs=1e-4)


def test_a_head_that_cannot_be_refitted_says_so() -> None:
    class Once(Head):
        name, title = "once", "fitted once"

        def fit(self, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
            return fit_exact(
                Split(train.features[None], train.labels), Split(val.features[None], val.labels), coding
            ).runs()[0]

    train, val, coding = splits("pose")
    assert not Once().can_refit
    with pytest.raises(ProbeError, match="head once cannot be fitted again"):
        Once().refit(Once().fit(train.of_run(0), val.of_run(0), coding, 0), train.of_run(0), val.of_run(0), coding, 0)
    assert len(joined(train, val).labels) == len(train.labels) + len(val.labels)

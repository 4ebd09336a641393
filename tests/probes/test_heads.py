"""Each head against an independent implementation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from probes.coding import Coding, coding_for
from probes.head import AffineRuns, Split, standardiser
from probes.heads.exact import _logistic, _ridge, fit_exact
from probes.heads.linear import Budget, fit_linear
from probes.heads.mean import fit_mean
from probes.scores import headline
from probes.target import any_known, take

from .examples import KINDS, example

BUDGET = Budget(steps=60, batch=50, every=20)


def splits(kind: str, runs: int = 1) -> tuple[Split, Split, Coding]:
    target, split, features = example(kind)
    rng = np.random.default_rng(1)
    stacked = np.stack([features + rng.normal(size=features.shape) * run for run in range(runs)])
    rows = {name: np.flatnonzero(any_known(target) & (split == name)) for name in ("train", "val")}
    train, val = (Split(stacked[:, each].astype(np.float32), take(target, each)) for each in rows.values())
    return train, val, coding_for(train.labels)


def fit_linear_briefly(train: Split, val: Split, coding: Coding) -> AffineRuns:
    return fit_linear(train, val, coding, 0, BUDGET)


def val_score(fitted: AffineRuns, val: Split, coding: Coding, run: int = 0) -> float:
    """Headline metric of one run on val, without sign."""
    score = headline(val.labels, coding.decode(fitted(val.features)[run]))
    assert score is not None
    return abs(score)


def same_choice(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert {**one, "val": pytest.approx(one["val"], rel=1e-4)} == other


@pytest.mark.parametrize("kind", KINDS)
def test_runs_trained_together_equal_runs_trained_alone(kind: str) -> None:
    train, val, coding = splits(kind, runs=3)
    together = fit_linear(train, val, coding, 0, BUDGET)
    for run in range(3):
        one_train, one_val = (Split(each.features[run : run + 1], each.labels) for each in (train, val))
        alone = fit_linear(one_train, one_val, coding, 0, BUDGET)
        same_choice(alone.choice[0], together.choice[run])
        outputs, expected = together(train.features)[run], alone(one_train.features)[0]
        assert outputs == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("rate", [1e-3, 1e-2])
@pytest.mark.parametrize("kind", KINDS)
def test_linear_is_batch_norm_and_a_layer_without_bias_under_adam(kind: str, rate: float) -> None:
    """Full batches, so that torch's own batch norm sees the same statistics."""
    train, val, coding = splits(kind)
    n = len(train.labels)
    budget = Budget(steps=30, batch=n, rates=(rate,), every=30)
    fitted = fit_linear(train, val, coding, 0, budget)

    mean, scale = standardiser(train.features)
    x = torch.from_numpy(((train.features - mean) / scale)[0]).float()  # so that the norm's eps is negligible
    norm, layer = torch.nn.BatchNorm1d(x.shape[1]), torch.nn.Linear(x.shape[1], coding.width, bias=False)
    torch.nn.init.zeros_(layer.weight)
    adam = torch.optim.Adam([*norm.parameters(), *layer.parameters()], lr=rate)
    codes, known = map(torch.from_numpy, coding.encode(train.labels))
    for _ in range(30):
        adam.zero_grad()
        coding.loss(layer(norm(x)), codes, known).mean().backward()
        adam.step()
    with torch.no_grad():
        expected = layer(norm(x)).numpy()
    assert fitted(train.features)[0] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_rates_trained_together_equal_rates_trained_alone(kind: str) -> None:
    train, val, coding = splits(kind)
    rates = (1e-4, 1e-3, 1e-2)
    together = fit_linear(train, val, coding, 0, replace(BUDGET, rates=rates))
    alone = [fit_linear(train, val, coding, 0, replace(BUDGET, rates=(rate,))) for rate in rates]
    scores = [val_score(each, val, coding) for each in alone]
    best = min(scores) if kind in ("landmarks", "pose") else max(scores)
    winner = alone[scores.index(best)]
    same_choice(winner.choice[0], together.choice[0])
    assert together(train.features) == pytest.approx(winner(train.features), abs=1e-4)


def test_the_seed_decides_the_order_of_samples() -> None:
    train, val, coding = splits("pose")
    first, again, other = (fit_linear(train, val, coding, seed, BUDGET).weight for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_linear_comes_near_the_exact_solution() -> None:
    train, val, coding = splits("landmarks")
    slow = fit_linear(train, val, coding, 0, Budget(steps=600, batch=64))
    exact = fit_exact(train, val, coding)
    assert slow.choice[0]["val"] == pytest.approx(exact.choice[0]["val"], rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fit", [fit_exact, fit_linear_briefly])
def test_the_choice_is_the_best_on_val(fit: Callable[..., AffineRuns], kind: str) -> None:
    train, val, coding = splits(kind, runs=2)
    fitted = fit(train, val, coding)
    for run, choice in enumerate(fitted.choice):
        assert choice["val"] == pytest.approx(val_score(fitted, val, coding, run), rel=1e-3)


def test_ridge_is_sklearns() -> None:
    train, _, coding = splits("landmarks")
    mean, scale = standardiser(train.features)
    x = ((train.features - mean) / scale)[0]
    codes, _ = coding.encode(train.labels)
    for penalty, weight, bias in _ridge(x, train.labels, coding):
        expected = Ridge(alpha=penalty["alpha"]).fit(x, codes)
        assert x @ weight + bias == pytest.approx(expected.predict(x), abs=1e-4)


def test_multinomial_regression_is_sklearns() -> None:
    train, _, coding = splits("classes")
    mean, scale = standardiser(train.features)
    x = ((train.features - mean) / scale)[0]
    for penalty, weight, bias in _logistic(x, train.labels, coding):
        model = LogisticRegression(C=penalty["C"], class_weight="balanced", tol=1e-8, max_iter=2000)
        expected = model.fit(x, train.labels.values).predict_proba(x)
        assert coding.decode(x @ weight + bias) == pytest.approx(expected, abs=1e-3)


def test_unit_regressions_are_sklearns_on_the_known_faces() -> None:
    train, _, coding = splits("aus")
    mean, scale = standardiser(train.features)
    x = ((train.features - mean) / scale)[0]
    for penalty, weight, bias in _logistic(x, train.labels, coding):
        probabilities = coding.decode(x @ weight + bias)
        for unit, known in enumerate(train.labels.known.T):
            model = LogisticRegression(C=penalty["C"], class_weight="balanced", tol=1e-8, max_iter=2000)
            model.fit(x[known], train.labels.values[known, unit])
            assert probabilities[:, unit] == pytest.approx(model.predict_proba(x)[:, 1], abs=1e-3)


def test_the_mean_floor_puts_out_the_training_mean() -> None:
    train, _, coding = splits("pose", runs=2)
    outputs = fit_mean(train, coding)(train.features)
    expected = train.labels.values.mean(0)
    assert coding.decode(outputs) == pytest.approx(np.broadcast_to(expected, (2, len(train.labels), 3)), abs=1e-4)


@pytest.mark.parametrize("kind", ["classes", "aus"])
def test_the_mean_floor_puts_out_the_training_frequencies(kind: str) -> None:
    train, _, coding = splits(kind)
    probabilities = coding.decode(fit_mean(train, coding)(train.features))[0, 0]
    labels = train.labels
    for index, probability in enumerate(probabilities):
        on = labels.values == index if kind == "classes" else labels.values[labels.known[:, index], index]
        assert probability == pytest.approx(on.mean(), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fit", [fit_exact, fit_linear_briefly])
def test_constant_features_and_scales_do_no_harm(fit: Callable[..., AffineRuns], kind: str) -> None:
    train, val, coding = splits(kind)
    plain = fit(train, val, coding)

    def stretch(part: Split) -> Split:
        constant = np.full((*part.features.shape[:2], 2), 1234.567, np.float32)
        return Split(np.concatenate([part.features * np.float32(1024), constant], -1), part.labels)

    stretched = fit(stretch(train), stretch(val), coding)
    assert stretched(stretch(val).features) == pytest.approx(plain(val.features), abs=1e-3)

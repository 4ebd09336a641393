"""Targets of kind regression: metrics, exact solution and training with values that are partly unknown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from benchmark.data.faces.labelled_set import Target as BenchmarkTarget
from benchmark.train.supervised import task_loss
from probes.coding import coding_for
from probes.errors import ProbeError
from probes.fitted import load_heads, save_heads
from probes.head import standardiser
from probes.heads.exact import _ridge
from probes.probe import probe
from probes.scores import score
from probes.tables.full_tables import tables
from probes.target import Labels, take

NAMES = ("valence", "age")


def example(n: int = 300) -> tuple[Labels, NDArray[np.str_], NDArray[np.float32]]:
    """Valence in -1 to 1 and age in years; a fifth of each is unknown, and not for the same faces."""
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(n, 3))
    features = (cause @ rng.normal(size=(3, 10)) + 0.5 * rng.normal(size=(n, 10))).astype(np.float32)
    values = np.stack([np.tanh(cause[:, 0]), 40 + 12 * cause[:, 1] + 3 * rng.normal(size=n)], 1).astype(np.float32)
    known = rng.random((n, 2)) < 0.8
    split = rng.choice(["train", "val", "test"], n, p=[0.6, 0.2, 0.2])
    return Labels("regression", values, known, NAMES), split, features


def test_metrics_are_sklearns_and_lins() -> None:
    target, _, _ = example()
    predictions = (target.values + np.random.default_rng(1).normal(size=target.values.shape)).astype(np.float32)
    metrics = score(target, predictions).metrics
    for index, name in enumerate(NAMES):
        known = target.known[:, index]
        true, predicted = (each[known, index].astype(float) for each in (target.values, predictions))
        correlation = np.corrcoef(true, predicted)[0, 1]
        spread = true.var() + predicted.var() + (true.mean() - predicted.mean()) ** 2
        expected = {
            "absolute_error": mean_absolute_error(true, predicted),
            "rmse": root_mean_squared_error(true, predicted),
            "r2": r2_score(true, predicted),
            "ccc": 2 * correlation * true.std() * predicted.std() / spread,
        }
        for metric, value in expected.items():
            assert metrics[f"{metric}_{name}"]["value"] == pytest.approx(value, rel=1e-9)
            assert metrics[f"{metric}_{name}"]["n"] == known.sum()
    assert metrics["ccc"]["value"] == pytest.approx(np.mean([metrics[f"ccc_{name}"]["value"] for name in NAMES]))
    assert metrics["rmse"]["value"] is None  # years and valence have no common unit


def test_heads_beat_the_floor_and_stored_predictions_give_the_metrics() -> None:
    target, split, features = example()
    heads = ("linear", "exact", "knn", "mean")
    probed = probe(target, split, features, heads=heads, options={"linear": {"patience_steps": 40, "rates": [0.03]}})
    ccc = {head: each["metrics"]["ccc"]["value"] for head, each in probed.record["heads"].items()}
    assert min(ccc["linear"], ccc["exact"], ccc["knn"]) > 0.5
    assert ccc["mean"] == pytest.approx(0, abs=1e-6)
    tested = take(target, probed.arrays["rows"])
    again = score(tested, probed.arrays["exact.predictions"]).metrics
    assert again["ccc"]["value"] == pytest.approx(ccc["exact"], rel=1e-9)


def test_ridge_solves_each_number_on_the_faces_that_have_it() -> None:
    target, split, features = example()
    labels = take(target, np.flatnonzero(target.known.any(1) & (split == "train")))
    x = features[target.known.any(1) & (split == "train")]
    mean, scale = standardiser(x)
    x = (x - mean) / scale
    coding = coding_for(labels)
    codes, _ = coding.encode(labels)
    for choice, weight, bias in _ridge(x, labels, coding):
        for index in range(2):
            known = labels.known[:, index]
            ridge = Ridge(alpha=choice["alpha"] / len(x) * known.sum()).fit(x[known], codes[known, index])
            assert x @ weight[:, index] + bias[index] == pytest.approx(ridge.predict(x), abs=1e-4)


def test_unknown_numbers_are_never_read() -> None:
    target, split, features = example()
    poisoned = np.where(target.known, target.values, np.nan).astype(np.float32)
    options = {"linear": {"patience_steps": 0, "patience": 2, "rates": [0.03]}}
    one = probe(target, split, features, options=options)
    two = probe(replace(target, values=poisoned), split, features, options=options)
    assert one.record == two.record


def test_the_supervised_loss_is_the_probes_loss() -> None:
    target, _, _ = example()
    coding = coding_for(target)
    codes, known = (torch.from_numpy(each) for each in coding.encode(target))
    outputs = torch.randn(len(target), 2)
    loss = task_loss(coding)(outputs, torch.from_numpy(target.values), torch.from_numpy(target.known))
    assert loss == pytest.approx(coding.loss(outputs, codes, known), rel=1e-4)


def test_a_fitted_head_predicts_in_the_labels_units(tmp_path: Path) -> None:
    target, split, features = example()
    probed = probe(target, split, features, heads=("exact",))
    save_heads(probed.fitted, tmp_path / "head.safetensors")
    predicted = load_heads(tmp_path / "head.safetensors")["exact"].predict(features)
    assert predicted[probed.arrays["rows"]] == pytest.approx(probed.arrays["exact.predictions"], abs=1e-4)
    assert 30 < predicted[:, 1].mean() < 50


def test_a_number_without_training_values_is_noted_and_one_that_never_varies_is_refused() -> None:
    target, split, features = example()
    known = target.known.copy()
    known[split == "train", 1] = False
    notes = probe(replace(target, known=known), split, features, heads=("exact",)).record["heads"]["exact"]["notes"]
    assert "no training face has a known age" in notes
    constant = replace(target, values=np.ones_like(target.values))
    with pytest.raises(ProbeError, match="do not vary"):
        probe(constant, split, features, heads=("exact",))


def test_each_number_has_its_columns() -> None:
    target, split, features = example()
    given = BenchmarkTarget("regression", target.values, target.known, target.names)
    record = probe(given, split, features, heads=("exact",)).record
    owner = {"schema": 1, "benchmark": "b", "variant": "v", "kind": "method", "seed": 0, "task": "affect", "run": "r"}
    (table,) = tables([{**owner, **record}], head="exact")
    assert table.headings[:3] == ["average (CCC ↑)", "valence (CCC ↑)", "age (CCC ↑)"]
    assert [heading for heading in table.headings if heading.endswith("(MAE ↓)")] == ["valence (MAE ↓)", "age (MAE ↓)"]
    assert all(entry.text != "–" for entry in table.rows[0].entries)

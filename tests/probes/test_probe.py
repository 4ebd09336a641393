"""The entry point: its results, its independence of the test split, and the inputs it refuses."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.data.faces.labelled_set import Target as BenchmarkTarget
from probes.coding import coding_for
from probes.errors import ProbeError
from probes.probe import probe, probe_runs
from probes.target import any_known, take

from .examples import KINDS, example

BUDGET = {"linear": {"steps": 40, "batch": 64, "every": 20}}
HEADLINES = {"landmarks": "error", "pose": "mae", "classes": "auc", "aus": "auc"}


@pytest.mark.parametrize("kind", KINDS)
def test_heads_beat_the_floor_and_the_record_is_json(kind: str) -> None:
    target, split, features = example(kind, n=400)
    group = np.where(np.arange(len(target)) % 2, "grey", "colour")
    heads = ("linear", "exact", "mean")
    probed = probe(target, split, features, heads=heads, group=group, options={"linear": {"steps": 300}})
    json.dumps(probed.record, allow_nan=False)
    values = {head: fitted["metrics"][HEADLINES[kind]]["value"] for head, fitted in probed.record["heads"].items()}
    if kind in ("landmarks", "pose"):
        assert max(values["linear"], values["exact"]) < values["mean"]
    else:
        assert min(values["linear"], values["exact"]) > values["mean"] == 0.5
    assert f"{HEADLINES[kind]}/grey" in probed.record["heads"]["linear"]["metrics"]

    rows = np.flatnonzero(any_known(target) & (split == "test"))
    assert np.array_equal(probed.arrays["rows"], rows)
    assert probed.record["n"]["test"] == len(rows)
    assert {name.split(".")[0] for name in probed.arrays} == {"rows", "units", *heads}
    assert all(len(array) == len(rows) for array in probed.arrays.values())


def test_the_known_error_of_the_mean_floor() -> None:
    target, split, features = example("pose")
    train, test = (target.values[target.known & (split == name)] for name in ("train", "test"))
    metrics = probe(target, split, features, heads=("mean",)).record["heads"]["mean"]["metrics"]
    expected = np.abs(test - train.mean(0)).mean(0)
    assert [metrics[name]["value"] for name in target.names] == pytest.approx(list(expected), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_test_enters_choice_or_training(kind: str) -> None:
    target, split, features = example(kind)
    test = np.flatnonzero(split == "test")
    shuffled = target.values.copy()
    shuffled[test] = shuffled[np.roll(test, 1)]
    other = features.copy()
    other[test] *= 2
    heads = ("linear", "exact", "mean")
    one = probe(target, split, features, heads=heads, options=BUDGET).record["heads"]
    two = probe(replace(target, values=shuffled), split, other, heads=heads, options=BUDGET).record["heads"]
    assert [fitted["choice"] for fitted in one.values()] == [fitted["choice"] for fitted in two.values()]
    assert one["linear"]["metrics"] != two["linear"]["metrics"]


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_values_change_nothing(kind: str) -> None:
    target, split, features = example(kind)
    poisoned = target.values.copy()
    poisoned[~target.known] = 99 if kind == "classes" else np.nan
    one = probe(target, split, features, options=BUDGET)
    two = probe(replace(target, values=poisoned), split, features, options=BUDGET)
    assert one.record == two.record
    assert all(np.array_equal(one.arrays[name], two.arrays[name]) for name in one.arrays)


def test_intervals_are_over_people_where_they_are_known() -> None:
    target, split, features = example("pose", n=400)
    people = np.array([f"person {row // 4}" for row in range(400)])
    by_person = probe(target, split, features, heads=["mean"], people=people).arrays
    by_image = probe(target, split, features, heads=["mean"]).arrays
    tested = by_image["rows"]
    assert by_image["mean.mae.without"].shape == (len(tested),)
    assert by_person["mean.mae.without"].shape == (len({*people[tested]}),)
    assert by_person["mean.mae.without"].mean() == pytest.approx(by_person["mean.errors"].mean(), rel=1e-3)


def test_runs_come_back_in_order() -> None:
    target, split, features = example("pose")
    noise = np.random.default_rng(0).normal(size=features.shape).astype(np.float32)
    good, bad = probe_runs(target, split, np.stack([features, noise]), heads=("exact",))
    mae = [each.record["heads"]["exact"]["metrics"]["mae"]["value"] for each in (good, bad)]
    assert mae[0] < mae[1]
    assert good.record == probe(target, split, features, heads=("exact",)).record


@pytest.mark.parametrize("kind", KINDS)
def test_identity_scores_finished_outputs(kind: str) -> None:
    target, split, _ = example(kind)
    rows = any_known(target)
    coding = coding_for(take(target, np.flatnonzero(rows & (split == "train"))))
    codes, _ = coding.encode(target)
    outputs = codes
    if kind == "classes":
        outputs = np.eye(3)[codes]
    elif kind == "aus":
        outputs = codes * 2 - 1
    metrics = probe(target, split, outputs, heads=("identity",)).record["heads"]["identity"]["metrics"]
    perfect = 1 if kind in ("classes", "aus") else 0
    assert metrics[HEADLINES[kind]]["value"] == pytest.approx(perfect, abs=1e-4)
    with pytest.raises(ProbeError, match="identity needs"):
        probe(target, split, np.zeros((len(target), 99)), heads=("identity",))


def test_the_benchmarks_target_fits() -> None:
    target, split, features = example("aus")
    given = BenchmarkTarget("aus", target.values, target.known, target.names)
    assert probe(given, split, features, heads=("exact",)).record == (
        probe(target, split, features, heads=("exact",)).record
    )


def test_a_val_split_that_leaves_the_metric_undefined_chooses_by_the_loss() -> None:
    target, split, features = example("classes")
    in_val = np.flatnonzero(split == "val")
    values = target.values.copy()
    values[in_val] = 0
    fitted = probe(replace(target, values=values), split, features, options=BUDGET).record["heads"]
    assert [each["choice"]["by"] for each in fitted.values()] == ["loss", "loss"]


def test_broken_features_are_named() -> None:
    target, split, features = example("pose")
    row = int(np.flatnonzero(target.known & (split == "val"))[3])
    features[row, 2] = np.nan
    with pytest.raises(ProbeError, match=rf"1 of \d+ faces are NaN or infinite: rows {row}$"):
        probe(target, split, features)


@pytest.mark.parametrize(("name", "word"), [("train", "training"), ("val", "validation"), ("test", "test")])
def test_a_split_without_labels_is_an_error(name: str, word: str) -> None:
    target, split, features = example("pose")
    known = target.known & (split != name)
    with pytest.raises(ProbeError, match=f"no known {word} labels"):
        probe(replace(target, known=known), split, features)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": ("liner",)}, "unknown head 'liner'; did you mean 'linear'"),
        ({"features": np.zeros((3, 2))}, r"expected \(runs, 240 faces, D\)"),
        ({"features": np.zeros(240)}, r"\(N, D\)"),
        ({"split": np.array(["train"])}, "split has shape"),
        ({"group": np.array(["grey"])}, "group has shape"),
    ],
)
def test_misuse_is_one_line(change: dict[str, Any], message: str) -> None:
    target, split, features = example("pose")
    with pytest.raises(ProbeError, match=message) as caught:
        probe(**{"target": target, "split": split, "features": features, **change})
    assert "\n" not in str(caught.value)


def test_tables_import_in_a_moment() -> None:
    slow = {"torch", "sklearn", "pandas", "scipy.stats", "scipy.optimize"}
    code = f"import sys, probes, probes.tables.formats; print({slow} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"

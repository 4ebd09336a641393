"""Every standard metric and interval once more, in plain NumPy, from the errors and probabilities that files hold."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from probes.probe import Probed, probe
from probes.scores import STANDARD
from probes.tables.comparison import Score, Series, paired_difference
from probes.target import any_known
from tests.probes.examples import example

Values = NDArray[np.float64]
Measure = Callable[[NDArray[np.intp]], float]
SEEDS = 3
PEOPLE = 12


def probed(kind: str) -> tuple[list[Probed], Values, NDArray[np.bool_], NDArray[np.intp]]:
    """Three seeds of one row; the labels and known marks of the scored faces, and the person in each."""
    target, split, features = example(kind)
    people = np.array([f"p{index % PEOPLE}" for index in range(len(split))])
    random = np.random.default_rng(0)
    noisy = [features + random.normal(0, features.std(0), features.shape).astype(np.float32) for _ in range(SEEDS)]
    runs = [probe(target, split, each, heads=("exact",), people=people) for each in noisy]
    rows = np.flatnonzero(any_known(target) & (split == "test"))
    assert all((run.arrays["rows"] == rows).all() for run in runs)
    names = list(dict.fromkeys(people[rows]))
    units = np.array([names.index(each) for each in people[rows]])
    return runs, np.asarray(target.values)[rows], target.known[rows], units


def measures(kind: str, run: Probed, labels: Values, known: NDArray[np.bool_]) -> dict[str, Measure]:
    """The metrics of any part of the faces."""
    arrays = {name.removeprefix("exact."): each for name, each in run.arrays.items()}
    if kind == "landmarks":
        errors = arrays["errors"].astype(float)
        return {"error": lambda rows: errors[rows].mean(), "failure_10": lambda rows: 100 * (errors[rows] > 10).mean()}
    if kind == "pose":
        errors, geodesic = arrays["errors"].astype(float), arrays["geodesic"].astype(float)
        each = {name: lambda rows, at=at: errors[rows, at].mean() for at, name in enumerate(("roll", "pitch", "yaw"))}
        return {"mae": lambda rows: errors[rows].mean(), "geodesic": lambda rows: geodesic[rows].mean(), **each}
    scores = arrays["probabilities"].astype(float)
    if kind == "classes":
        positive = labels[:, None] == np.arange(scores.shape[1])
        known = np.ones_like(positive)
        return {
            "auc": lambda rows: mean_auc(scores[rows], positive[rows], known[rows]),
            "accuracy": lambda rows: (scores[rows].argmax(1) == labels[rows]).mean(),
        }
    return {"auc": lambda rows: mean_auc(scores[rows], labels[rows] > 0.5, known[rows])}


def mean_auc(scores: Values, positive: NDArray[np.bool_], known: NDArray[np.bool_]) -> float:
    """The share of pairs of a positive and a negative in the right order, ties counting half; the mean over columns."""
    columns = []
    for score, is_positive, is_known in zip(scores.T, positive.T, known.T, strict=True):
        gaps = score[is_positive & is_known][:, None] - score[~is_positive & is_known]
        columns.append(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
    return float(np.mean(columns))


def half_width(pseudo: Values) -> float:
    """Of the 95 % interval of the mean of pseudo-values (S, P), by mean squares."""
    n_seeds, n_people = pseudo.shape
    seeds, people, grand = pseudo.mean(1), pseudo.mean(0), pseudo.mean()
    ms_seed = n_people * ((seeds - grand) ** 2).sum() / (n_seeds - 1)
    ms_person = n_seeds * ((people - grand) ** 2).sum() / (n_people - 1)
    rest = sum((pseudo[s, p] - seeds[s] - people[p] + grand) ** 2 for s in range(n_seeds) for p in range(n_people))
    ms_rest = rest / ((n_seeds - 1) * (n_people - 1))
    of_seeds, of_people = student.isf(0.025, n_seeds - 1), student.isf(0.025, n_people - 1)
    both = of_seeds**2 * ms_seed + of_people**2 * max(ms_person - ms_rest, 0)
    return float(np.sqrt(max(both, of_people**2 * ms_person) / pseudo.size))


@pytest.mark.parametrize("kind", ["landmarks", "pose", "classes", "aus"])
def test_metrics_and_intervals_follow_from_the_stored_errors(kind: str) -> None:
    runs, labels, known, units = probed(kind)
    everyone = np.arange(len(units))
    names = list(measures(kind, runs[0], labels, known))
    assert {*STANDARD[kind]} - {*names} <= {"f1"}, "f1 is compared with scikit-learn elsewhere"
    for name in names:
        values, pseudo, scores = [], [], []
        for seed, run in enumerate(runs):
            measure = measures(kind, run, labels, known)[name]
            value = measure(everyone)
            without = np.array([measure(np.flatnonzero(units != unit)) for unit in range(PEOPLE)])
            recorded = run.record["heads"]["exact"]["metrics"][name]["value"]
            assert recorded == pytest.approx(value, abs=1e-9), name
            values.append(value)
            pseudo.append(PEOPLE * value - (PEOPLE - 1) * without)
            scores.append(Score(seed, recorded, run.arrays[f"exact.{name}.without"], "same"))
        series = Series.of(scores)
        assert series is not None
        assert series.estimate.mean == pytest.approx(np.mean(values), abs=1e-9)
        assert series.estimate.half_width() == pytest.approx(half_width(np.array(pseudo)), abs=1e-9, rel=1e-9), name


def test_a_paired_difference_follows_from_the_stored_errors() -> None:
    (a, b, c), _, _, units = probed("pose")
    errors = [run.arrays["exact.errors"].astype(float) for run in (a, b, c)]

    def series(*runs: Probed) -> Series:
        values = [run.record["heads"]["exact"]["metrics"]["mae"]["value"] for run in runs]
        scores = [
            Score(seed, value, run.arrays["exact.mae.without"], "same")
            for seed, (value, run) in enumerate(zip(values, runs, strict=True))
        ]
        made = Series.of(scores)
        assert made is not None
        return made

    gap = paired_difference(series(a, b), series(b, c))
    assert gap is not None

    def pseudo(each: Values) -> Values:
        without = np.array([each[units != unit].mean() for unit in range(PEOPLE)])
        values: Values = PEOPLE * each.mean() - (PEOPLE - 1) * without
        return values

    expected = np.array([pseudo(errors[0]) - pseudo(errors[1]), pseudo(errors[1]) - pseudo(errors[2])])
    assert gap.mean == pytest.approx((errors[0].mean() - errors[2].mean()) / 2, abs=1e-9)
    assert gap.half_width() == pytest.approx(half_width(expected), abs=1e-9, rel=1e-9)

"""Leave-one-out values in closed form against the metrics computed anew."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from probes import jackknife

RANDOM = np.random.default_rng(0)
UNITS = {
    "images": np.arange(40),
    "people": RANDOM.permutation(np.repeat(np.arange(8), 5)),
    "unequal": np.array([0] * 25 + [1] * 10 + [2, 3, 4, 4, 4]),
}


def recomputed(metric: Callable[[NDArray[np.intp]], float], units: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.array([metric(np.flatnonzero(units != unit)) for unit in range(units.max() + 1)])


@pytest.mark.parametrize("units", UNITS.values(), ids=UNITS)
def test_mean(units: NDArray[np.intp]) -> None:
    values = RANDOM.normal(size=40)
    values[[3, 30]] = np.nan
    expected = recomputed(lambda rows: float(np.nanmean(values[rows])), units)
    np.testing.assert_allclose(jackknife.mean(values, units), expected, rtol=1e-12)


@pytest.mark.parametrize("units", UNITS.values(), ids=UNITS)
@pytest.mark.parametrize("ties", [False, True])
def test_auc(units: NDArray[np.intp], ties: bool) -> None:
    scores = RANDOM.normal(size=(40, 3))
    scores = scores.round(0) if ties else scores
    positive = RANDOM.random((40, 3)) < [0.5, 0.3, 0.6]
    known = RANDOM.random((40, 3)) < [1.0, 0.8, 0.9]
    actual = jackknife.auc(scores, positive, known, units)
    for column in range(3):

        def metric(rows: NDArray[np.intp], column: int = column) -> float:
            rows = rows[known[rows, column]]
            return float(roc_auc_score(positive[rows, column], scores[rows, column]))

        np.testing.assert_allclose(actual[:, column], recomputed(metric, units), rtol=1e-12)


def test_auc_without_the_only_person_with_positives_is_undefined() -> None:
    units = np.repeat([0, 1, 2], 2)
    positive = (units == 1)[:, None]
    without = jackknife.auc(np.arange(6.0)[:, None], positive, np.ones((6, 1), bool), units)
    assert np.isnan(without[:, 0]).tolist() == [False, True, False]


@pytest.mark.parametrize("units", UNITS.values(), ids=UNITS)
def test_macro_f1(units: NDArray[np.intp]) -> None:
    values, choice = RANDOM.integers(0, 4, (2, 40))
    classes = np.arange(4)
    expected = recomputed(
        lambda rows: float(f1_score(values[rows], choice[rows], labels=classes, average="macro", zero_division=0)),
        units,
    )
    np.testing.assert_allclose(jackknife.macro_f1(choice, values, units, classes), expected, rtol=1e-12)


def test_any_metric_is_recomputed() -> None:
    values, units = RANDOM.normal(size=40), UNITS["people"]
    actual = jackknife.recompute(lambda rows: {"a": float(np.median(values[rows])), "b": None}, units, ["a", "b", "c"])
    np.testing.assert_array_equal(actual["a"], recomputed(lambda rows: float(np.median(values[rows])), units))
    assert np.isnan([actual["b"], actual["c"]]).all()


def test_images_of_unknown_people_are_units_of_their_own() -> None:
    people = np.array(["b", "", "a", "b", "", "1"])
    assert jackknife.units_of(people, 6).tolist() == [0, 1, 2, 0, 3, 4]
    assert jackknife.units_of(None, 3).tolist() == [0, 1, 2]


def test_blocks_keep_units_together_and_are_alike_in_size() -> None:
    units = np.repeat(np.arange(100), 3)
    merged = jackknife.blocks(units, 8)
    assert len({(unit, block) for unit, block in zip(units, merged, strict=True)}) == 100
    assert set(np.bincount(merged) // 3) == {12, 13}
    assert (merged == jackknife.blocks(units, 8)).all()
    assert jackknife.blocks(units, 100) is units

"""Intervals and tests against independent computations."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from probes import jackknife
from probes.statistics import SMALLEST_P, Estimate, difference, estimate, holm

RANDOM = np.random.default_rng(0)


def row(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean of each seed of scores (S, U), and without each unit."""
    units = np.arange(scores.shape[1])
    return scores.mean(1), np.stack([jackknife.mean(each, units) for each in scores])


def test_one_seed_is_students_interval_over_people() -> None:
    scores = RANDOM.normal(3, 1, (1, 30))
    expected = stats.ttest_1samp(scores[0], 0)
    result = estimate(*row(scores))
    interval = expected.confidence_interval(0.95)
    assert result.interval() == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert (result.of_seeds, result.seeds, result.units) == (0, 1, 30)


def test_p_value_of_one_seed_is_students() -> None:
    scores = RANDOM.normal(0.3, 1, (1, 30))
    assert estimate(*row(scores)).p_value == pytest.approx(stats.ttest_1samp(scores[0], 0).pvalue, rel=1e-6)


def test_seeds_that_differ_alone_give_students_interval_over_seeds() -> None:
    seeds = np.array([0.1, 0.7, 1.3, 0.2])
    scores = np.repeat(seeds[:, None], 30, 1)
    result = estimate(*row(scores))
    interval = stats.ttest_1samp(seeds, 0).confidence_interval(0.9)
    assert result.interval(0.9) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_parts_of_the_error_are_those_of_the_layout() -> None:
    """Against the mean squares by their definition, written out."""
    scores = RANDOM.normal(size=(4, 1)) + RANDOM.normal(size=(1, 9)) + RANDOM.normal(size=(4, 9))
    grand = scores.mean()
    ms_seed = sum(9 * (scores[s].mean() - grand) ** 2 for s in range(4)) / 3
    ms_unit = sum(4 * (scores[:, u].mean() - grand) ** 2 for u in range(9)) / 8
    ms_rest = sum(
        (scores[s, u] - scores[s].mean() - scores[:, u].mean() + grand) ** 2 for s in range(4) for u in range(9)
    ) / (3 * 8)
    result = estimate(*row(scores))
    assert result.of_seeds**2 == pytest.approx(ms_seed / 36)
    assert result.of_units**2 == pytest.approx(ms_unit / 36)
    assert result.of_units_alone**2 == pytest.approx((ms_unit - ms_rest) / 36)
    of_seeds, of_units = stats.t.isf(0.025, 3), stats.t.isf(0.025, 8)
    both = of_seeds**2 * ms_seed / 36 + of_units**2 * (ms_unit - ms_rest) / 36
    assert result.half_width() ** 2 == pytest.approx(both)


def test_an_interval_is_never_narrower_than_that_of_people_alone() -> None:
    """Seeds whose means agree by chance."""
    scores = RANDOM.normal(size=(3, 9))
    scores -= scores.mean(1, keepdims=True)
    result = estimate(*row(scores))
    assert result.half_width() == pytest.approx(stats.t.isf(0.025, 8) * result.of_units)


def test_p_value_and_interval_agree() -> None:
    scores = 0.4 + RANDOM.normal(size=(3, 1)) * 0.1 + RANDOM.normal(size=(1, 20)) + RANDOM.normal(size=(3, 20)) * 0.1
    result = estimate(*row(scores))
    low, high = result.interval(1 - result.p_value)
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-9)


def test_people_whom_all_find_hard_do_not_blur_a_difference() -> None:
    people = RANDOM.normal(0, 10, (1, 50))
    first, second = (people + RANDOM.normal(mean, 0.1, (3, 50)) for mean in (0, 0.5))
    gap = difference(*row(first), *row(second))
    assert gap.mean == pytest.approx(first.mean() - second.mean())
    assert gap.p_value < 1e-3
    assert estimate(*row(first)).interval()[1] > estimate(*row(second)).interval()[0]


def test_a_row_with_one_seed_is_compared_with_every_seed_of_the_other() -> None:
    fixed, trained = RANDOM.normal(size=(1, 20)), RANDOM.normal(size=(3, 20))
    gap = difference(*row(trained), *row(fixed))
    expected = estimate(*row(trained - fixed))
    assert (gap.seeds, gap.units) == (3, 20)
    assert gap.interval() == pytest.approx(expected.interval(), rel=1e-9)


def test_identical_rows_do_not_differ() -> None:
    scores = RANDOM.normal(size=(3, 20))
    gap = difference(*row(scores), *row(scores))
    assert (gap.mean, gap.p_value) == (0, 1)


def test_a_certain_difference_has_the_smallest_p_value() -> None:
    assert Estimate(1.0, 1e-9, 1e-9, 1e-9, 30, 50).p_value == SMALLEST_P
    assert Estimate(1.0, 0.0, 0.0, 0.0, 3, 50).p_value == 0


@pytest.mark.parametrize("scores", [np.ones((3, 1)), np.array([[1.0, np.nan, 2.0]])])
def test_what_is_not_known_is_not_claimed(scores: NDArray[np.float64]) -> None:
    result = estimate(scores.mean(1), scores)
    assert not result.known
    assert np.isnan([*result.interval(), result.p_value]).all()


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.02, float("nan"), 0.03])[0::2] == pytest.approx([0.04, 0.04])
    assert holm([]) == []

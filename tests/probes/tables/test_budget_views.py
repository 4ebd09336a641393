"""Scores read off curves at an equal budget."""

import numpy as np
import pytest

from probes.tables.budget_views import common_amount, read_at

CURVE = [(400.0, 6.0), (100.0, 10.0), (1600.0, 5.0)]


def test_between_two_budgets_a_score_is_linear_in_the_logarithm() -> None:
    for amount in (150.0, 200.0, 399.0, 1000.0):
        expected = np.interp(np.log(amount), np.log([100, 400, 1600]), [10, 6, 5])
        found = read_at(CURVE, amount)
        if abs(amount - 400) > 4:
            assert found.score == pytest.approx(expected)
            assert found.interpolated
        else:
            assert (found.score, found.interpolated) == (6.0, False)


def test_nothing_is_extrapolated() -> None:
    assert read_at(CURVE, 50).score is None
    assert read_at(CURVE, 50).reason == "trained for more only"
    assert read_at(CURVE, 1700).score is None
    assert read_at(CURVE, 1700).reason == "trained for less only"
    assert read_at(CURVE, 1610).score == 5.0  # one step more of a batch is the same budget
    assert read_at([], 100).reason == "not measured"


def test_the_common_amount_is_the_least_of_the_longest_trainings() -> None:
    assert common_amount({"a": CURVE, "b": [(50.0, 1.0), (900.0, 2.0)]}) == 900
    assert common_amount({"a": CURVE, "b": []}) == 1600
    assert common_amount({"a": []}) is None
    assert common_amount({}) is None

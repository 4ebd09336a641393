"""Intervals of cells."""

import pytest

from probes.statistics import LEVEL
from probes.tables.cells import cells
from probes.tables.intervals import with_intervals
from tests.probes.tables.scored import row, scored


def test_a_cell_has_the_interval_of_its_series() -> None:
    made, series = scored({("method", "a"): row(3.0), ("method", "b"): row(4.0, [0, 1])})
    found = with_intervals(made, series)
    for cell in found:
        estimate = series[cell["kind"], cell["variant"], cell["task"], cell["metric"]].estimate
        assert (cell["low"], cell["high"]) == estimate.interval(LEVEL)
        assert cell["low"] is not None
        assert cell["high"] is not None
        assert cell["low"] < cell["mean"] < cell["high"]  # type: ignore[operator]
    assert [{**cell, "low": None, "high": None} for cell in found] == made, "nothing else has changed"


def test_without_scores_of_people_there_is_none() -> None:
    made, _ = scored({("method", "a"): row(3.0)})
    assert with_intervals(made, {}) == made
    assert with_intervals(cells([]), {}) == []
    assert made[0]["low"] is made[0]["high"] is None
    assert made[0]["mean"] == pytest.approx(3.0, abs=0.01)

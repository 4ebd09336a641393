"""The 95 % intervals of cells, over seeds and test people."""

from collections.abc import Iterable

from ..statistics import LEVEL
from .cells import Cell
from .claims import AllSeries


def with_intervals(cells: Iterable[Cell], series: AllSeries) -> list[Cell]:
    """The cells of a benchmark with the intervals of its series; where there is none, `None`."""
    return [_with_interval(cell, series) for cell in cells]


def _with_interval(cell: Cell, series: AllSeries) -> Cell:
    found = series.get((cell["kind"], cell["variant"], cell["task"], cell["metric"]))
    if found is None or not found.estimate.known:
        return cell
    low, high = found.estimate.interval(LEVEL)
    return {**cell, "low": low, "high": high}

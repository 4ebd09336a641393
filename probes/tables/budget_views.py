"""Scores at an equal budget that not every row was trained for: read off curves of score against budget.

A curve has a point for each length of training of one method. Between two neighbouring points it is linear in the
logarithm of the budget; beyond its ends it is not known.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .budget import MEASURES
from .cells import Cell, Record
from .columns import headline_column
from .table import GAP, Entry, Row, Table

TOLERANCE = 0.01  # budgets this close are equal: a budget is spent in whole steps

Points = Sequence[tuple[float, float]]  # amounts of a budget, each above 0, and scores


@dataclass(frozen=True)
class Reading:
    """The score of one curve at an amount of a budget.

    Attributes:
        score: None where it is not known.
        interpolated: whether it was read between two points.
        reason: why there is no score.
    """

    score: float | None = None
    interpolated: bool = False
    reason: str = ""


def common_amount(curves: Mapping[str, Points]) -> float | None:
    """The largest amount that every curve with points reaches; None where none has any."""
    return min((max(amount for amount, _ in points) for points in curves.values() if points), default=None)


def read_at(points: Points, amount: float) -> Reading:
    """The score of a curve at an amount: of a point there is one at, else between its neighbours."""
    points = sorted(points)
    if not points:
        return Reading(reason="not measured")
    nearest = min(points, key=lambda point: abs(point[0] - amount))
    if abs(nearest[0] - amount) <= TOLERANCE * amount:
        return Reading(nearest[1])
    if amount < points[0][0]:
        return Reading(reason="trained for more only")
    if amount > points[-1][0]:
        return Reading(reason="trained for less only")
    after = next(index for index, point in enumerate(points) if point[0] > amount)
    (low, below), (high, above) = points[after - 1], points[after]
    share = math.log(amount / low) / math.log(high / low)
    return Reading(below + share * (above - below), interpolated=True)


def budget_view_tables(
    name: str,
    families: Mapping[str, Sequence[str]],
    probes: Sequence[Record],
    costs: Sequence[Record],
    benchmark_cells: Sequence[Cell],
) -> list[Table]:
    """A table of each task: the score of each method at the largest amount of each measure that all methods reach.

    Args:
        name: of the benchmark.
        families: the variants of each method that differ in the length of training alone.
        probes: its probe records.
        costs: its cost records.
        benchmark_cells: its cells.
    """
    first = {record["task"]: record for record in reversed(probes)}
    return [_table(name, first[task], families, costs, benchmark_cells) for task in sorted(first)] if families else []


def _table(
    name: str,
    record: Record,
    families: Mapping[str, Sequence[str]],
    costs: Sequence[Record],
    benchmark_cells: Sequence[Cell],
) -> Table:
    column = headline_column(record)
    scores = {
        cell["variant"]: cell["mean"]
        for cell in benchmark_cells
        if (cell["kind"], cell["task"], cell["metric"]) == ("method", column.task, column.metric)
    }
    headings: list[str] = []
    readings: list[dict[str, Reading]] = []
    for key, form in MEASURES.values():
        curves = {family: _points(variants, key, costs, scores) for family, variants in families.items()}
        amount = common_amount(curves)
        if amount is not None:
            headings.append(form.format(amount))
            readings.append({family: read_at(points, amount) for family, points in curves.items()})
    gaps = sorted(
        {f"{family}: {each[family].reason}" for each in readings for family in families if each[family].score is None}
    )
    return Table(
        f"At equal budgets: {column.task} ({name}), {column.measure}",
        "Each method at the largest amount that all methods reach. (i): linear interpolation in the logarithm of the "
        "amount between two lengths of training; nothing is extrapolated, and no order is tested. Means over seeds."
        + "".join(f" {GAP} {gap}." for gap in gaps),
        headings,
        [Row("method", family, [_entry(each[family], column.show) for each in readings]) for family in families],
    )


def _points(
    variants: Sequence[str], key: str, costs: Sequence[Record], scores: Mapping[str, float | None]
) -> list[tuple[float, float]]:
    """Mean amounts and scores of the variants of which both are known."""
    points = []
    for variant in variants:
        amounts = [
            float(record[key])
            for record in costs
            if (record["kind"], record["variant"]) == ("method", variant) and record.get(key)
        ]
        score = scores.get(variant)
        if amounts and score is not None:
            points.append((statistics.fmean(amounts), score))
    return points


def _entry(reading: Reading, show: Callable[[float], str]) -> Entry:
    if reading.score is None:
        return Entry()
    return Entry(f"{show(reading.score)}{' (i)' * reading.interpolated}")

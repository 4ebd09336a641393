"""Scores at an equal budget that not every row was trained for: read off curves of score against budget.

A curve has a point for each length of training of one method. Between two neighbouring points it is linear in the
logarithm of the budget; beyond its ends it is not known.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

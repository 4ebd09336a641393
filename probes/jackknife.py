"""Leave-one-out values of metrics: each metric once more without each unit of the test set in turn.

A unit is a person where the set names them, else an image: what would be drawn anew with another test set. From these
values `probes.statistics` estimates how far a metric would move with other test people (Efron and Stein 1981). The
closed forms here need one pass over the images; `recompute` serves any metric.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Values = NDArray[np.float64]
Rows = NDArray[np.intp]


def units_of(people: NDArray[np.str_] | None, n: int) -> Rows:
    """(N,) number of each image's unit, 0 to U - 1; an image of an unknown person ("") is a unit of its own."""
    if people is None:
        return np.arange(n)
    names = [("person", name) if name else ("image", str(row)) for row, name in enumerate(people.tolist())]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.intp)


def mean(values: Values, units: Rows) -> Values:
    """(U,) means of values (N,) without each unit; NaN values are left out, and so is what they would divide."""
    known = ~np.isnan(values)
    sums = np.bincount(units, np.where(known, values, 0.0), units.max(initial=-1) + 1)
    counts = np.bincount(units, known, len(sums))
    return _divide(sums.sum() - sums, counts.sum() - counts)


def auc(scores: Values, positive: NDArray[np.bool_], known: NDArray[np.bool_], units: Rows) -> Values:
    """(U, T) ROC AUC of each column of (N, T) without each unit; NaN where no positive or no negative is left.

    The AUC is the share of pairs of a positive and a negative that are ordered rightly, ties counting half. Without a
    unit, the pairs of its positives and those of its negatives are subtracted, and those within it, which were
    subtracted twice, are added.
    """
    positive, negative = positive & known, ~positive & known
    n_units = units.max(initial=-1) + 1
    won, n_positive, n_negative = _pairs(scores, positive, negative)
    lost_by_units = np.stack([np.bincount(units, column, n_units) for column in won.T], 1)
    positives, negatives = (
        np.stack([np.bincount(units, column, n_units) for column in part.T], 1) for part in (positive, negative)
    )
    total = (won * positive).sum(0)
    left = total - lost_by_units + _pairs_within(scores, positive, negative, units, n_units)
    return _divide(left, (n_positive - positives) * (n_negative - negatives))


def macro_f1(choice: Rows, values: Rows, units: Rows, classes: Rows) -> Values:
    """(U,) macro F1 over ``classes`` of predicted classes (N,) against true ones (N,) without each unit."""
    n_units = units.max(initial=-1) + 1

    def left(rows: NDArray[np.bool_]) -> Values:
        counts = np.bincount(units, rows, n_units)
        rest: Values = counts.sum() - counts
        return rest

    scores = []
    for each in classes:
        hits = left((choice == each) & (values == each))
        scores.append(_divide(2 * hits, left(choice == each) + left(values == each), empty=0.0))
    result: Values = np.mean(scores, 0)
    return result


def recompute(
    measure: Callable[[Rows], Mapping[str, float | None]], units: Rows, names: Sequence[str]
) -> dict[str, Values]:
    """(U,) values of any metrics without each unit, by measuring them on the rows left; NaN where undefined."""
    n_units = int(units.max(initial=-1)) + 1
    results = [measure(np.flatnonzero(units != unit)) for unit in range(n_units)]
    return {name: np.array([_number(result.get(name)) for result in results]) for name in names}


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def blocks(units: Rows, most: int) -> Rows:
    """Units merged at random, but always alike, into at most ``most`` blocks of about equal numbers of units."""
    n_units = units.max(initial=-1) + 1
    if n_units <= most:
        return units
    block_of = np.random.default_rng(0).permutation(n_units) % most
    merged: Rows = block_of[units].astype(np.intp)
    return merged


def _pairs(
    scores: Values, positive: NDArray[np.bool_], negative: NDArray[np.bool_]
) -> tuple[Values, NDArray[np.intp], NDArray[np.intp]]:
    """The pairs ordered rightly that each image (N, T) is in, and the numbers of positives and negatives (T,)."""
    known = positive | negative
    everyone = rankdata(np.where(known, scores, np.inf), axis=0)
    among_positives = rankdata(np.where(positive, scores, np.inf), axis=0)
    among_negatives = rankdata(np.where(negative, scores, np.inf), axis=0)
    n_positive = positive.sum(0)
    # A positive beats the negatives ranked below it; a negative is beaten by the positives that are not.
    won = np.where(positive, everyone - among_positives, 0.0)
    won += np.where(negative, n_positive - (everyone - among_negatives), 0.0)
    return won, n_positive, negative.sum(0)


def _pairs_within(
    scores: Values, positive: NDArray[np.bool_], negative: NDArray[np.bool_], units: Rows, n_units: int
) -> Values:
    """(U, T) pairs of a positive and a negative of the same unit that are ordered rightly."""
    within = np.zeros((n_units, scores.shape[1]))
    order = np.argsort(units, kind="stable")
    starts = np.searchsorted(units[order], np.arange(n_units + 1))
    for unit in np.flatnonzero(np.diff(starts) > 1):
        rows = order[starts[unit] : starts[unit + 1]]
        won, _, _ = _pairs(scores[rows], positive[rows], negative[rows])
        within[unit] = (won * positive[rows]).sum(0)
    return within


def _divide(numerator: Values, denominator: Values, empty: float = np.nan) -> Values:
    result = np.full(numerator.shape, empty)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result

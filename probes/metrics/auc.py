"""ROC AUC of each class against the rest, or of each action unit, and their plain mean (the paper's measure)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from .. import jackknife
from ..jackknife import Rows, Values
from ..metric import HIGHER, Measured, Metric, Value
from ..registry import register_metric
from ..target import Target


@register_metric("auc", version=1)
class MeanAuc(Metric):
    """Mean ROC AUC over classes or action units; also of each, as ``auc_NAME``."""

    kinds = ("classes", "aus")
    unit = "auc"
    better = HIGHER
    digits = 3

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        positive, known = _labels(target)
        values, counts = auc(predictions, positive, known), known.sum(0)
        defined = ~np.isnan(values)
        mean = Value(values[defined].mean() if defined.any() else None, int(max(counts, default=0)))
        each = {
            f"{self.name}_{name}": Value(value, int(n))
            for name, value, n in zip(target.names, values, counts, strict=True)
        }
        notes = []
        if not defined.all():
            missing = ", ".join(name for name, known in zip(target.names, defined, strict=True) if not known)
            notes = [f"AUC over {defined.sum()} of {len(target.names)}: all or none are {missing}"]
        return Measured({self.name: mean, **each}, notes)

    def without(self, target: Target, predictions: NDArray[Any], units: Rows) -> dict[str, Values]:
        """NaN where a class has no positive or no negative left; classes that never had do not count."""
        positive, known = _labels(target)
        values = jackknife.auc(predictions, positive, known, units)
        defined = ~np.isnan(auc(predictions, positive, known))
        each = {f"{self.name}_{name}": column for name, column in zip(target.names, values.T, strict=True)}
        mean = values[:, defined].mean(1) if defined.any() else np.full(len(values), np.nan)
        return {self.name: mean, **each}


def _labels(target: Target) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which faces (N, T) are positives of each class or action unit, and of which faces that is known."""
    if target.kind == "classes":
        positive = target.values[:, None] == np.arange(len(target.names))
        return positive, np.ones_like(positive)
    return target.values == 1, target.known


def auc(scores: NDArray[Any], positive: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the ROC AUC of each column of (N, T) over its known rows; NaN without a positive or a negative.

    Computed as the Mann-Whitney U statistic, with ranks averaged over ties.
    """
    ranks = rankdata(np.where(known, scores, np.inf), axis=0)  # unknown rows rank last and change no other rank
    positive = positive & known
    n_positive, n_negative = positive.sum(0), (known & ~positive).sum(0)
    wins = (ranks * positive).sum(0) - n_positive * (n_positive + 1) / 2
    pairs = (n_positive * n_negative).astype(np.float64)
    result = np.full(len(pairs), np.nan)
    np.divide(wins, pairs, out=result, where=pairs > 0)
    return result

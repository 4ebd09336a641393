"""Scores of predictions against known targets: a number with its unit and count, or null with the reason.

Landmark error: `error` is the mean point-to-point distance over the distance of the two eye points, averaged
over images (the measure of Zhang 2016 and Thewlis 2017, which the paper follows); `failure_10` the share of
images above 10 %. Pose: mean absolute error of each angle and their mean. Classes and action units: one
ROC AUC each, one against the rest, and their plain mean (the paper's measure).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import accuracy_score, f1_score

from .target import Target, take

FAILURE = 10.0  # % of the inter-ocular distance
HEADLINE = {"landmarks": ("error", -1), "pose": ("mae", -1), "classes": ("auc", 1), "aus": ("auc", 1)}
"""The metric by which choices are made for each kind, and whether more of it is better (1) or worse (-1)."""


@dataclass
class Scores:
    """``metrics``: name -> value (float or None), unit, n; ``notes``: one line for whatever is undefined.

    ``per_image``: one row per image scored: landmark errors (N,) in % (NaN where the eyes coincide), absolute
    angle errors (N, 3), or the predicted probabilities (N, C or A).
    """

    per_image: NDArray[np.float32]
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: float | None, unit: str, n: int) -> None:
        """Files a metric; NaN, which stands for undefined, is filed as null."""
        known = None if value is None or np.isnan(value) else float(value)
        self.metrics[name] = {"value": known, "unit": unit, "n": int(n)}


def score(target: Target, predictions: NDArray[Any], group: NDArray[Any] | None = None) -> Scores:
    """Scores decoded predictions (N, ...) of N faces, each with something known.

    With ``group`` (N,), the same metrics follow within each group, named ``metric/group``: where the sources
    of a set differ by class, only these tell the class from the source.
    """
    scores = _SCORERS[target.kind](target, predictions)
    for name in [] if group is None else np.unique(group):
        rows = np.flatnonzero(group == name)
        part = _SCORERS[target.kind](take(target, rows), predictions[rows])
        scores.metrics |= {f"{metric}/{name}": entry for metric, entry in part.metrics.items()}
        scores.notes += [f"{name}: {note}" for note in part.notes]
    return scores


def headline(target: Target, predictions: NDArray[Any]) -> float | None:
    """The metric a choice is made by, signed so that more is better; None where it is undefined."""
    metric, sign = HEADLINE[target.kind]
    value = _SCORERS[target.kind](target, predictions).metrics[metric]["value"]
    return None if value is None else sign * value


def auc(scores: NDArray[Any], positive: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """ROC AUC of each column of (N, T) over its known rows, NaN without a positive or a negative.

    The Mann-Whitney statistic: ranks averaged over ties.
    """
    ranks = rankdata(np.where(known, scores, np.inf), axis=0)  # unknown rows rank last and disturb no other
    positive = positive & known
    n_positive, n_negative = positive.sum(0), (known & ~positive).sum(0)
    wins = (ranks * positive).sum(0) - n_positive * (n_positive + 1) / 2
    pairs = (n_positive * n_negative).astype(np.float64)
    return np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)


def landmark_errors(predictions: NDArray[Any], values: NDArray[Any], eyes: tuple[int, int]) -> NDArray[np.float64]:
    """(N,) mean point-to-point distance of (N, L, 2) points in % of the eyes' distance; NaN where that is 0."""
    truth = values.astype(np.float64)
    distance = np.linalg.norm(predictions - truth, axis=-1).mean(-1)
    unit = np.linalg.norm(truth[:, eyes[0]] - truth[:, eyes[1]], axis=-1)
    return np.divide(100 * distance, unit, out=np.full(len(unit), np.nan), where=unit > 0)


def _landmarks(target: Target, predictions: NDArray[Any]) -> Scores:
    assert target.eyes is not None
    errors = landmark_errors(predictions, target.values, target.eyes)
    scores = Scores(errors.astype(np.float32))
    defined = errors[~np.isnan(errors)]
    n = len(defined)
    scores.add("error", defined.mean() if n else None, "% inter-ocular", n)
    scores.add("failure_10", 100 * (defined > FAILURE).mean() if n else None, "% of images", n)
    if n < len(errors):
        scores.notes.append(f"{len(errors) - n} images left out: their two eye points coincide")
    return scores


def _pose(target: Target, predictions: NDArray[Any]) -> Scores:
    errors = np.abs(predictions - target.values.astype(np.float64))
    scores = Scores(errors.astype(np.float32))
    n = len(errors)
    for name, value in zip(target.names, errors.mean(0) if n else [None] * len(target.names), strict=True):
        scores.add(name, value, "deg", n)
    scores.add("mae", errors.mean() if n else None, "deg", n)
    return scores


def _classes(target: Target, probabilities: NDArray[Any]) -> Scores:
    scores = Scores(probabilities.astype(np.float32))
    values, n = target.values, len(target.values)
    positive = values[:, None] == np.arange(len(target.names))
    _add_aucs(scores, target.names, auc(probabilities, positive, np.ones_like(positive)), [n] * len(target.names))
    choice, present = probabilities.argmax(1), np.unique(values)
    f1 = f1_score(values, choice, labels=present, average="macro", zero_division=0) if n else None
    scores.add("accuracy", accuracy_score(values, choice) if n else None, "fraction", n)
    scores.add("f1", f1, "macro F1", n)  # over the classes that the scored images have
    return scores


def _action_units(target: Target, probabilities: NDArray[Any]) -> Scores:
    scores = Scores(probabilities.astype(np.float32))
    values = auc(probabilities, target.values == 1, target.known)
    _add_aucs(scores, target.names, values, target.known.sum(0))
    return scores


def _add_aucs(scores: Scores, names: tuple[str, ...], values: NDArray[np.float64], n: Any) -> None:
    defined = ~np.isnan(values)
    scores.add("auc", values[defined].mean() if defined.any() else None, "auc", max(n, default=0))
    for name, value, count in zip(names, values, n, strict=True):
        scores.add(f"auc_{name}", value, "auc", count)
    if not defined.all():
        missing = ", ".join(name for name, there in zip(names, defined, strict=True) if not there)
        scores.notes.append(f"AUC over {defined.sum()} of {len(names)}: all or none are {missing}")


_SCORERS = {"landmarks": _landmarks, "pose": _pose, "classes": _classes, "aus": _action_units}

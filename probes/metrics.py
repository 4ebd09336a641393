"""Metrics of predictions against known targets: a value with unit and count, or None with the reason.

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
"""Metric by which candidates are compared for each kind, and whether higher is better (1) or worse (-1)."""


@dataclass
class Scores:
    """Metrics of one task.

    Attributes:
        per_image: one row for each image: landmark errors (N,) in % (NaN if the eye points coincide), absolute angle
            errors (N, 3), or the predicted probabilities (N, C or A).
        metrics: by name, a value (float or None), its unit and the number of images or labels n.
        notes: one line for each undefined metric.
    """

    per_image: NDArray[np.float32]
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: float | None, unit: str, n: int) -> None:
        """Add a metric; NaN means undefined and is stored as None."""
        known = None if value is None or np.isnan(value) else float(value)
        self.metrics[name] = {"value": known, "unit": unit, "n": int(n)}


def score(target: Target, predictions: NDArray[Any], group: NDArray[Any] | None = None) -> Scores:
    """Score decoded predictions (N, ...) of N faces, each with at least one known label.

    With ``group`` (N,), the same metrics are added for each group as ``metric/group``. If classes are distributed
    differently in the sources of a set, only the metrics within a source are free of that confound.
    """
    scores = _SCORERS[target.kind](target, predictions)
    for name in [] if group is None else np.unique(group):
        rows = np.flatnonzero(group == name)
        part = _SCORERS[target.kind](take(target, rows), predictions[rows])
        scores.metrics |= {f"{metric}/{name}": entry for metric, entry in part.metrics.items()}
        scores.notes += [f"{name}: {note}" for note in part.notes]
    return scores


def headline(target: Target, predictions: NDArray[Any]) -> float | None:
    """Return the metric used for selection, signed so that higher is better; None if undefined."""
    metric, sign = HEADLINE[target.kind]
    value = _SCORERS[target.kind](target, predictions).metrics[metric]["value"]
    return None if value is None else sign * value


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


def landmark_errors(predictions: NDArray[Any], values: NDArray[Any], eyes: tuple[int, int]) -> NDArray[np.float64]:
    """Return (N,) mean point-to-point distances of (N, L, 2) points, in % of the inter-ocular distance (NaN if 0)."""
    truth = values.astype(np.float64)
    distance = np.linalg.norm(predictions - truth, axis=-1).mean(-1)
    unit = np.linalg.norm(truth[:, eyes[0]] - truth[:, eyes[1]], axis=-1)
    errors = np.full(len(unit), np.nan)
    np.divide(100 * distance, unit, out=errors, where=unit > 0)
    return errors


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
        missing = ", ".join(name for name, is_defined in zip(names, defined, strict=True) if not is_defined)
        scores.notes.append(f"AUC over {defined.sum()} of {len(names)}: all or none are {missing}")


_SCORERS = {"landmarks": _landmarks, "pose": _pose, "classes": _classes, "aus": _action_units}

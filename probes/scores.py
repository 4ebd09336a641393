"""Scores of predictions: the metrics of each kind of target, and further ones that a user asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ProbeError
from .metric import Metric
from .registry import METRICS
from .target import REGRESSION, Target, take

STANDARD = {
    "landmarks": ("error", "failure_10"),
    "pose": ("mae", "geodesic"),
    "classes": ("auc", "accuracy", "f1"),
    "identity": ("identified",),
    "aus": ("auc",),
    "regression": ("ccc", "absolute_error", "rmse", "r2"),
}
"""Metrics that are always computed, by kind of target."""
HEADLINE = {
    "landmarks": ("error", -1),
    "pose": ("mae", -1),
    "classes": ("auc", 1),
    "identity": ("identified", 1),
    "aus": ("auc", 1),
    "regression": ("ccc", 1),
}
"""Metric by which candidates are compared for each kind, and whether higher is better (1) or worse (-1)."""
ERRORS, PROBABILITIES, PREDICTIONS = "errors", "probabilities", "predictions"


@dataclass(frozen=True)
class Scores:
    """Metrics of one task.

    Attributes:
        metrics: by name, a value (float or None), its unit and the number of images or labels n; of metrics beyond
            the standard ones also how tables show them: ``better``, ``digits`` and ``label``.
        per_image: by name, one row for each image: ``errors``, landmark errors (N,) in % (NaN if the eye points
            coincide) or absolute angle errors (N, 3); ``probabilities``, the predicted ones (N, C or A);
            ``predictions``, predicted numbers (N, A); and the values (N,) of other metrics under their names.
        without: by the name of a metric, its value (U,) without each unit of the test set (`jackknife`); of groups and
            of undefined metrics none.
        notes: one line for each undefined metric.
    """

    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    per_image: dict[str, NDArray[Any]] = field(default_factory=dict)
    without: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def score(
    target: Target,
    predictions: NDArray[Any],
    group: NDArray[Any] | None = None,
    further: Sequence[Metric] = (),
    units: NDArray[np.intp] | None = None,
) -> Scores:
    """Score decoded predictions (N, ...) of N faces, each with at least one known label.

    With ``group`` (N,), the same metrics are added for each group as ``metric/group``. If classes are distributed
    differently in the sources of a set, only the metrics within a source are free of that confound.

    Args:
        target: the known labels.
        predictions: in the units of the target.
        group: names of sub-sets.
        further: metrics beyond those of `STANDARD`; those of other kinds of target are left out.
        units: (N,) number of each face's unit, for the values without each.

    Raises:
        ProbeError: two metrics have one name, or a metric fails or does not give what `Metric` says.
    """
    further = [metric for metric in further if target.kind in metric.kinds and metric.name not in STANDARD[target.kind]]
    scores = Scores(per_image={**_standard_per_image(target, predictions)})
    for metric in further:
        if (values := metric.per_image(target, predictions)) is not None:
            scores.per_image[metric.name] = _checked(metric, values, len(target.values)).astype(np.float64)
    _measure(scores, target, predictions, further)
    if units is not None:
        for metric in [*map(_standard, STANDARD[target.kind]), *further]:
            known = {name for name, entry in scores.metrics.items() if entry["value"] is not None}
            parts = metric.without(target, predictions, units)
            scores.without.update({name: values for name, values in parts.items() if name in known})
    for name in [] if group is None else np.unique(group):
        rows = np.flatnonzero(group == name)
        part = Scores()
        _measure(part, take(target, rows), predictions[rows], further)
        scores.metrics.update({f"{metric}/{name}": entry for metric, entry in part.metrics.items()})
        scores.notes.extend(f"{name}: {note}" for note in part.notes)
    return scores


def headline(target: Target, predictions: NDArray[Any]) -> float | None:
    """Return the metric used for selection, signed so that higher is better; None if undefined."""
    metric, sign = HEADLINE[target.kind]
    value = _standard(metric).measure(target, predictions).values[metric].known
    return None if value is None else sign * value


@cache
def _standard(name: str) -> Metric:
    return METRICS.get(name)()


def _standard_per_image(target: Target, predictions: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Errors of each image by the headline metric and other standard ones, or the predictions."""
    first, *others = (_standard(name) for name in STANDARD[target.kind])
    errors = first.per_image(target, predictions)
    if errors is None:
        name = PREDICTIONS if target.kind in REGRESSION else PROBABILITIES
        return {name: predictions.astype(np.float32)}
    values = {metric.name: metric.per_image(target, predictions) for metric in others}
    return {ERRORS: errors.astype(np.float64)} | {
        name: each.astype(np.float64) for name, each in values.items() if each is not None
    }


def _measure(scores: Scores, target: Target, predictions: NDArray[Any], further: Sequence[Metric]) -> None:
    """Adds the values of all metrics."""
    for metric in [*map(_standard, STANDARD[target.kind]), *further]:
        measured = metric.measure(target, predictions)
        shown = {"better": metric.better, "digits": metric.digits, "label": metric.label or metric.name}
        for name, value in measured.values.items():
            if name in scores.metrics:
                raise ProbeError(f"metric {metric.name}: another metric gives {name!r} already; rename one of them")
            entry: dict[str, Any] = {"value": value.known, "unit": metric.unit, "n": value.n}
            if metric in further:
                entry |= {**shown, "label": shown["label"] if name == metric.name else name}
            scores.metrics[name] = entry
        scores.notes.extend(measured.notes)


def _checked(metric: Metric, values: NDArray[Any], n: int) -> NDArray[Any]:
    if np.shape(values) != (n,):
        raise ProbeError(f"metric {metric.name}: per_image gives {np.shape(values)} for {n} images, not ({n},)")
    return np.asarray(values)

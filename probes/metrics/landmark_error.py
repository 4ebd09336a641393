"""Landmark error, and the share of images that fail.

The mean point-to-point distance over the distance of the two eye points, averaged over images: the measure of Zhang
et al. 2016 and Thewlis et al. 2017, which the paper follows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import jackknife
from ..jackknife import Rows, Values
from ..metric import LOWER, Measured, Metric, Value
from ..registry import register_metric
from ..target import Target

FAILURE = 10.0  # % of the inter-ocular distance


@register_metric("error", version=1)
class LandmarkError(Metric):
    """Mean point-to-point distance in % of the distance of the two eye points."""

    kinds = ("landmarks",)
    unit = "% inter-ocular"
    better = LOWER
    digits = 2

    def per_image(self, target: Target, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """(N,), NaN if the eye points coincide."""
        assert target.eyes is not None
        return landmark_errors(predictions, target.values, target.eyes)

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        errors = self.per_image(target, predictions)
        defined = errors[~np.isnan(errors)]
        n = len(defined)
        notes = [f"{len(errors) - n} images left out: their two eye points coincide"] if n < len(errors) else []
        return Measured({self.name: Value(defined.mean() if n else None, n)}, notes)

    def without(self, target: Target, predictions: NDArray[Any], units: Rows) -> dict[str, Values]:
        return {self.name: jackknife.mean(self.per_image(target, predictions), units)}


@register_metric("failure_10", version=1)
class FailureRate(Metric):
    """Share of images whose landmark error is above 10 %."""

    kinds = ("landmarks",)
    unit = "% of images"
    better = LOWER
    digits = 1
    label = "error > 10 %"

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        assert target.eyes is not None
        errors = landmark_errors(predictions, target.values, target.eyes)
        defined = errors[~np.isnan(errors)]
        n = len(defined)
        return Measured({self.name: Value(100 * (defined > FAILURE).mean() if n else None, n)})

    def without(self, target: Target, predictions: NDArray[Any], units: Rows) -> dict[str, Values]:
        assert target.eyes is not None
        errors = landmark_errors(predictions, target.values, target.eyes)
        failed = np.where(np.isnan(errors), np.nan, 100.0 * (errors > FAILURE))
        return {self.name: jackknife.mean(failed, units)}


def landmark_errors(predictions: NDArray[Any], values: NDArray[Any], eyes: tuple[int, int]) -> NDArray[np.float64]:
    """Return (N,) mean point-to-point distances of (N, L, 2) points, in % of the inter-ocular distance (NaN if 0)."""
    truth = values.astype(np.float64)
    distance = np.linalg.norm(predictions - truth, axis=-1).mean(-1)
    unit = np.linalg.norm(truth[:, eyes[0]] - truth[:, eyes[1]], axis=-1)
    errors = np.full(len(unit), np.nan)
    np.divide(100 * distance, unit, out=errors, where=unit > 0)
    return errors

"""Landmark error, and the share of images that fail.

The mean point-to-point distance over the distance of the two eye points, averaged over images: the measure of Zhang
et al. 2016 and Thewlis et al. 2017, which the paper follows. Distances are those of the image, also where crops are
stretched (`Target.aspect`).
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
        return landmark_errors(target, predictions)

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
        errors = landmark_errors(target, predictions)
        defined = errors[~np.isnan(errors)]
        n = len(defined)
        return Measured({self.name: Value(100 * (defined > FAILURE).mean() if n else None, n)})

    def without(self, target: Target, predictions: NDArray[Any], units: Rows) -> dict[str, Values]:
        errors = landmark_errors(target, predictions)
        failed = np.where(np.isnan(errors), np.nan, 100.0 * (errors > FAILURE))
        return {self.name: jackknife.mean(failed, units)}


def landmark_errors(target: Target, predictions: NDArray[Any]) -> NDArray[np.float64]:
    """Errors (N,) of predicted landmarks (N, L, 2), in % of the inter-ocular distance (NaN if 0)."""
    assert target.eyes is not None
    return point_errors(in_image(target, predictions), in_image(target, target.values), target.eyes)


def point_errors(points: NDArray[Any], truth: NDArray[Any], eyes: tuple[int, int]) -> NDArray[np.float64]:
    """Mean distances (N,) of points (N, L, 2) to the true ones, in % of the distance of two of those (NaN if 0)."""
    distance = np.linalg.norm(points - truth, axis=-1).mean(-1)
    unit = np.linalg.norm(truth[:, eyes[0]] - truth[:, eyes[1]], axis=-1)
    errors = np.full(len(unit), np.nan)
    np.divide(100 * distance, unit, out=errors, where=unit > 0)
    return errors


def in_image(target: Target, points: NDArray[Any]) -> NDArray[np.float64]:
    """Points (N, L, 2) from crop sides to heights of the crop, which are equal along x and y in the image."""
    scaled: NDArray[np.float64] = points.astype(np.float64) * (getattr(target, "aspect", 1.0), 1.0)
    return scaled

"""Head-pose error: mean absolute error of each angle, and their mean."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import jackknife
from ..jackknife import Rows, Values
from ..metric import LOWER, Measured, Metric, Value
from ..registry import register_metric
from ..target import Target


@register_metric("mae", version=1)
class PoseError(Metric):
    """Mean absolute error of the angles in degrees; also of each angle, under its name."""

    kinds = ("pose",)
    unit = "deg"
    better = LOWER
    digits = 2

    def per_image(self, target: Target, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """(N, 3): absolute error of each angle."""
        errors: NDArray[np.float64] = np.abs(predictions - target.values.astype(np.float64))
        return errors

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        errors = self.per_image(target, predictions)
        n = len(errors)
        each = errors.mean(0) if n else [None] * len(target.names)
        values = {name: Value(value, n) for name, value in zip(target.names, each, strict=True)}
        return Measured({**values, self.name: Value(errors.mean() if n else None, n)})

    def without(self, target: Target, predictions: NDArray[Any], units: Rows) -> dict[str, Values]:
        errors = self.per_image(target, predictions)
        each = zip(target.names, errors.T, strict=True)
        angles = {name: jackknife.mean(angle, units) for name, angle in each}
        return {**angles, self.name: jackknife.mean(errors.mean(1), units)}

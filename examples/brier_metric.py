"""A metric in one file: the Brier score of class probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.metric import LOWER, Metric
from probes.registry import register_metric
from probes.target import Target


@register_metric("brier", version=1)
class Brier(Metric):
    """Squared distance of the predicted probabilities from the true class: 0 if certain and right, 2 if wrong."""

    kinds = ("classes",)
    unit = "0 to 2"
    better = LOWER
    digits = 3
    label = "Brier score"

    def per_image(self, target: Target, predictions: NDArray[Any]) -> NDArray[Any]:  # (N, C) -> (N,)
        truth = np.eye(len(target.names))[target.values.astype(int)]
        return ((predictions - truth) ** 2).sum(1)  # type: ignore[no-any-return]

"""The mean floor: predicts the training mean of the target (the frequencies for classes and units)."""

from collections.abc import Sequence

import numpy as np

from ..coding import Coding
from ..head import AffineRuns, Fitted, Head, Split, joined
from ..registry import register_head


@register_head("mean", version=1)
class Mean(Head):
    """The training mean of the target, whatever the features; its AUC is 0.5 by construction."""

    title = "the training mean"

    def fit_runs(self, train: Split, val: Split, coding: Coding, seed: int) -> Sequence[Fitted]:
        return fit_mean(train, coding).runs()

    def refit(self, fitted: Fitted, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        both = joined(train, val)
        return fit_mean(Split(both.features[None], both.labels), coding).refitted(fitted)


def fit_mean(train: Split, coding: Coding) -> AffineRuns:
    """Return an affine map with weight 0; its AUC is 0.5 by construction."""
    runs, _, dim = train.features.shape
    bias = np.broadcast_to(coding.base.astype(np.float64), (runs, 1, coding.width))
    return AffineRuns(np.zeros((runs, dim, coding.width)), bias, [{} for _ in range(runs)], {"head": "training mean"})

"""The mean floor: predicts the training mean of the target (the frequencies for classes and units)."""

import numpy as np

from .coding import Coding
from .heads import Affine, Split


def fit_mean(train: Split, coding: Coding) -> Affine:
    """Return an affine map with weight 0; its AUC is 0.5 by construction."""
    runs, _, dim = train.features.shape
    bias = np.broadcast_to(coding.base.astype(np.float64), (runs, 1, coding.width))
    return Affine(np.zeros((runs, dim, coding.width)), bias, [{} for _ in range(runs)], {"head": "training mean"})

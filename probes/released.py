"""The probe released with FAb-Net's weights (github.com/oawiles/FAb-Net, demo notebook)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ProbeError
from .head import Affine

EPSILON = 1e-5  # of PyTorch's batch norm


def released_probe(state: Mapping[str, NDArray[Any]]) -> Affine:
    """Return ``Sequential(BatchNorm1d(D), Linear(D, T, bias=False))`` in evaluation mode as one affine map.

    Its outputs are coordinates x, y in [-1, 1] over the crop, or roll, pitch and yaw in radians.
    """
    layers = {name: np.asarray(values, np.float64) for name, values in state.items()}
    gain = layers["0.weight"] / np.sqrt(layers["0.running_var"] + EPSILON)
    shift = layers["0.bias"] - layers["0.running_mean"] * gain
    weight = layers["1.weight"].T
    return Affine(gain[:, None] * weight, shift @ weight, {}, {"head": "as released"})


def landmarks(outputs: NDArray[Any]) -> NDArray[np.float32]:
    """Convert the outputs (N, 2 L) of a landmark probe to points (N, L, 2) in crop sides.

    Raises:
        ProbeError: an odd number of outputs.
    """
    if outputs.shape[1] % 2:
        raise ProbeError(f"{outputs.shape[1]} outputs are not pairs of coordinates")
    return ((outputs.reshape(len(outputs), -1, 2) + 1) / 2).astype(np.float32)

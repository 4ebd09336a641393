"""Targets shared by the readers of labelled sets."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import Target

HALF_TURN = 180.0  # degrees


def complete(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(N,) whether nothing is missing in a row of (N, ...)."""
    return np.isfinite(values).all(axis=tuple(range(1, values.ndim)))


def pose_target(degrees: NDArray[np.float64], noted: Counter[str]) -> Target:
    """Roll, pitch, yaw (N, 3): known where all three are finite and none is beyond half a turn."""
    there = complete(degrees)
    beyond = there & (np.abs(np.where(there[:, None], degrees, 0)) > HALF_TURN).any(1)
    noted["pose not known"] += int((~there).sum())
    noted["pose beyond 180 degrees, not used"] += int(beyond.sum())
    return Target("pose", degrees.astype(np.float32), there & ~beyond, ("roll", "pitch", "yaw"))

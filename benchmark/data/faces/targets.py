"""Targets that several readers of labelled sets make, and what the protocol of a set says of its targets."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import Target

HALF_TURN = 180.0  # degrees
BUILT_IN_TURNS = "roll, pitch, yaw"
AFLW2000_TURNS = "pitch, yaw, roll"


def order_of_turns(protocol: Mapping[str, Any]) -> str:
    """Order of the rotations of a set's pose, the outermost first: as its files have it, else as the built-in faces."""
    default = AFLW2000_TURNS if protocol.get("reader") == "aflw2000" else BUILT_IN_TURNS
    return str(protocol.get("turns", default))


def with_protocol(target: Target, protocol: Mapping[str, Any]) -> Target:
    """The target of a saved set with what its protocol says of it: order of rotations, aspect of the crops."""
    if target.kind == "pose":
        return replace(target, turns=order_of_turns(protocol))
    if target.kind == "landmarks":
        return replace(target, aspect=float(protocol.get("aspect", 1)))
    return target


def complete(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Mask (N,) of the rows of (N, ...) that are finite throughout."""
    mask: NDArray[np.bool_] = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    return mask


def landmark_target(points: NDArray[np.float64], eyes: tuple[int, int]) -> Target:
    """Landmarks (N, L, 2) in image pixels; a face is known if all its points are finite."""
    names = tuple(str(i) for i in range(points.shape[1]))
    return Target("landmarks", points, complete(points), names, eyes)


def pose_target(degrees: NDArray[np.float64], noted: Counter[str]) -> Target:
    """Roll, pitch and yaw (N, 3); a face is known if all three are finite and none exceeds half a turn."""
    finite = complete(degrees)
    beyond = finite & (np.abs(np.where(finite[:, None], degrees, 0)) > HALF_TURN).any(1)
    noted["pose not known"] += int((~finite).sum())
    noted["pose beyond 180 degrees, not used"] += int(beyond.sum())
    with np.errstate(over="ignore"):  # angles beyond are stored as they are, though not used
        values = degrees.astype(np.float32)
    return Target("pose", values, finite & ~beyond, ("roll", "pitch", "yaw"))

"""Head-pose error as the angle of the one rotation between truth and prediction.

Mean absolute Euler angles are no metric of rotations: their size depends on the order of the rotations, and near a
profile view roll and pitch trade places. The geodesic distance on SO(3) does neither (Huynh 2009, Metrics for 3D
rotations, equation 23).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..metric import LOWER, Metric
from ..registry import register_metric
from ..target import TURNS, Target

AXES = {"roll": "Z", "pitch": "X", "yaw": "Y"}  # x right, y down, z towards the viewer


@register_metric("geodesic", version=1)
class GeodesicError(Metric):
    """Mean angle in degrees of the rotation from the predicted pose to the true one."""

    kinds = ("pose",)
    unit = "deg"
    better = LOWER
    digits = 2

    def per_image(self, target: Target, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """(N,), 0 to 180; NaN if the angles are not called roll, pitch and yaw."""
        if {*target.names} != {*AXES}:
            return np.full(len(target.values), np.nan)
        turns = getattr(target, "turns", TURNS).split(", ")
        true, predicted = (rotations(values, target.names, turns) for values in (target.values, predictions))
        angles: NDArray[np.float64] = np.degrees((predicted.inv() * true).magnitude())
        return angles


def rotations(angles: NDArray[Any], names: tuple[str, ...], turns: list[str]) -> Rotation:
    """Rotations of angles (N, 3) in degrees.

    Roll > 0 turns the head clockwise in the image, pitch > 0 lifts the chin and yaw > 0 turns the nose to the left.

    Args:
        angles: in the order of ``names``.
        names: roll, pitch and yaw in any order.
        turns: order of the rotations, the outermost first.
    """
    signs = {"roll": 1, "pitch": 1, "yaw": -1}
    ordered = np.stack([signs[name] * angles[:, names.index(name)].astype(np.float64) for name in turns], 1)
    return Rotation.from_euler("".join(AXES[name] for name in turns), ordered, degrees=True)

"""Landmark error after alignment: what is wrong with the shape, not with where, how large and how tilted the face is.

The predicted points are moved, scaled and turned onto the true ones, by the similarity transform with the smallest
squared distance (Umeyama 1991, equations 40 to 42), before distances are taken.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metric import LOWER, Metric
from ..registry import register_metric
from ..target import Target
from .landmark_error import in_image, point_errors


@register_metric("aligned_error", version=1)
class AlignedError(Metric):
    """Mean point-to-point distance after alignment, in % of the distance of the two eye points."""

    kinds = ("landmarks",)
    unit = "% inter-ocular"
    better = LOWER
    digits = 2
    label = "aligned error"

    def per_image(self, target: Target, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """(N,), NaN if the eye points coincide."""
        assert target.eyes is not None
        truth = in_image(target, target.values)
        return point_errors(aligned(in_image(target, predictions), truth), truth, target.eyes)


def aligned(points: NDArray[Any], onto: NDArray[Any]) -> NDArray[np.float64]:
    """Points (N, L, 2) after the similarity transform, without reflection, that brings them closest to others."""
    points, onto = points.astype(np.float64), onto.astype(np.float64)
    centre, goal = points.mean(1, keepdims=True), onto.mean(1, keepdims=True)
    # As complex numbers, a rotation with scaling is one factor, and the best one has a closed form.
    moved, truth = _complex(points - centre), _complex(onto - goal)
    spread = (np.abs(moved) ** 2).sum(1)
    product = (moved.conj() * truth).sum(1)
    factor = np.divide(product, spread, out=np.zeros_like(product), where=spread > 0)
    turned = moved * factor[:, None]
    result: NDArray[np.float64] = np.stack([turned.real, turned.imag], -1) + goal
    return result


def _complex(points: NDArray[np.float64]) -> NDArray[np.complex128]:
    result: NDArray[np.complex128] = points[..., 0] + 1j * points[..., 1]
    return result

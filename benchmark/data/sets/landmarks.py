"""What the sets of landmarks share: points of many faces as one target, and crops round them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.build import Squares
from benchmark.data.faces.crop import Square, UnusableImage, around_box, around_landmarks
from benchmark.data.faces.labelled_set import Target


def landmark_target(points: Sequence[NDArray[np.float64] | None], count: int, eyes: tuple[int, int]) -> Target:
    """Points (L, 2) of N faces in image pixels, None where not known, as one target of ``count`` points."""
    values = np.full((len(points), count, 2), np.nan)
    for row, each in enumerate(points):
        if each is not None:
            values[row] = each
    known = np.isfinite(values).all((1, 2))
    return Target("landmarks", values, known, tuple(str(i) for i in range(count)), eyes)


def round_landmarks(target: Target, factor: float) -> Squares:
    """Squares of ``factor`` x the larger side of the box round each face's landmarks."""

    def square(row: int, height: int, width: int) -> Square:
        if not target.known[row]:
            raise UnusableImage("no landmarks to crop by")
        return around_landmarks(target.values[row], factor)

    return square


def round_boxes(boxes: NDArray[np.float64], factor: float) -> Squares:
    """Squares of ``factor`` x the larger side of boxes (N, 4), left, top, right, bottom; NaN where there is none."""

    def square(row: int, height: int, width: int) -> Square:
        left, top, right, bottom = (float(value) for value in boxes[row])
        if not np.isfinite(boxes[row]).all():
            raise UnusableImage("no box to crop by")
        if right <= left or bottom <= top:
            raise UnusableImage("box without extent")
        return around_box(left, top, right, bottom, factor)

    return square

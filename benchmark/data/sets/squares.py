"""The squares that sets crop from their images."""

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.crop import Square, UnusableImage, around_box, around_landmarks, centre_square
from benchmark.data.faces.extract import Squares
from benchmark.data.faces.labelled_set import Target


def middle_square(row: int, height: int, width: int) -> Square:
    """The middle square of every image."""
    return centre_square(height, width)


def landmark_squares(target: Target, factor: float) -> Squares:
    """Squares around landmarks, with ``factor`` times the larger side of their bounding box as side."""

    def square(row: int, height: int, width: int) -> Square:
        if not target.known[row]:
            raise UnusableImage("no landmarks to crop by")
        return around_landmarks(target.values[row], factor)

    return square


def box_squares(boxes: NDArray[np.float64], factor: float) -> Squares:
    """Squares around boxes (N, 4: left, top, right, bottom), with ``factor`` times their larger side as side.

    A row of NaN has no box.
    """

    def square(row: int, height: int, width: int) -> Square:
        if not np.isfinite(boxes[row]).all():
            raise UnusableImage("no box to crop by")
        left, top, right, bottom = (float(value) for value in boxes[row])
        if right <= left or bottom <= top:
            raise UnusableImage("box without extent")
        return around_box(left, top, right, bottom, factor)

    return square

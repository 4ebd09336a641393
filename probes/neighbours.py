"""The faces whose features are nearest to a face's by cosine similarity, among those of other people."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import jackknife


def nearest(
    features: NDArray[np.float32], people: NDArray[np.str_] | None, queries: Sequence[int], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The nearest faces of other people.

    Args:
        features: (N, D).
        people: (N,) who is in each image, "" where unknown: any other face may be nearest to such a one.
        queries: rows of Q faces.
        count: K, of neighbours at most; all must have as many (`fewest_others`).

    Returns:
        Their rows and cosine similarities, both (Q, K), the nearest first; of those equally near, the first row first.
    """
    lengths = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    directions = features / np.maximum(lengths, 1e-30)
    rows, person = np.asarray(queries), jackknife.units_of(people, len(features))
    similarity = directions[rows] @ directions.T
    similarity[person[rows, None] == person] = -np.inf
    found = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    return found, np.take_along_axis(similarity, found, 1)


def fewest_others(people: NDArray[np.str_] | None, n: int) -> int:
    """The least number of faces of other people that any of n faces has."""
    return n - int(np.bincount(jackknife.units_of(people, n)).max(initial=0))

"""A sheet of test faces with the faces nearest to them: the paper's Figure 5 for a run."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.viz.sheet import enlarged, save_sheet, tile

QUERIES, NEIGHBOURS = 8, 5  # rows of a sheet, and faces beside each query


def neighbour_sheet(
    queries: NDArray[np.uint8],
    neighbours: NDArray[np.uint8],
    similarities: NDArray[np.float64],
    path: Path,
    title: str,
) -> None:
    """Draws a row for each query as a PNG: the face, then its neighbours with their similarities.

    Args:
        queries: (Q, S, S, 3).
        neighbours: (Q, K, S, S, 3), the nearest first.
        similarities: (Q, K).
        path: of the PNG, written atomically.
        title: above the faces.
    """
    rows = [
        [
            tile(enlarged(query), ["query"]),
            *(tile(enlarged(face), [f"{value:.4f}"]) for face, value in zip(faces, values, strict=True)),
        ]
        for query, faces, values in zip(queries, neighbours, similarities, strict=True)
    ]
    save_sheet(path, [title], rows)

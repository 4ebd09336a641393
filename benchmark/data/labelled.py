"""Labelled faces: one square crop a face, the same for every method, with targets that may be unknown."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["landmarks", "pose", "classes", "aus"]


@dataclass(frozen=True)
class Target:
    """What is to be read off each of N faces.

    ``values`` by kind: ``landmarks`` float32 (N, L, 2), x then y in crop sides, 0..1 inside the crop;
    ``pose`` float32 (N, 3), degrees, in the order of ``names``; ``classes`` int64 (N,), an index into
    ``names``; ``aus`` float32 (N, A), 0 or 1. ``known`` is bool, (N, A) for ``aus`` and (N,) otherwise;
    a value that is not known is never read.
    """

    kind: Kind
    values: NDArray[Any]
    known: NDArray[np.bool_]
    names: tuple[str, ...]
    eyes: tuple[int, int] | None = None  # landmarks only: the two points whose distance is the unit of error


@dataclass(frozen=True)
class LabelledSet:
    """N labelled faces. ``frames`` is uint8 (N, S, S, 3) RGB; ``split`` holds train, val or test.

    A point p in crop sides lies at ``corner + p * side`` in pixels of the original image.
    """

    name: str
    frames: NDArray[np.uint8]
    image_ids: NDArray[np.str_]
    split: NDArray[np.str_]
    corner: NDArray[np.float32]
    side: NDArray[np.float32]
    targets: dict[str, Target]
    identity: NDArray[np.str_] | None = None
    group: NDArray[np.str_] | None = None  # a sub-set of the source, for scores within each
    protocol: dict[str, Any] = field(default_factory=dict)
    hash: str = ""

    def indices(self, split: str) -> NDArray[np.intp]:
        """Rows of one split, in order."""
        return np.flatnonzero(self.split == split)

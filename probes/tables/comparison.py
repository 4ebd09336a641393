"""Scores of the rows of a table on the same test faces, by seed: their intervals, and paired differences.

A `Series` holds one metric of one task for one row. All seeds of a row are scored on the same test faces, and rows can
be compared only where they were scored on the same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..statistics import Estimate, difference, estimate
from .cells import RecordError


@dataclass(frozen=True)
class Score:
    """A metric of one run.

    Attributes:
        seed: of the run.
        value: of the metric.
        without: (U,) the metric without each unit of the test set (`jackknife`); None where it was not recorded.
        faces: hash of which faces were scored and of which units they are.
    """

    seed: int
    value: float
    without: NDArray[np.float64] | None
    faces: str


@dataclass(frozen=True)
class Series:
    """A metric of one row, by ascending seed; attributes as in `Score`."""

    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    without: NDArray[np.float64]
    faces: str

    @classmethod
    def of(cls, scores: Sequence[Score]) -> "Series | None":
        """The series of a row's scores; None if the seeds were not scored on the same faces, or that is unknown."""
        scores = sorted(scores, key=lambda score: score.seed)
        if not scores or len({score.faces for score in scores}) > 1:
            return None
        parts = [score.without for score in scores if score.without is not None]
        if len(parts) < len(scores):
            return None
        return cls(
            tuple(score.seed for score in scores),
            np.array([score.value for score in scores]),
            np.stack(parts),
            scores[0].faces,
        )

    def of_seeds(self, seeds: Sequence[int]) -> "Series":
        """The part of these seeds."""
        rows = [self.seeds.index(seed) for seed in seeds]
        return Series(tuple(seeds), self.values[rows], self.without[rows], self.faces)

    @property
    def estimate(self) -> Estimate:
        """The mean over seeds, with its error over seeds and test people."""
        return estimate(self.values, self.without)


def paired_difference(row: Series, other: Series) -> Estimate | None:
    """The mean difference ``row - other`` over the seeds that both have; None if they have none in common.

    A row of one seed, such as one without randomness, is compared with every seed of the other.

    Raises:
        RecordError: they were scored on different faces.
    """
    if row.faces != other.faces:
        raise RecordError("rows that were scored on different test faces cannot be compared")
    if len(row.seeds) > 1 and len(other.seeds) > 1:
        seeds = sorted({*row.seeds} & {*other.seeds})
        if not seeds:
            return None
        row, other = row.of_seeds(seeds), other.of_seeds(seeds)
    return difference(row.values, row.without, other.values, other.without)

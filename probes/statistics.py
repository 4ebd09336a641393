"""What a comparison shows: intervals and paired tests over both sources of chance, training seeds and test people.

All seeds of a row are scored on the same test people, so a score is a crossed two-way layout of random seeds and random
people: ``score = mean + seed_s + person_p + rest_sp``. Over S seeds and P people, the variance of its mean is that of
the means of seeds, ``MS_seed / (S P)``, and beside it the part of people that is alike for all seeds,
``(MS_person - MS_rest) / (S P)`` (Searle, Casella and McCulloch, Variance Components, 1992, section 4.5). The half
width of an interval adds the two in squares, each times its own quantile of Student's t, with S - 1 and P - 1 degrees
of freedom, as Cochran's test does for two samples of unequal variance; it is never below that of people alone. A metric
that is no mean over people, such as an AUC, enters by its jackknife pseudo-values (`probes.jackknife`).

In simulations at 3, 5 and 10 seeds, 95 to 98 % of these intervals of 95 % hold the true mean, and a true mean of 0 has
p-values below .001 at most as often as that says: what is corrected for many claims rests on such small ones. With
three seeds that hardly differ the interval is wider than needed, 1.7 times in the worst case. A percentile bootstrap
over seeds and people holds the mean in 74 to 96 % at 3 seeds, since three values drawn with replacement cannot show how
far seeds spread. From one seed nothing is known of their spread: the interval is that of other people alone
(`python -m tests.probes.test_coverage` prints all figures).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit  # Student's quantile; scipy.stats takes three times as long to import

LEVEL = 0.95
SMALLEST_P = 1e-12  # below which p-values are not told apart
HALVINGS = 60  # of the interval that a p-value is searched in


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and its error.

    Attributes:
        mean: over seeds.
        of_seeds: standard error of the means of seeds on these units; 0 from one seed.
        of_units: standard error of the means of units with these seeds.
        of_units_alone: the part of ``of_units`` that is alike for all seeds; what is not is in ``of_seeds``, too.
        seeds: number of seeds.
        units: number of test people, or of images where people are not known.
    """

    mean: float
    of_seeds: float
    of_units: float
    of_units_alone: float
    seeds: int
    units: int

    @property
    def known(self) -> bool:
        """Whether the error is known: it takes two units, and the metric without each of them."""
        return not np.isnan(self.of_units)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The two-sided confidence interval of the mean; NaN where the error is unknown."""
        reach = self.half_width(level)
        return self.mean - reach, self.mean + reach

    def half_width(self, level: float = LEVEL) -> float:
        """Half the width of the confidence interval; NaN where the error is unknown."""
        return self._reach(1 - level)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of a true mean of 0: the smallest p whose interval of 1 - p excludes 0; NaN if unknown."""
        if not self.known:
            return np.nan
        if self.of_seeds == self.of_units == 0:
            return 1.0 if self.mean == 0 else 0.0

        low, high = float(np.log(SMALLEST_P)), 0.0
        if self._reach(SMALLEST_P) < abs(self.mean):
            return SMALLEST_P
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if self._reach(float(np.exp(middle))) > abs(self.mean):
                low = middle
            else:
                high = middle
        return float(np.exp((low + high) / 2))

    @property
    def above_zero(self) -> float:
        """Probability that the true mean is above 0, given the scores; NaN if unknown.

        It is half the p-value, or 1 minus that: the confidence distribution of the mean (Xie and Singh, International
        Statistical Review 81, 2013), which is the posterior probability where all true means are equally likely
        beforehand. A true mean of at most 0 has one above 95 % in at most 5 % of studies. Where true means are known to
        be small beside their error, it says more than is so. From one seed it is of the means of these networks.
        """
        half = self.p_value / 2
        return 1 - half if self.mean > 0 else half

    def _reach(self, p: float) -> float:
        """Half the width of the interval of level 1 - p."""
        if not self.known:
            return np.nan
        of_people = -stdtrit(self.units - 1, p / 2)
        if self.seeds == 1:
            return float(of_people * self.of_units)
        of_both = np.hypot(stdtrit(self.seeds - 1, p / 2) * self.of_seeds, of_people * self.of_units_alone)
        return float(max(of_both, of_people * self.of_units))


def pseudo_values(value: NDArray[np.float64], without: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jackknife pseudo-values (S, U), one for each seed and test unit.

    Args:
        value: (S,) the metric of each seed.
        without: (S, U) the metric of each seed without each unit.
    """
    n_units = without.shape[1]
    values: NDArray[np.float64] = n_units * value[:, None] - (n_units - 1) * without
    return values


def estimate(value: NDArray[np.float64], without: NDArray[np.float64]) -> Estimate:
    """The mean of a metric over seeds with its standard error; arguments as in `pseudo_values`.

    A row without randomness has one seed.
    """
    return _two_way(float(value.mean()), pseudo_values(value, without))


def difference(
    value: NDArray[np.float64],
    without: NDArray[np.float64],
    other_value: NDArray[np.float64],
    other_without: NDArray[np.float64],
) -> Estimate:
    """The mean difference of two rows on the same test units, seed by seed; arguments as in `pseudo_values`.

    Seeds are those that both rows have, in the same order. A row with one seed is compared with every seed of the
    other.
    """
    gap = pseudo_values(value, without) - pseudo_values(other_value, other_without)
    return _two_way(float(value.mean() - other_value.mean()), gap)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number by Holm's step-down method (Holm 1979); NaN stays NaN and is not counted."""
    known = [index for index, p in enumerate(p_values) if not np.isnan(p)]
    adjusted = [float("nan")] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(known, key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(known) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _two_way(mean: float, scores: NDArray[np.float64]) -> Estimate:
    """The parts of the error of the mean of scores (S, U) of crossed random seeds and units."""
    n_seeds, n_units = scores.shape
    if n_units < 2 or not np.isfinite(scores).all():
        return Estimate(mean, np.nan, np.nan, np.nan, n_seeds, n_units)
    of_seeds, of_units = scores.mean(1), scores.mean(0)
    total = n_seeds * n_units
    unit_square = n_seeds * of_units.var(ddof=1)
    if n_seeds == 1:
        error = float(np.sqrt(unit_square / total))
        return Estimate(mean, 0.0, error, error, n_seeds, n_units)
    seed_square = n_units * of_seeds.var(ddof=1)
    rest = scores - of_seeds[:, None] - of_units + scores.mean()
    rest_square = (rest**2).sum() / ((n_seeds - 1) * (n_units - 1))
    squares = (seed_square, unit_square, max(unit_square - rest_square, 0.0))
    of_seeds_error, of_units_error, alone = (float(np.sqrt(square / total)) for square in squares)
    return Estimate(mean, of_seeds_error, of_units_error, alone, n_seeds, n_units)

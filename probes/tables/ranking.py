"""Methods ranked over labelled sets (Demsar 2006), and the probability that one method beats another on a task.

**Ranking.** Friedman's test asks whether methods have the same mean rank over independent blocks. A block is a labelled
set: tasks on the same faces, such as expressions and action units, share the chance of which faces these are, so a
method's ranks on them are averaged. Seeds are no blocks either, since they are scored on the same faces; a method
enters with its mean over seeds. What is shown holds for the trained networks at hand: chance of training that all sets
share is not in the test.

Demsar (Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006, section 3.2) takes the chi-square
distribution to be good from about ten data sets and five methods, and refers to exact values below. The p-value here is
that of ranks shuffled at random within each block, which is exact up to its draws at any number of blocks. Pairs are
told apart as in Nemenyi's test, by the range of mean ranks of the same draws: two methods differ if their mean ranks do
by more than the critical difference, which the largest of all differences exceeds in 5 % of the draws. With less than
`FEWEST_SETS` sets no ranking is shown, whatever the test says: a rank among so few says nothing of other sets.

A pair's p-value depends on which other methods are ranked (Benavoli, Corani and Mangili, JMLR 17, 2016): it is a
description of this table, and the paired tests of each task (`claims`) are what two methods are compared by.

**Probability.** `Estimate.above_zero` of the paired difference of two methods on one task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..statistics import LEVEL
from .claims import AllSeries
from .columns import NEITHER, Column
from .comparison import paired_difference
from .overview import Overview
from .sentences import listed

FEWEST_SETS = 5  # ours; Demsar's own examples have ten or more
DRAWS = 10_000  # of shuffled ranks

Ranks = NDArray[np.float64]


@dataclass(frozen=True)
class Friedman:
    """Friedman's test.

    Attributes:
        chi_square: the statistic, corrected for ties.
        p: its p-value.
        pairs: (M, M) p-value of each pair of methods, corrected for all pairs.
        critical_difference: of mean ranks; larger ones are shown.
    """

    chi_square: float
    p: float
    pairs: Ranks
    critical_difference: float


@dataclass(frozen=True)
class Ranking:
    """Methods by their mean rank over labelled sets.

    Attributes:
        methods: the best mean rank first.
        mean_ranks: (M,) of them; 1 is the best on every set.
        tasks: number of tasks that have a rank.
        sets: number of labelled sets that these are on.
        test: None with one set.
        left_out: methods without a score on every task.
    """

    methods: tuple[str, ...]
    mean_ranks: Ranks
    tasks: int
    sets: int
    test: Friedman | None
    left_out: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Whether the data carry a ranking: enough sets, and ranks that are shown to differ."""
        return self.test is not None and self.sets >= FEWEST_SETS and self.test.p <= 1 - LEVEL

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """The largest groups of two or more methods of which no two are shown to differ."""
        if self.test is None:
            return []
        groups, last = [], 0
        for start, row in enumerate(self.test.pairs):
            end = int(np.flatnonzero(row > 1 - LEVEL).max()) + 1
            if end > max(last, start + 1):
                groups.append(self.methods[start:end])
            last = max(last, end)
        return groups


def ranking_of(overview: Overview, sets: Mapping[str, str]) -> Ranking | None:
    """The ranking of an overview's methods; None with less than two, or without a task that has a better direction.

    Args:
        overview: of a benchmark.
        sets: the labelled set of each task.
    """
    from scipy.stats import rankdata  # takes long to import, and few tables have a ranking

    tasks = [index for index, each in enumerate(overview.columns) if each.column.better != NEITHER]
    methods = {
        row.variant: [row.scores[index].mean for index in tasks] for row in overview.rows if row.kind == "method"
    }
    scores = {
        name: [mean for mean in means if mean is not None] for name, means in methods.items() if None not in means
    }
    if not tasks or len(scores) < 2:
        return None
    better = np.array([overview.columns[index].column.better for index in tasks])
    of_tasks = rankdata(-better[:, None] * np.array([*scores.values()]).T, axis=1)
    names = np.array([sets[overview.columns[index].column.task] for index in tasks])
    blocks = rankdata([of_tasks[names == name].mean(0) for name in dict.fromkeys(names.tolist())], axis=1)
    order = np.argsort(blocks.mean(0), kind="stable")
    return Ranking(
        tuple(np.array([*scores], object)[order]),
        blocks.mean(0)[order],
        len(tasks),
        len(blocks),
        friedman(blocks[:, order]) if len(blocks) > 1 else None,
        tuple(name for name in methods if name not in scores),
    )


def friedman(ranks: Ranks) -> Friedman:
    """Friedman's test of ranks (N, M) of M methods in N blocks, and all pairs after it."""
    n_blocks, n_methods = ranks.shape
    middle = (n_methods + 1) / 2
    spread = ((ranks - middle) ** 2).sum()
    shuffled = np.random.default_rng(0).permuted(np.broadcast_to(ranks, (DRAWS, *ranks.shape)), axis=2).mean(1)
    means = ranks.mean(0)

    def statistic(of_means: Ranks) -> Ranks:
        squares: Ranks = ((of_means - middle) ** 2).sum(-1)
        return (n_methods - 1) * n_blocks**2 * squares / spread if spread else 0 * squares

    ranges = np.sort(np.ptp(shuffled, axis=1))
    gaps = np.abs(means[:, None] - means)
    return Friedman(
        float(statistic(means)),
        float(_share(np.sort(statistic(shuffled)), statistic(means))),
        _share(ranges, gaps),
        float(ranges[np.searchsorted(_share(ranges, ranges) <= 1 - LEVEL, True) - 1]),
    )


def _share(drawn: Ranks, values: Ranks) -> Ranks:
    """The p-value of each value: the share of the sorted draws that reach it, the value itself counting as one."""
    reached = len(drawn) - np.searchsorted(drawn, values - 1e-9)
    share: Ranks = (1 + reached) / (1 + len(drawn))
    return share


def ranking_sentence(ranking: Ranking) -> str:
    """What is shown over all sets, or why no ranking is."""
    sets = f"{ranking.sets} labelled set{'s' * (ranking.sets != 1)}"
    if ranking.test is None:
        return (
            f"No ranking over tasks: all {ranking.tasks} of them are on the faces of one labelled set, so they are one "
            f"block of Friedman's test; a ranking takes {FEWEST_SETS} sets."
        )
    numbers = f"Friedman's chi-square = {ranking.test.chi_square:.2f}, {_p(ranking.test.p)}"
    if ranking.sets < FEWEST_SETS:
        return f"No ranking over tasks: there are {sets}, and it takes {FEWEST_SETS} ({numbers})."
    if not ranking.shown:
        return (
            f"No ranking over tasks: over {sets}, the {len(ranking.methods)} methods are not shown to differ in rank "
            f"({numbers})."
        )
    text = f"Over {sets}, the {len(ranking.methods)} methods differ in rank ({numbers})."
    if not ranking.groups:
        return f"{text} Every two of them are shown to differ."
    groups = "; ".join(listed(group) for group in ranking.groups)
    return f"{text} Not shown to differ: {groups}."


def _p(p: float) -> str:
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")


def probabilities(column: Column, series: AllSeries, methods: Sequence[str]) -> NDArray[np.float64]:
    """(M, M) probability that the method of a line beats that of a column on one task, by `Estimate.above_zero`.

    NaN on the diagonal and where two methods were not scored on the same faces and seeds.
    """
    found = np.full((len(methods), len(methods)), np.nan)
    for i, method in enumerate(methods):
        for j, other in enumerate(methods[:i]):
            row, beside = (series.get(("method", name, column.task, column.metric)) for name in (method, other))
            if row is None or beside is None or row.faces != beside.faces:
                continue
            gap = paired_difference(row, beside)
            if gap is not None and gap.known:
                above = gap.above_zero
                found[i, j] = above if column.better > 0 else 1 - above
                found[j, i] = 1 - found[i, j]
    return found

"""What a table shows of its methods: paired tests of each column against one row, corrected over the whole table.

The row is one that the reader chose before looking, or else the best mean among the methods of the column. A best mean
is the luckiest of several, so its lead over another is one of as many claims as there are pairs of methods; a chosen
row makes one claim a method. A further claim is that the row is ahead of every floor. All claims of the table are
corrected together by Holm's method (`statistics.holm`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from math import isnan

from ..statistics import LEVEL, Estimate, holm
from .cells import Cell
from .columns import NEITHER, Column
from .comparison import Series, paired_difference

Key = tuple[str, str, str, str]  # kind, variant, task, metric
AllSeries = Mapping[Key, Series]


class Verdict(StrEnum):
    """What is shown of a row beside the row that it is compared with."""

    AHEAD = "ahead"
    BEHIND = "behind"
    NOT_SHOWN = "not shown to differ"
    UNTESTED = "not tested"


@dataclass(frozen=True)
class Comparison:
    """One row beside the reference of its column.

    Attributes:
        kind: of the row.
        variant: its name.
        gap: mean of the row minus that of the reference, on the same test faces and seeds; None if not testable.
        better: 1 if higher values are better, else -1.
        p: corrected for the claims of the table; NaN if not testable.
    """

    kind: str
    variant: str
    gap: Estimate | None
    better: int
    p: float

    @property
    def verdict(self) -> Verdict:
        """What is shown at `statistics.LEVEL`."""
        if self.gap is None or not self.gap.known:
            return Verdict.UNTESTED
        if self.p > 1 - LEVEL:
            return Verdict.NOT_SHOWN
        return Verdict.AHEAD if self.gap.mean * self.better > 0 else Verdict.BEHIND


@dataclass(frozen=True)
class ColumnClaims:
    """The tests of one column.

    Attributes:
        column: of the table.
        reference: kind and variant of the row that others are compared with.
        chosen: whether the reader chose it; else it has the best mean.
        methods: the other methods, beside it.
        floors: the floors, beside it; all with the p-value of the one claim that it is ahead of every floor.
    """

    column: Column
    reference: tuple[str, str]
    chosen: bool
    methods: tuple[Comparison, ...]
    floors: tuple[Comparison, ...]

    @property
    def hardest_floor(self) -> Comparison | None:
        """The floor that the reference is least shown to be ahead of; None without floors that can be compared."""
        known = [floor for floor in self.floors if floor.gap is not None and floor.gap.known]
        return max(known, key=_one_sided, default=None)

    @property
    def ahead_of_floors(self) -> bool:
        """Whether the reference is shown to be ahead of every floor."""
        return bool(self.floors) and all(floor.verdict == Verdict.BEHIND for floor in self.floors)

    @property
    def differ(self) -> bool:
        """Whether any method is shown to differ from the reference."""
        return any(each.verdict in (Verdict.AHEAD, Verdict.BEHIND) for each in self.methods)

    @property
    def one_run(self) -> bool:
        """Whether a difference is shown of two rows of one seed: then of these networks, and not of the methods."""
        shown = [each.gap for each in (*self.methods, *self.floors) if each.verdict in (Verdict.AHEAD, Verdict.BEHIND)]
        return any(gap is not None and gap.seeds == 1 for gap in shown)

    def verdict(self, kind: str, variant: str) -> Verdict | None:
        """What is shown of a method; None for the reference and rows that are not tested here."""
        found = [each.verdict for each in self.methods if (each.kind, each.variant) == (kind, variant)]
        return found[0] if found else None


@dataclass(frozen=True)
class TableClaims:
    """The tests of a table: of each column that has any, by its index, and how many claims they were corrected for."""

    columns: Mapping[int, ColumnClaims]
    claims: int

    @property
    def one_run(self) -> bool:
        """Whether a difference is shown of two rows of one seed."""
        return any(each.one_run for each in self.columns.values())


def claims_of(
    columns: Sequence[Column],
    cells: Sequence[Cell],
    series: AllSeries,
    *,
    reference: str | None = None,
    floors: bool = False,
) -> TableClaims:
    """Test the methods of each column of a table.

    Args:
        columns: of the table; those where no direction is better have no tests.
        cells: of the benchmark.
        series: of the rows, by kind, variant, task and metric.
        reference: name of the row to compare with; None: the best mean of each column.
        floors: whether to test that the reference is ahead of every floor.
    """
    scored: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if cell["mean"] is not None:
            scored.setdefault((cell["task"], cell["metric"]), []).append(cell)
    tests = {
        index: test
        for index, column in enumerate(columns)
        if (test := _column_claims(column, scored.get((column.task, column.metric), []), series, reference, floors))
        is not None
    }
    p_values = [each.p for test in tests.values() for each in _claims(test)]
    possible = sum(_possible_claims(test) for test in tests.values())
    not_computed = possible - sum(not isnan(p) for p in p_values)
    adjusted = iter(holm([*p_values, *[1.0] * not_computed]))
    return TableClaims({index: _adjusted(test, adjusted) for index, test in tests.items()}, possible)


def _column_claims(
    column: Column, scored: Sequence[Cell], series: AllSeries, reference: str | None, floors: bool
) -> ColumnClaims | None:
    """The tests of one column, uncorrected, from its cells that have a value; None if nothing in it can be tested."""
    candidates = [cell for cell in scored if _may_be_reference(cell, reference)]
    if column.better == NEITHER or not candidates:
        return None
    best = max(candidates, key=lambda cell: column.better * (cell["mean"] or 0.0))
    of_reference = series.get((best["kind"], best["variant"], column.task, column.metric))
    if of_reference is None:
        return None
    compared = [
        _comparison(cell, column, of_reference, series)
        for cell in scored
        if cell is not best and cell["kind"] in ("method", "floor")
    ]
    return ColumnClaims(
        column,
        (best["kind"], best["variant"]),
        reference is not None,
        tuple(each for each in compared if each.kind == "method"),
        tuple(each for each in compared if each.kind == "floor") if floors and best["kind"] != "floor" else (),
    )


def _may_be_reference(cell: Cell, chosen: str | None) -> bool:
    if chosen is None:
        return cell["kind"] == "method"
    return cell["variant"] == chosen and cell["kind"] != "published"


def _comparison(cell: Cell, column: Column, reference: Series, series: AllSeries) -> Comparison:
    row = series.get((cell["kind"], cell["variant"], column.task, column.metric))
    gap = paired_difference(row, reference) if row is not None and row.faces == reference.faces else None
    p = gap.p_value if gap is not None else float("nan")
    return Comparison(cell["kind"], cell["variant"], gap, column.better, p)


def _claims(test: ColumnClaims) -> Iterator[Comparison]:
    """The claims of a column that were computed: one a method, and one of all floors together."""
    yield from test.methods
    if (hardest := test.hardest_floor) is not None:
        yield replace(hardest, p=_one_sided(hardest))


def _possible_claims(test: ColumnClaims) -> int:
    """How many claims the column might have made: of every pair of methods where the best was picked from them."""
    methods = [each for each in test.methods if each.verdict != Verdict.UNTESTED]
    pairs = len(methods) if test.chosen else len([*combinations(range(len(methods) + 1), 2)])
    return pairs + (test.hardest_floor is not None)


def _one_sided(floor: Comparison) -> float:
    """The uncorrected p-value of a floor if its mean is behind; else 1."""
    assert floor.gap is not None
    return floor.gap.p_value if floor.gap.mean * floor.better < 0 else 1.0


def _adjusted(test: ColumnClaims, p_values: Iterator[float]) -> ColumnClaims:
    """The column with the next corrected p-values in place of its own."""
    methods = tuple(replace(each, p=next(p_values)) for each in test.methods)
    p_of_floors = next(p_values) if test.hardest_floor is not None else float("nan")
    return replace(test, methods=methods, floors=tuple(replace(each, p=p_of_floors) for each in test.floors))

"""Marks of the cells of a table, from its claims, and the sentence that explains them.

Beside the best mean of a column: the best mean itself, if any method is shown to be worse, and the methods not shown to
differ from it; those shown to be worse have no mark. Beside a row that the reader chose: ahead, behind, not shown.
"""

from collections.abc import Collection, Iterable, Set
from enum import StrEnum

from ..statistics import LEVEL
from .cells import Cell
from .claims import ColumnClaims, TableClaims, Verdict
from .columns import NEITHER, Column

EQUAL = ", which does not show that it is equal"


class Mark(StrEnum):
    """The mark of a cell. The value is its sign, but for `NONE` and `BEST`, which each format shows in its own way."""

    NONE = "none"
    BEST = "best"
    AHEAD = "+"
    BEHIND = "-"
    NOT_SHOWN = "†"
    UNTESTED = "‡"

    @property
    def sign(self) -> str:
        """What follows the text of the cell."""
        return "" if self in (Mark.NONE, Mark.BEST) else self.value


def mark_of(cell: Cell, index: int, column: Column, claims: TableClaims) -> Mark:
    """The mark of a cell in a column of a table."""
    if not claims.columns or cell["kind"] != "method" or cell["mean"] is None or column.better == NEITHER:
        return Mark.NONE
    row, of_column = (cell["kind"], cell["variant"]), claims.columns.get(index)
    if of_column is None:
        return Mark.UNTESTED
    return _of_reference(of_column) if row == of_column.reference else _of_other(of_column, row)


def legend(marks: Set[Mark], claims: TableClaims, best: str) -> str:
    """What the marks of a table say, in one line; "" if it has none.

    Args:
        marks: those in the table.
        claims: of the table.
        best: how the format shows `Mark.BEST`.
    """
    if not marks - {Mark.NONE}:
        return ""
    chosen = [each for each in claims.columns.values() if each.chosen]
    words = _beside_chosen(chosen[0].reference[1]) if chosen else _beside_best(marks, best)
    parts = [f"{sign} {text}" for mark, sign, text in words if mark in marks]
    unmarked = "" if chosen or Mark.BEST not in marks else "; a method without a mark is shown to be worse"
    level = f"{100 * (1 - LEVEL):.0f} % in all over {_claims(claims.claims)}"
    networks = (
        " From one seed, differences are of these trained networks, not of the methods." if claims.one_run else ""
    )
    return f"{'; '.join(parts)}{unmarked}. Paired tests on the same test faces, {level} (Holm).{networks}"


def _of_reference(column: ColumnClaims) -> Mark:
    if column.chosen:
        return Mark.NONE
    if column.differ:
        return Mark.BEST
    tested = any(each.verdict != Verdict.UNTESTED for each in column.methods)
    return Mark.NOT_SHOWN if tested else Mark.UNTESTED


def _of_other(column: ColumnClaims, row: tuple[str, str]) -> Mark:
    verdict = column.verdict(*row)
    if verdict == Verdict.AHEAD:
        return Mark.AHEAD
    if verdict == Verdict.BEHIND:
        return Mark.BEHIND if column.chosen else Mark.NONE
    return Mark.NOT_SHOWN if verdict == Verdict.NOT_SHOWN else Mark.UNTESTED


def _beside_best(marks: Collection[Mark], best: str) -> Iterable[tuple[Mark, str, str]]:
    return (
        (Mark.BEST, best, "best mean of the methods"),
        (
            Mark.NOT_SHOWN,
            Mark.NOT_SHOWN.sign,
            f"not shown to differ from the best mean{EQUAL}",
        ),
        (Mark.AHEAD, Mark.AHEAD.sign, "ahead of the best mean on the seeds that both have"),
        (Mark.UNTESTED, Mark.UNTESTED.sign, "could not be tested"),
    )


def _beside_chosen(reference: str) -> Iterable[tuple[Mark, str, str]]:
    return (
        (Mark.AHEAD, Mark.AHEAD.sign, f"ahead of {reference}"),
        (Mark.BEHIND, Mark.BEHIND.sign, f"behind {reference}"),
        (
            Mark.NOT_SHOWN,
            Mark.NOT_SHOWN.sign,
            f"not shown to differ from {reference}{EQUAL}",
        ),
        (Mark.UNTESTED, Mark.UNTESTED.sign, "could not be tested"),
    )


def _claims(n: int) -> str:
    return f"{n} possible claim{'s' * (n != 1)}"

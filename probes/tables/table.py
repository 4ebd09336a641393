"""A table ready to be formatted: headings, rows of marked entries, a caption, and the sentences that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .claims import TableClaims
from .marks import Mark, legend

GAP = "–"


@dataclass(frozen=True)
class Entry:
    """The text of one table cell, and what is shown of it."""

    text: str = GAP
    mark: Mark = Mark.NONE


@dataclass(frozen=True)
class Row:
    """One row of a table: an entry for each column."""

    kind: str
    variant: str
    entries: list[Entry]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: of the table, with the unit of its columns where they have one in common.
        caption: states the head, the seeds and the split sizes.
        headings: of the columns, with units where they are not those of the title.
        rows: in groups of one kind.
        claims: the tests that the marks come from.
        sentences: what is shown, in words.
        width: characters of a line in a terminal.
    """

    title: str
    caption: str
    headings: list[str]
    rows: list[Row] = field(repr=False)
    claims: TableClaims = field(default_factory=lambda: TableClaims({}, 0), repr=False)
    sentences: list[str] = field(default_factory=list)
    width: int = 120

    def explained(self, best: str) -> str:
        """The explanation of the marks, then the caption; ``best`` says how the format shows the best mean."""
        marks = {entry.mark for row in self.rows for entry in row.entries}
        return " ".join(filter(None, [legend(marks, self.claims, best), self.caption]))

    def with_dimensions(self, dimensions: Mapping[tuple[str, str], int | None]) -> "Table":
        """The table with a first column of the numbers of an embedding (`encoders.dimensions`), if there are any."""
        if not dimensions:
            return self
        rows = [
            replace(row, entries=[Entry(GAP if dim is None else f"{dim:,}"), *row.entries])
            for row in self.rows
            for dim in [dimensions.get((row.kind, row.variant))]
        ]
        return replace(self, headings=["Dimensions", *self.headings], rows=rows)

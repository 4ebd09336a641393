"""A table as plain text for a terminal, in blocks of columns that are no wider than the table may be."""

import itertools
import textwrap
from collections.abc import Sequence

from .marks import Mark
from .table import Entry, Table

BEST = "*"
BETWEEN = "  "  # columns
HEADING_WIDTH = 12  # at which the headings of narrower columns are broken


def text_table(table: Table) -> str:
    """Title, grid, sentences, and the caption with the explanation of the marks."""
    compact = max(map(len, _grid(table, compact=False))) > table.width
    below = [*table.sentences, "" if table.sentences else None, table.explained(BEST)]
    wrapped = [textwrap.fill(line, min(table.width, 100)) for line in below if line is not None]
    return "\n".join([table.title, "", *_blocks(table, compact), "", *wrapped, ""])


def _blocks(table: Table, compact: bool) -> list[str]:
    """The grid, broken between columns where it is too wide."""
    widths = [len(BETWEEN) + max(map(len, column)) for column in _columns(table, compact)]
    blocks: list[list[int]] = [[]]
    used = widths[0]
    for index, width in enumerate(widths[1:]):
        if blocks[-1] and used + width > table.width + len(BETWEEN):
            blocks.append([])
            used = widths[0]
        blocks[-1].append(index)
        used += width
    lines: list[str] = []
    for block in blocks:
        part = Table(
            table.title,
            table.caption,
            [table.headings[index] for index in block],
            [type(row)(row.kind, row.variant, [row.entries[index] for index in block]) for row in table.rows],
        )
        lines += [*([""] if lines else []), *_grid(part, compact)]
    return lines


def _grid(table: Table, compact: bool) -> list[str]:
    """The lines of a table: headings, and under a rule with the name of each kind its rows."""
    columns = _columns(table, compact)
    widths = [max(map(len, column)) for column in columns]
    n_headings = len(columns[0]) - len(table.rows)
    first, *others = zip(columns, widths, strict=True)
    lines = [
        BETWEEN.join([first[0][at].ljust(first[1]), *(column[at].rjust(width) for column, width in others)])
        for at in range(len(columns[0]))
    ]
    total = sum(widths) + len(BETWEEN) * (len(widths) - 1)
    result = [line.rstrip() for line in lines[:n_headings]]
    at = n_headings
    for kind, rows in itertools.groupby(table.rows, key=lambda row: row.kind):
        result.append(f"{kind} ".ljust(total, "-"))
        for _ in rows:
            result.append(lines[at].rstrip())
            at += 1
    return result


def _columns(table: Table, compact: bool) -> list[list[str]]:
    """The lines of each column: of the row names, then of the table's."""
    texts = [[_text(row.entries[index], compact) for row in table.rows] for index in range(len(table.headings))]
    texts = [_padded(each, [row.entries[index] for row in table.rows]) for index, each in enumerate(texts)]
    headings = [
        _wrapped(heading, max([HEADING_WIDTH, *map(len, column)]))
        for heading, column in zip(table.headings, texts, strict=True)
    ]
    height = max(map(len, headings), default=0)
    names = [*[""] * height, *(row.variant for row in table.rows)]
    padded = [[*[""] * (height - len(heading)), *heading] for heading in headings]
    return [names, *(heading + column for heading, column in zip(padded, texts, strict=True))]


def _text(entry: Entry, compact: bool) -> str:
    text = entry.text.replace(" ± ", "±") if compact else entry.text
    return text + (BEST if entry.mark == Mark.BEST else entry.mark.sign)


def _padded(texts: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    """Texts with a space in place of the mark that others of the column have, so that numbers stay aligned."""
    marked = any(entry.mark != Mark.NONE for entry in entries)
    pads = [" " if marked and entry.mark == Mark.NONE else "" for entry in entries]
    return [text + pad for text, pad in zip(texts, pads, strict=True)]


def _wrapped(heading: str, width: int) -> list[str]:
    """The lines of a heading, its unit on one of its own."""
    label, bracket, unit = heading.partition(" (")
    return [*textwrap.wrap(label, width), *([bracket.strip() + unit] if unit else [])]

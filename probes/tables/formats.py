"""Formats: tables as terminal text or Markdown, LaTeX in `latex`; cells as JSON or CSV."""

import csv
import io
import json
from collections.abc import Iterable

from tabulate import tabulate

from .cells import Cell
from .marks import Mark
from .table import Entry, Table
from .text import text_table

LIST_SEPARATOR = ";"  # between the values of one CSV field


def as_text(tables: Iterable[Table]) -> str:
    """Plain text for a terminal, at most `Table.width` characters wide; the best mean is starred, if it is shown."""
    return "\n".join(text_table(table) for table in tables)


def as_markdown(tables: Iterable[Table]) -> str:
    """GitHub-flavoured Markdown; the best mean is bold, if it is shown."""

    def text(entry: Entry) -> str:
        text = f"**{entry.text}**" if entry.mark == Mark.BEST else entry.text
        return text + entry.mark.sign

    parts = []
    for table in tables:
        headings = ["kind", "variant", *table.headings]
        body = [[row.kind, row.variant, *map(text, row.entries)] for row in table.rows]
        grid = tabulate(
            [[cell.replace("|", r"\|") for cell in row] for row in body],
            [heading.replace("|", r"\|") for heading in headings],
            "pipe",
            disable_numparse=True,
            colalign=["left", "left", *["right"] * len(table.headings)],
        )
        sentences = "".join(f"- {sentence}\n" for sentence in table.sentences)
        paragraphs = [f"### {table.title}", grid, sentences.rstrip(), table.explained("Bold:")]
        parts.append("\n\n".join(filter(None, paragraphs)) + "\n")
    return "\n".join(parts)


def as_json(cells: Iterable[Cell]) -> str:
    """A JSON list with one record for each cell; a cell without values has ``"mean": null``."""
    return json.dumps(list(cells), indent=2, allow_nan=False) + "\n"


def as_csv(cells: Iterable[Cell]) -> str:
    """CSV with one line for each cell; lists are joined by `LIST_SEPARATOR`, None is empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(Cell.__annotations__), lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        writer.writerow({name: _csv_field(value) for name, value in cell.items()})
    return file.getvalue()


def _csv_field(value: object) -> object:
    return LIST_SEPARATOR.join(map(str, value)) if isinstance(value, list) else value

"""Formats: tables as terminal text, Markdown or LaTeX; cells as JSON or CSV."""

import csv
import io
import itertools
import json
import textwrap
from collections.abc import Iterable

from tabulate import SEPARATING_LINE, tabulate

from .cells import Cell
from .tables import GAP, Entry, Row, Table

BEST = "best mean among methods, which is not a significance test."
TEXT_WIDTH = 100  # of captions in a terminal
LIST_SEPARATOR = ";"  # between the values of one CSV field


def as_text(tables: Iterable[Table], heading_width: int | None = None) -> str:
    """Plain text for a terminal; the best method of a column is starred.

    With ``heading_width``, headings are wrapped to that many characters, units on a line of their own.
    """
    parts = []
    for table in tables:
        body: list[list[str] | str] = []
        for rows in _groups(table):
            body += [SEPARATING_LINE] if body else []
            body += [[row.kind, row.variant, *(each.text + "*" * each.best for each in row.entries)] for row in rows]
        headings = [_wrap(heading, heading_width) if heading_width else heading for heading in table.headings]
        grid = tabulate(body, ["kind", "variant", *headings], "simple", disable_numparse=True)
        caption = table.caption + (f" * {BEST}" if table.marked else "")
        parts.append(f"{table.title}\n{textwrap.fill(caption, TEXT_WIDTH)}\n\n{grid}\n")
    return "\n".join(parts)


def as_markdown(tables: Iterable[Table]) -> str:
    """GitHub-flavoured Markdown; the best method of a column is bold."""

    def text(entry: Entry) -> str:
        return f"**{entry.text}**" if entry.best else entry.text

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
        caption = table.caption + (f" Bold: {BEST}" if table.marked else "")
        parts.append(f"### {table.title}\n\n{grid}\n\n{caption}\n")
    return "\n".join(parts)


def as_latex(tables: Iterable[Table]) -> str:
    """LaTeX tables that need only the package booktabs; the best method of a column is bold."""
    return "\n".join(_latex_table(table) for table in tables)


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


def _wrap(heading: str, width: int) -> str:
    label, bracket, unit = heading.partition(" (")
    return "\n".join([*textwrap.wrap(label, width), bracket.strip() + unit])


def _csv_field(value: object) -> object:
    return LIST_SEPARATOR.join(map(str, value)) if isinstance(value, list) else value


def _groups(table: Table) -> list[list[Row]]:
    """The rows of each kind, in the table's order."""
    return [list(rows) for _, rows in itertools.groupby(table.rows, key=lambda row: row.kind)]


def _latex_table(table: Table) -> str:
    # tabulate's "latex_booktabs" escapes every cell and so cannot print bold ones; its "latex_raw" draws other rules.
    def text(entry: Entry) -> str:
        return rf"\textbf{{{escape(entry.text)}}}" if entry.best else escape(entry.text)

    def line(cells: Iterable[str]) -> str:
        return " & ".join(cells) + r" \\"

    body = []
    for rows in _groups(table):
        body += [r"\midrule", *(line([escape(row.variant), *map(text, row.entries)]) for row in rows)]
    caption = f"{table.title}. {table.caption}" + (f" Bold: {BEST}" if table.marked else "")
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(table.headings)}}}",
        r"\toprule",
        line(["", *map(escape, table.headings)]),
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    **{character: rf"\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    GAP: "--",
}


def escape(text: str) -> str:
    """Escape text so that LaTeX prints it literally."""
    return "".join(LATEX_ESCAPES.get(character, character) for character in text)

"""Formats: tables as terminal text, Markdown or LaTeX; cells as JSON or CSV."""

import csv
import io
import itertools
import json
from collections.abc import Iterable

from tabulate import tabulate

from .cells import Cell
from .marks import Mark
from .table import GAP, Entry, Row, Table
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
        paragraphs = [f"### {table.title}", grid, sentences.rstrip(), table.explained("bold:")]
        parts.append("\n\n".join(filter(None, paragraphs)) + "\n")
    return "\n".join(parts)


def as_latex(tables: Iterable[Table]) -> str:
    """LaTeX tables that need only the package booktabs; the best mean is bold, if it is shown."""
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


def _csv_field(value: object) -> object:
    return LIST_SEPARATOR.join(map(str, value)) if isinstance(value, list) else value


def _groups(table: Table) -> list[list[Row]]:
    """The rows of each kind, in the table's order."""
    return [list(rows) for _, rows in itertools.groupby(table.rows, key=lambda row: row.kind)]


def _latex_table(table: Table) -> str:
    # tabulate's "latex_booktabs" escapes every cell and so cannot print bold ones; its "latex_raw" draws other rules.
    def text(entry: Entry) -> str:
        text = rf"\textbf{{{escape(entry.text)}}}" if entry.mark == Mark.BEST else escape(entry.text)
        return text + escape(entry.mark.sign)

    def line(cells: Iterable[str]) -> str:
        return " & ".join(cells) + r" \\"

    body = []
    for rows in _groups(table):
        body += [r"\midrule", *(line([escape(row.variant), *map(text, row.entries)]) for row in rows)]
    explained = table.explained("bold:")
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(f'{table.title}. {explained}')}}}",
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
    "†": r"$^\dagger$",
    "‡": r"$^\ddagger$",
    GAP: "--",
}


def escape(text: str) -> str:
    """Escape text so that LaTeX prints it literally."""
    return "".join(LATEX_ESCAPES.get(character, character) for character in text)

"""Tables as terminal text, Markdown or LaTeX; cells as JSON or CSV."""

import csv
import io
import itertools
import json
from collections.abc import Iterable

from tabulate import SEPARATING_LINE, tabulate

from .cells import Cell
from .tables import GAP, Entry, Table

BEST = "best mean among methods, which is no test."
SEPARATOR = ";"  # between the values of one CSV field


def as_text(tables: Iterable[Table]) -> str:
    """Plain text for a terminal; the best method of a column is starred."""
    made = []
    for table in tables:
        body: list[list[str] | str] = []
        for _, group in itertools.groupby(table.rows, key=lambda row: row.kind):
            body += [SEPARATING_LINE] if body else []
            body += [[row.kind, row.variant, *(each.text + "*" * each.best for each in row.entries)] for row in group]
        caption = table.caption + (f" * {BEST}" if table.marked else "")
        grid = tabulate(body, ["kind", "variant", *table.headings], "simple", disable_numparse=True)
        made.append(f"{table.title}\n{caption}\n\n{grid}\n")
    return "\n".join(made)


def as_markdown(tables: Iterable[Table]) -> str:
    """GitHub's Markdown; the best method of a column is bold."""

    def entry(each: Entry) -> str:
        return f"**{each.text}**" if each.best else each.text

    made = []
    for table in tables:
        headings = ["kind", "variant", *table.headings]
        body = [[row.kind, row.variant, *map(entry, row.entries)] for row in table.rows]
        escaped = [[text.replace("|", r"\|") for text in row] for row in body]
        grid = tabulate(
            escaped,
            [heading.replace("|", r"\|") for heading in headings],
            "pipe",
            disable_numparse=True,
            colalign=["left", "left", *["right"] * len(table.headings)],
        )
        caption = table.caption + (f" Bold: {BEST}" if table.marked else "")
        made.append(f"### {table.title}\n\n{grid}\n\n{caption}\n")
    return "\n".join(made)


def as_latex(tables: Iterable[Table]) -> str:
    """LaTeX that needs only the package booktabs; the best method of a column is bold."""
    return "\n".join(_latex_table(table) for table in tables)


def as_json(cells: Iterable[Cell]) -> str:
    """A JSON list of records, one per cell; a gap has ``"mean": null`` and no values."""
    return json.dumps(list(cells), indent=2, allow_nan=False) + "\n"


def as_csv(cells: Iterable[Cell]) -> str:
    """One line per cell; lists are joined by semicolons, null is empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(Cell.__annotations__), lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        writer.writerow({name: _field(value) for name, value in cell.items()})
    return file.getvalue()


def _field(value: object) -> object:
    return SEPARATOR.join(map(str, value)) if isinstance(value, list) else value


def _latex_table(table: Table) -> str:
    def entry(each: Entry) -> str:
        return rf"\textbf{{{escape(each.text)}}}" if each.best else escape(each.text)

    def line(cells: Iterable[str]) -> str:
        return " & ".join(cells) + r" \\"

    groups = [
        [line([escape(row.variant), *map(entry, row.entries)]) for row in rows]
        for _, rows in itertools.groupby(table.rows, key=lambda row: row.kind)
    ]
    caption = f"{table.title}. {table.caption}" + (f" Bold: {BEST}" if table.marked else "")
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(table.headings)}}}",
        r"\toprule",
        line(["", *map(escape, table.headings)]),
        *itertools.chain.from_iterable([r"\midrule", *group] for group in groups),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    GAP: "--",
}


def escape(text: str) -> str:
    """Text that LaTeX prints as it stands."""
    return "".join(LATEX.get(sign, sign) for sign in text)

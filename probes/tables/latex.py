"""Tables as LaTeX that pastes into a paper: booktabs rules, and numbers aligned by siunitx.

A table that is wider than the text of an A4 article is broken between columns, each part a table of its own.
"""

import itertools
import re
import textwrap
from collections.abc import Iterable, Sequence

from .marks import Mark
from .table import GAP, Entry, Row, Table

PREAMBLE = r"""% Needs \usepackage{booktabs,siunitx}. Each table fits the text of an A4 article (345 pt).
\sisetup{mode=text,detect-weight=true}
"""
TEXT_WIDTH = 345.0  # pt, of a4paper article
CHARACTER = 4.3  # pt, in \footnotesize: a digit has 4.25
BETWEEN = 6.0  # pt, columns
LONGEST = 2000  # characters of an explanation below a table
HEADING_WIDTH = 12  # characters, at which headings are broken
NUMBER = re.compile(r"([+-]?[\d,]*\.?\d+)(.*)")  # and what follows it: spread, seeds in brackets
ESCAPES = {
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


def latex_tables(tables: Iterable[Table], *, two_column: bool = False) -> str:
    """LaTeX of tables; with ``two_column``, each spans both columns of the page."""
    environment = "table*" if two_column else "table"
    parts = [part for table in tables for part in _table(table, environment)]
    return "\n".join([PREAMBLE, *parts]) if parts else ""


def escape(text: str) -> str:
    """Escape text so that LaTeX prints it literally."""
    return "".join(ESCAPES.get(character, character) for character in text)


def _table(table: Table, environment: str) -> list[str]:
    """The parts of a table; LaTeX cannot set captions of any length, so what explains it stands below the first.

    An explanation that would not fit on the page of the table follows it as text.
    """
    explanation = " ".join([*table.sentences, table.explained("Bold:")])
    text = escape(explanation)
    is_long = len(explanation) > LONGEST
    below = [r"\par\smallskip", rf"\begin{{minipage}}{{\linewidth}}\sloppy {text}\end{{minipage}}"]
    after = [rf"{{\footnotesize\sloppy\noindent\textbf{{{escape(table.title)}.}} {text}\par}}"]
    parts = []
    for number, block in enumerate(_blocks(table)):
        lines = [
            rf"\begin{{{environment}}}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{escape(f'{table.title}.' if number == 0 else f'{table.title}, continued.')}}}\smallskip",
            *_tabular(table, block),
            *(below if number == 0 and not is_long else []),
            rf"\end{{{environment}}}",
            *(after if number == 0 and is_long else []),
        ]
        parts.append("\n".join(lines) + "\n")
    return parts


def _blocks(table: Table) -> list[list[int]]:
    """The columns of each part."""
    names = _width([row.variant for row in table.rows])
    blocks: list[list[int]] = [[]]
    used = names
    for index, heading in enumerate(table.headings):
        width = _width([*_heading(heading), *(row.entries[index].text + "†" for row in table.rows)])
        if blocks[-1] and used + width > TEXT_WIDTH:
            blocks.append([])
            used = names
        blocks[-1].append(index)
        used += width
    return blocks


def _width(texts: Iterable[str]) -> float:
    return max(map(len, texts), default=0) * CHARACTER + BETWEEN


def _tabular(table: Table, block: Sequence[int]) -> list[str]:
    columns = [[row.entries[index] for row in table.rows] for index in block]
    tails = [any(_split(entry)[1] or entry.mark.sign for entry in column) for column in columns]
    formats = [_format(column) + ("@{}l" if tail else "") for column, tail in zip(columns, tails, strict=True)]
    headings = [_heading(table.headings[index]) for index in block]
    height = max(map(len, headings), default=0)
    headings = [[*[""] * (height - len(each)), *each] for each in headings]
    body = [
        _line("", [_centred(heading[at], tail) for heading, tail in zip(headings, tails, strict=True)])
        for at in range(height)
    ]
    for _, rows in itertools.groupby(table.rows, key=lambda row: row.kind):
        body += [r"\midrule", *(_row(row, block, tails) for row in rows)]
    return [rf"\begin{{tabular}}{{l{''.join(formats)}}}", r"\toprule", *body, r"\bottomrule", r"\end{tabular}"]


def _row(row: Row, block: Sequence[int], tails: Sequence[bool]) -> str:
    return _line(escape(row.variant), [_cell(row.entries[i], tail) for i, tail in zip(block, tails, strict=True)])


def _line(name: str, cells: Iterable[str]) -> str:
    return " & ".join([name, *cells]) + r" \\"


def _heading(heading: str) -> list[str]:
    """The lines of a heading, its unit on one of its own."""
    label, bracket, unit = heading.partition(" (")
    return [*textwrap.wrap(label, HEADING_WIDTH), *([bracket.strip() + unit] if unit else [])]


def _centred(text: str, tail: bool) -> str:
    return rf"\multicolumn{{{2 if tail else 1}}}{{c}}{{{escape(text)}}}"


def _cell(entry: Entry, tail: bool) -> str:
    """An entry: its number in a column of siunitx, what follows it in the next, if any of the column has that."""
    number, rest = _split(entry)
    bold = r"\bfseries " if entry.mark == Mark.BEST else ""
    shown = f"{bold}{number}" if number else f"{{{escape(entry.text)}}}"
    if not tail:
        return shown
    spread = rest.replace(" ± ", r"${}\pm{}$")
    spread = "".join(part if part.startswith("$") else escape(part) for part in re.split(r"(\$.*?\$)", spread))
    weight = r"\bfseries\boldmath " if bold and spread else ""
    return f"{shown} & {weight}{spread}{escape(entry.mark.sign)}"


def _split(entry: Entry) -> tuple[str, str]:
    """The number of an entry without commas, and what follows it; two empty texts for what is no number."""
    match = NUMBER.fullmatch(entry.text)
    return (match[1].replace(",", ""), match[2]) if match else ("", "")


def _format(column: Iterable[Entry]) -> str:
    """A column of siunitx as wide as its widest number."""
    numbers = [number for entry in column if (number := _split(entry)[0])]
    whole = max((len(number.partition(".")[0].lstrip("+-")) for number in numbers), default=1)
    digits = max((len(number.partition(".")[2]) for number in numbers), default=0)
    sign = "+" if any(number.startswith(("+", "-")) for number in numbers) else ""
    return f"S[table-format={sign}{max(whole, 1)}.{digits}]"

"""The tables of scores: the overview with its intervals and tests, and all others on a click."""

import re

from benchmark.pipeline.results import make_tables
from benchmark.report.parts import Cell, DataTable, Folded, Section, Text
from benchmark.report.source import Source
from probes.tables.marks import Mark
from probes.tables.table import Entry, Table

NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?")


def section(source: Source) -> Section:
    """The section; before any run is scored it says so."""
    if not source.probes:
        return Section("scores", "Scores", [Text("No run has been scored yet.")])
    overview, *others = make_tables(
        source.folder, source.head, source.benchmark, source.probes, source.costs, reference=source.reference
    )
    text = Text("Click a heading to sort; a number leads to the runs it comes from. All metrics of each task:")
    folded = [Folded(table.title, [_shown(source, table)]) for table in others]
    return Section("scores", "Scores", [_shown(source, overview), text, *folded])


def _shown(source: Source, table: Table) -> DataTable:
    anchors = {(row.kind, row.variant): row.anchor for row in source.rows}
    rows = []
    for row in table.rows:
        anchor = anchors.get((row.kind, row.variant), "")
        rows.append([Cell(row.kind), Cell(row.variant, anchor=anchor), *(_cell(each, anchor) for each in row.entries)])
    headings = [heading.replace(" ↓", "\u00a0↓").replace(" ↑", "\u00a0↑") for heading in table.headings]
    return DataTable(table.title, ["kind", "row", *headings], rows, table.explained("Bold:"))


def _cell(entry: Entry, anchor: str) -> Cell:
    """An entry with its mark, sorted by the number it begins with; a gap has none."""
    found = NUMBER.match(entry.text)
    value = float(found[0].replace(",", "")) if found else None
    return Cell(entry.text + entry.mark.sign, value, anchor if found else "", entry.mark == Mark.BEST)

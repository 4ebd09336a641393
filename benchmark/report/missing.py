"""What the benchmark consists of and is not there: runs that have failed or not ended, and records that are broken."""

from benchmark.report.parts import Cell, DataTable, Section, Text
from benchmark.report.source import Source


def section(source: Source) -> Section | None:
    """The section; None if nothing is missing."""
    if not source.gaps and not source.benchmark.absent:
        return None
    rows = [[Cell(gap.run), Cell(gap.task), Cell(gap.reason)] for gap in source.gaps]
    rows += [[Cell(name), Cell("all"), Cell("its weights were not imported")] for name in source.benchmark.absent]
    text = Text(
        "Nothing stands in for these results: means are over the seeds that are there. The same "
        "command again fills them in."
    )
    return Section("missing", "Missing results", [text, DataTable("Missing results", ["run", "task", "reason"], rows)])

"""Identity leakage: how well the embeddings tell who is shown, where a task asks that."""

from benchmark.report.parts import Cell, DataTable, Points, Section
from benchmark.report.source import Source
from probes.tables.leakage import leakage_caption


def section(source: Source) -> Section | None:
    """The section; None without an identity task."""
    tasks = source.tasks_of("identity")
    if not tasks:
        return None
    sentences = dict.fromkeys(
        line
        for task in tasks
        for line in leakage_caption([record for record in source.probes if record["task"] == task], source.probes)
    )
    rows = []
    for row in source.rows:
        cells = [Cell(row.kind), Cell(row.variant, anchor=row.anchor)]
        for task in tasks:
            mean = source.score(row, task).mean
            cells.append(Cell("–") if mean is None else Cell(f"{mean:.3f}", mean, row.anchor))
        rows.append(cells)
    table = DataTable("Share of faces whose person is told", ["kind", "row", *tasks], rows)
    return Section("leakage", "Identity leakage", [Points([(line, "") for line in sentences]), table])

"""Few-shot curves: the score of each row against the number of labels that its heads are fitted on."""

from benchmark.report.figures import drawing, logarithmic
from benchmark.report.lines import legend, lines_of, rows_shown
from benchmark.report.parts import Figure, Gallery, Section, Text
from benchmark.report.source import Row, Source
from probes.tables.cells import cells
from probes.tables.few_shot import few_shot_caption, few_shot_column, few_shot_sizes

Point = tuple[int, float, float]  # labelled faces, mean score, its standard deviation


def section(source: Source) -> Section | None:
    """The section; None where heads were fitted on all labels alone."""
    tasks = [task for task in source.columns if few_shot_sizes(_records(source, task))]
    if not tasks:
        return None
    points = {task: _points(source, task) for task in tasks}
    drawn = [row for row in source.rows if any(row.anchor in of_rows for of_rows in points.values())]
    shown, notes = rows_shown(source, drawn)
    text = [Text(f"{task}: {few_shot_caption(_records(source, task), source.head)}") for task in tasks]
    figures = [_figure(source, shown, points[task], task, f"few-shot{i}") for i, task in enumerate(tasks)]
    return Section("few-shot", "Few-shot curves", [legend(source, shown), Gallery(figures), *text], notes)


def _records(source: Source, task: str) -> list[dict[str, object]]:
    return [record for record in source.probes if record["task"] == task]


def _points(source: Source, task: str) -> dict[str, list[Point]]:
    """The points of each row that has at least two, by the row's anchor."""
    records = _records(source, task)
    by_key = {(cell["kind"], cell["variant"], cell["metric"]): cell for cell in cells(records, head=source.head)}
    points: dict[str, list[Point]] = {}
    for row in source.rows:
        for fraction, faces in few_shot_sizes(records).items():
            cell = by_key.get((row.kind, row.variant, few_shot_column(records[0], fraction).metric))
            if cell is not None and cell["mean"] is not None:
                points.setdefault(row.anchor, []).append((faces, cell["mean"], cell["std"] or 0.0))
    return {anchor: known for anchor, known in points.items() if len(known) > 1}


def _figure(source: Source, rows: list[Row], points: dict[str, list[Point]], task: str, name: str) -> Figure:
    lines = lines_of(source)
    with drawing(name) as drawn:
        for row in rows:
            if row.anchor in points:
                faces, means, reach = zip(*points[row.anchor], strict=True)
                style = lines[row.anchor].style
                drawn.axes.errorbar(faces, means, reach, marker="o", markersize=4, elinewidth=0.8, **style)
        logarithmic(drawn.axes)
        drawn.axes.set(xlabel="labelled train faces", ylabel=source.columns[task].measure)
    return Figure(drawn.svg, task)

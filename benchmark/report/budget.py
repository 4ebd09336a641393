"""Budget curves: the score of a method against how long it was trained, where a benchmark has several lengths of it."""

from benchmark.pipeline.lengths import lengths_of_training
from benchmark.report.figures import drawing, logarithmic
from benchmark.report.lines import COLOURS, Line
from benchmark.report.parts import Figure, Gallery, Legend, Section, Text
from benchmark.report.source import Row, Source

MEASURES = {
    "steps": "training steps",
    "samples": "samples",
    "frames_seen": "frames",
    "flops": "floating-point operations",
    "train_seconds": "seconds of training",
}


def section(source: Source) -> Section | None:
    """The section; None where every method was trained with one budget."""
    families = _families(source)
    if not families:
        return None
    lines = {name: Line(COLOURS[number % len(COLOURS)], "-") for number, name in enumerate(families)}
    figures = [
        _figure(source, families, lines, task, measure, f"budget{i}-{j}")
        for i, task in enumerate(source.columns)
        for j, measure in enumerate(MEASURES)
        if any(source.cost_of(row, measure) for rows in families.values() for row in rows)
    ]
    text = Text(
        "The mean over seeds, with its 95 % interval where that is known, of rows that differ in the length of their "
        "training alone, against each measure of it on a logarithmic axis. Methods are compared at equal cost where "
        'their curves are read at the same abscissa, as the tables "At equal budgets" above do.'
    )
    key = Legend([(name, line.sample) for name, line in lines.items()])
    return Section("budget", "Budget curves", [text, key, Gallery(figures)])


def _families(source: Source) -> dict[str, list[Row]]:
    """Rows of one method and one setting with at least two lengths of training, by their names."""
    rows = {row.variant: row for row in source.rows if row.kind == "method"}
    found = lengths_of_training(source.folder, source.benchmark, source.costs)
    return {name: [rows[variant] for variant in variants] for name, variants in found.items()}


def _figure(
    source: Source, families: dict[str, list[Row]], lines: dict[str, Line], task: str, measure: str, name: str
) -> Figure:
    with drawing(name) as drawn:
        for family, rows in families.items():
            points = [(source.cost_of(row, measure), source.score(row, task)) for row in rows]
            known = sorted(
                (cost, each.mean, each.half_width or 0.0) for cost, each in points if cost and each.mean is not None
            )
            if known:
                costs, means, reach = zip(*known, strict=True)
                drawn.axes.errorbar(
                    costs, means, reach, marker="o", markersize=4, elinewidth=0.8, **lines[family].style
                )
        logarithmic(drawn.axes)
        drawn.axes.set(xlabel=MEASURES[measure], ylabel=source.columns[task].measure)
    return Figure(drawn.svg, task)

"""What accuracy costs: the headline metric of each task against operations, or else seconds, of training."""

from benchmark.report.figures import drawing, logarithmic
from benchmark.report.lines import legend, lines_of
from benchmark.report.parts import Figure, Gallery, Section, Text
from benchmark.report.source import Row, Source
from probes.tables.columns import HIGHER, Column

MEASURES = {"flops": "training, floating-point operations", "train_seconds": "training, seconds"}


def section(source: Source) -> Section | None:
    """The section; None without a trained row whose cost is known."""
    measure = next((name for name in MEASURES if any(source.cost_of(row, name) for row in source.rows)), None)
    if measure is None or not source.columns:
        return None
    rows = [row for row in source.rows if source.cost_of(row, measure)]
    figures = [
        _figure(source, rows, measure, column, f"cost{number}") for number, column in enumerate(source.columns.values())
    ]
    text = Text(
        "The mean of each trained row over seeds, with its 95 % interval where that is known, against the cost of one "
        "training on a logarithmic axis. Operations are those of convolutions and matrix products, forward and "
        "backward; seconds depend on the machine. Up and to the left is better: axes of errors are turned over. "
        "Squares are ceilings."
    )
    notes = []
    if unknown := [row.variant for row in source.rows if row not in rows and row.kind in ("method", "ceiling")]:
        notes.append(f"cost not known: {', '.join(unknown)}")
    return Section("cost", "Cost and accuracy", [text, legend(source, rows), Gallery(figures)], notes)


def _figure(source: Source, rows: list[Row], measure: str, column: Column, name: str) -> Figure:
    lines = lines_of(source)
    with drawing(name) as drawn:
        for row in rows:
            cost, score = source.cost_of(row, measure), source.score(row, column.task)
            if cost and score.mean is not None:
                marker = {"ceiling": "s", "floor": "^"}.get(row.kind, "o")
                colour = lines[row.anchor].colour
                drawn.axes.errorbar(cost, score.mean, score.half_width, fmt=marker, color=colour, elinewidth=0.8)
        logarithmic(drawn.axes)
        drawn.axes.set(xlabel=MEASURES[measure], ylabel=column.measure)
        if column.better != HIGHER:
            drawn.axes.invert_yaxis()
    return Figure(drawn.svg, column.task)

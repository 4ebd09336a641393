"""Budget curves: the score of a method against how long it was trained, where a benchmark has several lengths of it."""

from collections.abc import Callable

from benchmark.pipeline.lengths import lengths_of_training
from benchmark.report.figures import drawing, logarithmic
from benchmark.report.lines import COLOURS, Line
from benchmark.report.parts import Cell, DataTable, Figure, Gallery, Legend, Section, Text
from benchmark.report.source import Row, Source
from probes.tables.budget_views import Reading, common_amount, read_at
from probes.tables.table import GAP

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
    views = [_view(source, families, task) for task in source.columns]
    text = Text(
        "The mean over seeds, with its 95 % interval where that is known, of rows that differ in the length of their "
        "training alone, against each measure of it on a logarithmic axis. Methods are compared at equal cost where "
        "their curves are read at the same abscissa: in the tables, each at the largest amount that all methods reach, "
        "by linear interpolation in its logarithm where a method was not trained for just that. No order is tested on "
        "interpolated scores, and nothing is extrapolated."
    )
    key = Legend([(name, line.sample) for name, line in lines.items()])
    return Section("budget", "Budget curves", [text, key, Gallery(figures), *views])


def _families(source: Source) -> dict[str, list[Row]]:
    """Rows of one method and one setting with at least two lengths of training, by their names."""
    rows = {row.variant: row for row in source.rows if row.kind == "method"}
    found = lengths_of_training(source.folder, source.benchmark, source.costs)
    return {name: [rows[variant] for variant in variants] for name, variants in found.items()}


def _points(source: Source, rows: list[Row], task: str, measure: str) -> list[tuple[float, float]]:
    """Budgets and mean scores of the rows of one method."""
    points = [(source.cost_of(row, measure), source.score(row, task).mean) for row in rows]
    return [(cost, mean) for cost, mean in points if cost and mean is not None]


def _view(source: Source, families: dict[str, list[Row]], task: str) -> DataTable:
    """The score of each method at an equal amount of each measure that is known of all of them."""
    headings, columns = [], []
    for measure, label in MEASURES.items():
        curves = {name: _points(source, rows, task, measure) for name, rows in families.items()}
        amount = common_amount(curves)
        if amount is not None:
            headings.append(f"at {_amount(amount)} {label}")
            columns.append([read_at(points, amount) for points in curves.values()])
    show = source.columns[task].show
    rows = [[Cell(name), *(_cell(column[index], show) for column in columns)] for index, name in enumerate(families)]
    caption = "Means over seeds; (i): interpolated between two lengths of training. No order is tested."
    return DataTable(f"{task}, {source.columns[task].measure}, at equal budgets", ["method", *headings], rows, caption)


def _amount(amount: float) -> str:
    return f"{amount:,.0f}" if amount < 1e6 else f"{amount:.3g}".replace("e+", "e")


def _cell(reading: Reading, show: Callable[[float], str]) -> Cell:
    if reading.score is None:
        return Cell(f"{GAP} {reading.reason}")
    return Cell(f"{show(reading.score)}{' (i)' * reading.interpolated}", reading.score)


def _figure(
    source: Source, families: dict[str, list[Row]], lines: dict[str, Line], task: str, measure: str, name: str
) -> Figure:
    with drawing(name) as drawn:
        for family, rows in families.items():
            points = [(source.cost_of(row, measure), source.score(row, task)) for row in rows]
            known = sorted((cost, each.mean, each.half_width or 0.0) for cost, each in points if cost and each.mean)
            if known:
                costs, means, reach = zip(*known, strict=True)
                drawn.axes.errorbar(
                    costs, means, reach, marker="o", markersize=4, elinewidth=0.8, **lines[family].style
                )
        logarithmic(drawn.axes)
        drawn.axes.set(xlabel=MEASURES[measure], ylabel=source.columns[task].measure)
    return Figure(drawn.svg, task)

"""Cumulative error distributions (CED) of landmark tasks: which share of faces has at most a given error."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import DataError, first_line
from benchmark.report.figures import drawing
from benchmark.report.lines import Line, legend, lines_of, rows_shown
from benchmark.report.parts import Figure, Gallery, Section, Text
from benchmark.report.source import Row, Source

POINTS = 120  # of a curve


def section(source: Source) -> Section | None:
    """The section; None without a landmark task."""
    tasks = source.tasks_of("landmarks")
    if not tasks:
        return None
    figures, shown, notes = [], dict[str, Row](), list[str]()
    for number, task in enumerate(tasks):
        errors, missing = _errors(source, task)
        rows, left_out = rows_shown(source, [row for row in source.rows if row.anchor in errors])
        notes += missing + left_out
        shown |= {row.anchor: row for row in rows}
        if rows:
            curves = {row.anchor: errors[row.anchor] for row in rows}
            figures.append(_figure(task, f"ced{number}", curves, lines_of(source)))
    text = Text(
        "Share of test faces whose landmark error is at most the value on the horizontal axis, in % of the "
        "inter-ocular distance, over the faces of all seeds. Higher is better."
    )
    rows = [row for row in source.rows if row.anchor in shown]
    return Section("ced", "Landmark errors, face by face", [text, legend(source, rows), Gallery(figures)], notes)


def _errors(source: Source, task: str) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The errors of each row's test faces, all seeds together, and what cannot be read."""
    found, notes = {}, []
    for row in source.rows:
        parts = []
        for record in source.of_row(row, task):
            try:
                parts.append(source.per_image(record, "errors")["errors"])
            except DataError as error:
                notes.append(first_line(error))
        if parts:
            found[row.anchor] = np.concatenate(parts)
    return found, notes


def _figure(task: str, name: str, errors: dict[str, NDArray[Any]], lines: dict[str, Line]) -> Figure:
    known = np.concatenate([values[np.isfinite(values)] for values in errors.values()])
    limit = float(np.quantile(known, 0.95)) if len(known) else 1.0
    x = np.linspace(0, limit, POINTS)
    with drawing(name) as drawn:
        for anchor, values in errors.items():
            share = np.searchsorted(np.sort(values), x, side="right") / len(values)  # NaN sorts last: a failure
            drawn.axes.plot(x, 100 * share, **lines[anchor].style)
        drawn.axes.set(xlabel="error, % of inter-ocular distance", ylabel="faces, %", xlim=(0, limit), ylim=(0, 100))
    return Figure(drawn.svg, task)

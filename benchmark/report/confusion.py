"""Confusion matrices of expression tasks: which class the faces of each class are taken for."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from benchmark.report.figures import drawing
from benchmark.report.parts import Figure, Folded, Gallery, Part, Section, Text
from benchmark.report.predicted import Labels, drawable, predictions_of
from benchmark.report.source import Row, Source

SHADES = LinearSegmentedColormap.from_list("shades", [(0.23, 0.51, 0.77, 0.0), (0.23, 0.51, 0.77, 1.0)])
MOST_CLASSES = 12  # whose numbers fit a cell


def section(source: Source) -> Section | None:
    """The section; None without an expression task."""
    tasks = source.tasks_of("classes")
    if not tasks:
        return None
    text = Text(
        "Each line is a true class, each column the class with the highest predicted probability; numbers are % of the "
        "test faces of the true class, over the faces of all seeds."
    )
    parts: list[Part] = [text]
    notes: list[str] = []
    for task, labels, rows in drawable(source, tasks, "matrices", notes):
        figures = []
        for row in rows:
            shares, missing = _shares(source, row, task, labels)
            notes += missing
            if shares is not None:
                figures.append(_figure(row.variant, f"confusion{tasks.index(task)}-{row.anchor}", shares, labels.names))
        if figures:
            parts.append(Folded(f"{task}: {len(figures)} rows", [Gallery(figures)]))
    return Section("confusion", "Confusion matrices", parts, notes)


def _shares(source: Source, row: Row, task: str, labels: Labels) -> tuple[NDArray[np.float64] | None, list[str]]:
    """(C, C) % of the faces of each true class that each class is predicted for; None without predictions."""
    predicted, notes = predictions_of(source, row, task, labels)
    if not predicted:
        return None, notes
    n = len(labels.names)
    counts = np.zeros((n, n))
    for each in predicted:
        np.add.at(counts, (labels.positive[each.rows].argmax(1), each.probabilities.argmax(1)), 1)
    totals = counts.sum(1, keepdims=True)
    return np.divide(100 * counts, totals, out=np.full_like(counts, np.nan), where=totals > 0), notes


def _figure(title: str, name: str, shares: NDArray[np.float64], labels: Sequence[str]) -> Figure:
    with drawing(name, (3.3, 3.0)) as drawn:
        n = len(labels)
        drawn.axes.pcolormesh(range(n), range(n), shares, cmap=SHADES, vmin=0, vmax=100, shading="nearest")
        for y, x in np.argwhere(shares > 0) if n <= MOST_CLASSES else ():
            drawn.axes.text(x, y, f"{shares[y, x]:.0f}", ha="center", va="center", fontsize=7.5)
        drawn.axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel="predicted", ylabel="true")
        drawn.axes.set_xticks(range(n), labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=7.5)
        drawn.axes.set_yticks(range(n), labels, fontsize=7.5)
        drawn.axes.grid(visible=False)
    return Figure(drawn.svg, title)

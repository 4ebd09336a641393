"""ROC curves of expression and action-unit tasks: averaged over classes or units, and of each."""

import numpy as np
from numpy.typing import NDArray

from benchmark.report.figures import SMALL, drawing
from benchmark.report.lines import Line, legend, lines_of
from benchmark.report.parts import Figure, Folded, Gallery, Part, Section, Text
from benchmark.report.predicted import Labels, Predicted, drawable, predictions_of
from benchmark.report.source import Row, Source

GRID = np.linspace(0, 1, 61)  # false positive rates at which curves are averaged
Curves = dict[str, NDArray[np.float64]]  # by a row's anchor, (C, len(GRID)); NaN for a class without both labels


def section(source: Source) -> Section | None:
    """The section; None without such a task."""
    tasks = source.tasks_of("classes", "aus")
    if not tasks:
        return None
    text = Text(
        "True against false positive rate on the test faces, averaged over classes or action units and over seeds: the "
        "area under a curve is the mean ROC AUC. The diagonal is chance."
    )
    averages: list[Figure] = []
    folded: list[Part] = []
    notes: list[str] = []
    drawn: dict[str, Row] = {}
    for task, labels, rows in drawable(source, tasks, "curves", notes):
        number = tasks.index(task)
        curves, missing = _curves(source, task, labels, rows)
        notes += missing
        drawn |= {row.anchor: row for row in rows if row.anchor in curves}
        if curves:
            lines = lines_of(source)
            mean = {anchor: np.nanmean(each, 0) for anchor, each in curves.items()}
            averages.append(_figure(f"{task}, average", f"roc{number}", mean, lines))
            each = [
                _figure(name, f"roc{number}-{i}", {anchor: curve[i] for anchor, curve in curves.items()}, lines)
                for i, name in enumerate(labels.names)
            ]
            folded.append(Folded(f"Each of {task}", [Gallery(each)]))
    key = legend(source, [row for row in source.rows if row.anchor in drawn])
    return Section("roc", "ROC curves", [text, key, Gallery(averages), *folded], notes)


def _curves(source: Source, task: str, labels: Labels, rows: list[Row]) -> tuple[Curves, list[str]]:
    """The curves of each row, averaged over seeds, and what cannot be read."""
    found, notes = {}, []
    for row in rows:
        predicted, missing = predictions_of(source, row, task, labels)
        notes += missing
        if predicted:
            found[row.anchor] = np.mean([_of_run(each, labels) for each in predicted], 0)
    return found, notes


def _of_run(predicted: Predicted, labels: Labels) -> NDArray[np.float64]:
    positive, known = labels.positive[predicted.rows], labels.known[predicted.rows]
    columns = range(len(labels.names))
    return np.stack([roc(predicted.probabilities[known[:, c], c], positive[known[:, c], c]) for c in columns])


def roc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """True positive rates at the false positive rates of `GRID`; NaN without a positive or a negative.

    Equal scores are one step of the curve, a straight line.
    """
    if positive.all() or not positive.any():
        return np.full(len(GRID), np.nan)
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    true_rate = np.append(0, np.cumsum(positive[order])[ends] / positive.sum())
    false_rate = np.append(0, np.cumsum(~positive[order])[ends] / (~positive).sum())
    curve: NDArray[np.float64] = np.interp(GRID, false_rate, true_rate)
    return curve


def _figure(title: str, name: str, curves: Curves, lines: dict[str, Line]) -> Figure:
    with drawing(name, SMALL) as drawn:
        drawn.axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        for anchor, curve in curves.items():
            drawn.axes.plot(GRID, curve, **lines[anchor].style)
        drawn.axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="false positive rate", ylabel="true positive rate")
    return Figure(drawn.svg, title)

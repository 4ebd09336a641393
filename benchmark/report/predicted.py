"""Predicted probabilities beside the true labels, for ROC curves and confusion matrices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import DataError, first_line
from benchmark.report.lines import rows_shown
from benchmark.report.source import Row, Source


@dataclass(frozen=True)
class Labels:
    """The labels of a task's test faces.

    Attributes:
        kind: ``classes`` or ``aus``.
        names: of the classes or action units.
        positive: (N, C) bool, for all faces of the set.
        known: (N, C) bool.
    """

    kind: str
    names: Sequence[str]
    positive: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Predicted:
    """Predictions of one run: ``probabilities`` (n, C) of the faces ``rows`` (n,) of the set."""

    probabilities: NDArray[Any]
    rows: NDArray[np.intp]


def labels_of(source: Source, task: str) -> Labels:
    """The labels of a task.

    Raises:
        DataError: its labelled set cannot be read, or has no such target.
    """
    target = source.labels(source.set_of(task)).targets.get(source.target_of(task))
    if target is None:
        raise DataError(f"{task}: its labelled set has no target {source.target_of(task)!r}")
    if target.kind == "classes":
        positive = target.values[:, None] == np.arange(len(target.names))
        known = np.repeat(target.known[:, None], len(target.names), 1)
    else:
        positive, known = target.values > 0.5, target.known
    return Labels(target.kind, target.names, positive, known)


def drawable(
    source: Source, tasks: Sequence[str], what: str, notes: list[str]
) -> Iterator[tuple[str, Labels, list[Row]]]:
    """Each task whose labels can be read, with them and the rows to draw; ``notes`` gets what is left out, and why.

    Args:
        source: the benchmark.
        tasks: their names.
        what: is drawn of a task, for the notes.
        notes: lines are appended.
    """
    for task in tasks:
        try:
            labels = labels_of(source, task)
        except DataError as error:
            notes.append(f"{task}: no {what}, since its labels cannot be read ({first_line(error)})")
            continue
        rows, left_out = rows_shown(source, [row for row in source.rows if source.of_row(row, task)])
        notes += left_out
        yield task, labels, rows


def predictions_of(source: Source, row: Row, task: str, labels: Labels) -> tuple[list[Predicted], list[str]]:
    """The predictions of each run of a row, and what cannot be read."""
    found, notes = [], []
    for record in source.of_row(row, task):
        try:
            arrays = source.per_image(record, "probabilities")
        except DataError as error:
            notes.append(first_line(error))
            continue
        probabilities, rows = arrays["probabilities"], arrays["rows"]
        if probabilities.shape != (len(rows), len(labels.names)) or max(rows, default=0) >= len(labels.known):
            notes.append(f"{row.variant}, seed {record['seed']}, {task}: predictions do not fit the labelled set")
            continue
        found.append(Predicted(probabilities, rows))
    return found, notes

"""Learning curves and curriculum windows, from the training logs of the runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.layout import METRICS
from benchmark.pipeline.benchmark_record import RunRecord
from benchmark.pipeline.left_out import listed
from benchmark.report.figures import INK, drawing
from benchmark.report.lines import MOST_ROWS, lines_of
from benchmark.report.parts import Figure, Gallery, Section, Text
from benchmark.report.source import Row, Source, evenly

POINTS = 200  # of a curve at most
Log = list[dict[str, Any]]


def section(source: Source) -> Section | None:
    """The section; None if nothing was trained."""
    groups = [(row, runs) for row in source.rows for runs in _groups(row)]
    logs = {run.run: _read(source.run_folder(run) / METRICS) for _, runs in groups for run in runs}
    trained = [(row, [run for run in runs if logs[run.run]]) for row, runs in groups]
    trained = [(row, runs) for row, runs in trained if runs]
    if not trained:
        return None
    shown, left = trained[: 2 * MOST_ROWS], trained[2 * MOST_ROWS :]
    colours = {anchor: line.colour for anchor, line in lines_of(source).items()}
    figures, windows = [], []
    for number, (row, runs) in enumerate(shown):
        of_runs = [logs[run.run] for run in runs]
        title = row.variant if row.kind != "ceiling" else f"{row.variant}: {', '.join(runs[0].tasks)}"
        figures.append(_losses(title, f"loss{number}", of_runs, colours[row.anchor]))
        if any("window_low" in line for log in of_runs for line in log):
            windows.append(_windows(title, f"window{number}", of_runs[0]))
    text = Text(
        "Loss over training steps: thin lines are training batches, thick lines with dots are validation on tracks of "
        "people that are not trained on; one of each for every seed. Losses of different methods measure different "
        "things, and are not comparable."
    )
    parts: list[Any] = [text, Gallery(figures)]
    if windows:
        parts += [
            Text(
                "Curriculum: the band of samples, in % by rank of their loss within the batch, that is trained on. It "
                "moves up at plateaus of the validation loss. Shown for the first seed."
            ),
            Gallery(windows),
        ]
    notes = [f"not drawn: {listed(dict.fromkeys(row.variant for row, _ in left))}"] if left else []
    return Section("training", "Learning curves", parts, notes)


def _groups(row: Row) -> Sequence[Sequence[RunRecord]]:
    """The runs of a row that minimise one loss: all, or those of each task, for a ceiling."""
    if row.kind != "ceiling":
        return [row.runs]
    groups: dict[tuple[str, ...], list[RunRecord]] = {}
    for run in row.runs:
        groups.setdefault(tuple(run.tasks), []).append(run)
    return [*groups.values()]


def _read(path: Path) -> Log:
    """The lines of a log that are whole; a run that was killed may have cut the last one short."""
    found = []
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("step"), int):
            found.append(entry)
    return found


def _curve(log: Log, name: str) -> tuple[list[int], list[float]]:
    """Steps and values of a scalar, thinned to `POINTS`."""
    known = [(line["step"], line[name]) for line in log if isinstance(line.get(name), int | float)]
    thinned = [known[i] for i in evenly(len(known), POINTS)]
    return [step for step, _ in thinned], [value for _, value in thinned]


def _losses(title: str, name: str, logs: Sequence[Log], colour: str) -> Figure:
    with drawing(name) as drawn:
        for log in logs:
            drawn.axes.plot(*_curve(log, "loss"), color=INK, alpha=0.4, linewidth=0.7)
            drawn.axes.plot(*_curve(log, "val_loss"), color=colour, marker="o", markersize=2.5)
        drawn.axes.set(xlabel="training step", ylabel="loss")
        drawn.axes.set_xlim(left=0)
    return Figure(drawn.svg, title)


def _windows(title: str, name: str, log: Log) -> Figure:
    steps, low = _curve(log, "window_low")
    _, high = _curve(log, "window_high")
    with drawing(name, (3.3, 1.8)) as drawn:
        drawn.axes.fill_between(steps, low, high, step="post", alpha=0.45, linewidth=0, color="#3b82c4")
        drawn.axes.set(xlabel="training step", ylabel="% by rank of loss", ylim=(0, 100))
    return Figure(drawn.svg, title)

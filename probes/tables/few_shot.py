"""Tables of few-shot probing: the headline metric of each row by the share of the labels that heads are fitted on."""

from collections.abc import Sequence
from dataclasses import replace

from .cells import Cell, Record, few_shot_metric
from .columns import Column, headline_column
from .table import Entry, Row, Table


def few_shot_column(record: Record, fraction: float) -> Column:
    """The column of one share of the labels of a task; of all labels, the usual score."""
    column = headline_column(record)
    return column if fraction == 1 else replace(column, metric=few_shot_metric(column.metric, fraction))


def few_shot_sizes(records: Sequence[Record]) -> dict[float, int]:
    """The train faces of each fraction that the records of one task have few-shot scores of, and of all; or none."""
    sizes = {part["fraction"]: part["n"]["train"] for record in records for part in record.get("few_shot", ())}
    return {**dict(sorted(sizes.items())), 1.0: records[0]["n"]["train"]} if sizes else {}


def few_shot_tables(name: str, probes: Sequence[Record], benchmark_cells: Sequence[Cell], head: str) -> list[Table]:
    """A table of each task that has few-shot scores.

    Args:
        name: of the benchmark.
        probes: its probe records.
        benchmark_cells: its cells.
        head: the probe head whose scores they are.
    """
    tasks: dict[str, list[Record]] = {}
    for record in sorted(probes, key=lambda each: each["task"]):
        tasks.setdefault(record["task"], []).append(record)
    return [
        _table(f"Few-shot: {task} ({name})", records, benchmark_cells, head)
        for task, records in tasks.items()
        if few_shot_sizes(records)
    ]


def few_shot_caption(records: Sequence[Record], head: str) -> str:
    """How the few-shot scores of a task were made, what their spread is over, and how many fits had too few labels."""
    draws = max(part["draws"] for record in records for part in record.get("few_shot", ()))
    test = records[0]["n"]["test"]
    lines = [
        f"The head {head} is fitted on a random share of the labelled train faces, makes its choices on the same share "
        f"of val, and is scored on all {test:,} test faces. Mean ± standard deviation over seeds and {draws} draws of "
        "faces, which are the same for every row; of all labels, over seeds. It is not an interval over test people, "
        "and no order of rows is tested."
    ]
    notes = {
        f"{100 * part['fraction']:g} % of the labels, {record['variant']}: {note}"
        for record in records
        for part in record.get("few_shot", ())
        for name, fitted in part["heads"].items()
        if name == head
        for note in fitted["notes"]
    }
    return " ".join([*lines, *(f"{note}." for note in sorted(notes))])


def _table(title: str, records: Sequence[Record], benchmark_cells: Sequence[Cell], head: str) -> Table:
    sizes = few_shot_sizes(records)
    columns = [few_shot_column(records[0], fraction) for fraction in sizes]
    by_key = {
        (cell["kind"], cell["variant"], cell["metric"]): cell
        for cell in benchmark_cells
        if cell["task"] == records[0]["task"]
    }
    rows = dict.fromkeys((cell["kind"], cell["variant"]) for cell in benchmark_cells if cell["kind"] != "published")
    return Table(
        f"{title}, {columns[0].measure}",
        few_shot_caption(records, head),
        [f"{100 * fraction:g} % ({n:,} face{'s' * (n != 1)})" for fraction, n in sizes.items()],
        [Row(*row, [_entry(column, by_key.get((*row, column.metric))) for column in columns]) for row in rows],
    )


def _entry(column: Column, cell: Cell | None) -> Entry:
    if cell is None or cell["mean"] is None:
        return Entry()
    spread = "" if cell["std"] is None else f" ± {column.show(cell['std'])}"
    return Entry(f"{column.show(cell['mean'])}{spread}")

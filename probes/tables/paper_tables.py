"""The four tables of Wiles, Koepke and Zisserman (BMVC 2018), in their shape, for the runs at hand.

The paper's columns stand in the paper's order, of the sets that a benchmark has: landmarks of 300-W and MAFL, head pose
of AFLW, action units of EmotioNet, expressions of AffectNet. Published rows stand in a block below the measured ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .budget import budget_caption
from .cells import Record, RowName
from .claims import AllSeries, claims_of
from .columns import Column, task_columns
from .encoders import dimensions, encoder_caption
from .full_tables import BenchmarkCells, benchmarks_of, head_caption, published_caption, split_sizes, table_of
from .other_heads import capped, disagreements
from .published import Published
from .table import Table

TABLES = {  # title, the labelled sets in the order of the columns, and what they are called there
    "Table 2, landmarks": {"w300": "300-W", "mafl": "MAFL"},
    "Table 2, head pose": {"aflw": "AFLW"},
    "Table 3, action units": {"emotionet": "EmotioNet"},
    "Table 4, expressions": {"affectnet": "AffectNet"},
}
KINDS = {"w300": "landmarks", "mafl": "landmarks", "aflw": "pose", "emotionet": "aus", "affectnet": "classes"}


def paper_tables(
    probes: Iterable[Record],
    costs: Iterable[Record] = (),
    *,
    head: str = "linear",
    expected: Iterable[RowName] = (),
    budget: str = "steps",
    published: Published | None = None,
    series: AllSeries | None = None,
    reference: str | None = None,
) -> list[Table]:
    """Return the paper's tables of which a benchmark among the records has a set; arguments as in `full_tables.tables`.

    Raises:
        RecordError: see `cells`.
    """
    return [
        _table(title, tasks, benchmark, head, budget, series or {}, reference)
        for benchmark in benchmarks_of(probes, costs, head, expected, published or Published())
        for title, sets in TABLES.items()
        if (tasks := _tasks(benchmark, sets))
    ]


def _tasks(benchmark: BenchmarkCells, sets: Iterable[str]) -> dict[str, list[Record]]:
    """The records of each task of a table, in its order."""
    tasks: dict[str, list[Record]] = {}
    for name in sets:
        for record in sorted(benchmark.probes, key=lambda each: each["task"]):
            if _set_of(record) == name and record["target_kind"] == KINDS[name]:
                tasks.setdefault(record["task"], []).append(record)
    return tasks


def _set_of(record: Record) -> str:
    return str(record.get("set", {}).get("protocol", {}).get("reader"))


def _table(
    title: str,
    tasks: dict[str, list[Record]],
    benchmark: BenchmarkCells,
    head: str,
    budget: str,
    series: AllSeries,
    reference: str | None,
) -> Table:
    columns = [column for records in tasks.values() for column in _columns(records, TABLES[title])]
    caption = [head_caption(tasks.values(), head), *map(split_sizes, tasks.values())]
    caption += encoder_caption(record for records in tasks.values() for record in records)
    caption += budget_caption(budget, benchmark.costs)
    for records in tasks.values():
        caption += disagreements(task_columns(records, False)[0], records, head, benchmark.cells)
        caption += capped(records)
    caption += [line for task in tasks for line in published_caption(benchmark, task)]
    claims = claims_of(columns, benchmark.cells, series, reference=reference)
    names = " and ".join(dict.fromkeys(TABLES[title][_set_of(records[0])] for records in tasks.values()))
    heading = f"{title} of {names} ({benchmark.name})"
    made = table_of(heading, columns, caption, benchmark.cells, benchmark.unsure, claims)
    return made.with_dimensions(dimensions(cell for cell in benchmark.cells if cell["task"] in tasks))


def _columns(records: Sequence[Record], names: dict[str, str]) -> list[Column]:
    """The columns of one task: of landmarks the error, else each angle, unit or class and then their mean."""
    columns = {column.metric: column for column in task_columns(records, False)}
    if records[0]["target_kind"] == "landmarks":
        return [replace(columns["error"], label=names[_set_of(records[0])])]
    first = next(iter(columns))
    parts = [f"{first}_{name}" if f"{first}_{name}" in columns else name for name in records[0]["names"]]
    return [columns[metric] for metric in (*parts, first)]

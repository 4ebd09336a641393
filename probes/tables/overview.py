"""The first table of a benchmark: a row a method, a column a task, what is shown of each, and what the rows cost.

A cell is the mean of the task's headline metric over seeds and the half width of its 95 % interval over seeds and test
people (`statistics`). Marks and sentences follow from paired tests (`claims`). Records of before that hold no values
without each test person have means and standard deviations over seeds, and no tests.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .cells import COST, Cell, Record
from .claims import AllSeries, ColumnClaims, TableClaims, Verdict, claims_of
from .columns import TITLES, Column, headline_column, title_of
from .marks import Mark, mark_of
from .sentences import sentence


@dataclass(frozen=True)
class Score:
    """A cell of the overview.

    Attributes:
        mean: over seeds; None if there is no score.
        half_width: of the 95 % interval over seeds and test people; None if it is not known.
        deviation: standard deviation over seeds; None with fewer than two.
        seeds: how many.
        verdict: what is shown of it beside the reference of its column; None for a row that is not compared.
        is_reference: whether the others of its column are compared with it.
        mark: how tables mark it.
    """

    mean: float | None = None
    half_width: float | None = None
    deviation: float | None = None
    seeds: int = 0
    verdict: Verdict | None = None
    is_reference: bool = False
    mark: Mark = Mark.NONE


@dataclass(frozen=True)
class TaskColumn:
    """A column of the overview.

    Attributes:
        column: task, headline metric, unit, direction and how values are printed.
        title: of the task, such as ``Head pose``; with the task's name where several have that title.
        people: number of test people, or of images where people are not known; None if that is not known.
        faces: number of test faces.
        claims: the tests; None if no test was possible.
        sentence: what is shown, in words.
    """

    column: Column
    title: str
    people: int | None
    faces: int
    claims: ColumnClaims | None
    sentence: str


@dataclass(frozen=True)
class OverviewRow:
    """A row of the overview: its scores in the order of the columns, and its cost.

    Attributes:
        kind: of the row, one of `cells.KINDS`.
        variant: its name.
        scores: one for each column.
        seconds: of training, mean over runs; None if not measured or not trained.
        flops: floating-point operations of training, likewise.
    """

    kind: str
    variant: str
    scores: tuple[Score, ...]
    seconds: float | None
    flops: float | None


@dataclass(frozen=True)
class Overview:
    """The overview of one benchmark.

    Attributes:
        benchmark: its name.
        columns: one for each task.
        rows: floors, methods, pretrained rows and ceilings.
        seeds: the largest number of seeds of a row.
        claims: how many claims the tests were corrected for; 0 if no test was possible.
        one_run: whether a difference is shown of rows of one seed, so of these networks and not of the methods.
        reference: the row chosen for comparison; None: the best mean of each column.
    """

    benchmark: str
    columns: tuple[TaskColumn, ...]
    rows: tuple[OverviewRow, ...]
    seeds: int
    claims: int
    one_run: bool
    reference: str | None

    @property
    def sentences(self) -> list[str]:
        """What is shown of each task, in words."""
        return [each.sentence for each in self.columns]

    @property
    def tested(self) -> bool:
        """Whether any column has a test."""
        return any(each.claims is not None for each in self.columns)


def overview_of(
    benchmark: str,
    probes: Sequence[Record],
    cells: Sequence[Cell],
    series: AllSeries,
    *,
    reference: str | None = None,
) -> Overview:
    """The overview of one benchmark.

    Args:
        benchmark: its name.
        probes: its probe records.
        cells: its cells.
        series: its scores with their values without each test person, by kind, variant, task and metric.
        reference: row that methods are compared with; None: the best mean of each column.
    """
    tasks = by_task(probes)
    columns = [headline_column(records[0]) for records in tasks.values()]
    claims = claims_of(columns, cells, series, reference=reference, floors=True)
    titles = _titles(tasks)
    task_columns = [
        TaskColumn(
            column,
            titles[task],
            _people(column, series),
            max(record["n"]["test"] for record in tasks[task]),
            claims.columns.get(index),
            sentence(titles[task], claims.columns.get(index)),
        )
        for index, (task, column) in enumerate(zip(tasks, columns, strict=True))
    ]
    by_key = {(cell["kind"], cell["variant"], cell["task"], cell["metric"]): cell for cell in cells}
    names = dict.fromkeys((cell["kind"], cell["variant"]) for cell in cells if cell["kind"] != "published")
    rows = [
        OverviewRow(
            kind,
            variant,
            tuple(
                _score(by_key.get((kind, variant, column.task, column.metric)), series, claims, index, column)
                for index, column in enumerate(columns)
            ),
            _mean(by_key.get((kind, variant, COST, "train_seconds"))),
            _mean(by_key.get((kind, variant, COST, "flops"))),
        )
        for kind, variant in names
    ]
    seeds = max((score.seeds for row in rows for score in row.scores), default=0)
    return Overview(benchmark, tuple(task_columns), tuple(rows), seeds, claims.claims, claims.one_run, reference)


def headlines(probes: Iterable[Record]) -> set[tuple[str, str]]:
    """The tasks with their headline metrics."""
    columns = [headline_column(records[0]) for records in by_task(probes).values()]
    return {(column.task, column.metric) for column in columns}


def by_task(probes: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by task: kinds of task in the order of `columns.TITLES`, and tasks of a kind by name."""
    tasks: dict[str, list[Record]] = {}
    order = list(TITLES)
    for record in sorted(probes, key=lambda each: (order.index(each["target_kind"]), each["task"])):
        tasks.setdefault(record["task"], []).append(record)
    return tasks


def _titles(tasks: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """The title of each task, with its name where several have that title."""
    titles = [title_of(records[0]) for records in tasks.values()]
    return {
        task: title if titles.count(title) == 1 else f"{title}, {task}"
        for task, title in zip(tasks, titles, strict=True)
    }


def _people(column: Column, series: AllSeries) -> int | None:
    units = [each.without.shape[1] for key, each in series.items() if key[2:] == (column.task, column.metric)]
    return max(units, default=None)


def _score(cell: Cell | None, series: AllSeries, claims: TableClaims, index: int, of_task: Column) -> Score:
    if cell is None or cell["mean"] is None:
        return Score()
    row = (cell["kind"], cell["variant"])
    of_row = series.get((*row, cell["task"], cell["metric"]))
    estimate = of_row.estimate if of_row is not None else None
    column = claims.columns.get(index)
    return Score(
        cell["mean"],
        estimate.half_width() if estimate is not None and estimate.known else None,
        cell["std"],
        cell["n_seeds"],
        column.verdict(*row) if column else None,
        column is not None and column.reference == row,
        mark_of(cell, index, of_task, claims),
    )


def _mean(cell: Cell | None) -> float | None:
    return cell["mean"] if cell is not None else None

"""Tables of a benchmark from its records: landmarks, pose, expression, action units, cost.

Rows are grouped by kind (floors, methods, pretrained, ceilings, published) and sorted by name within each. Methods are
marked by what is shown of them (`claims`). A missing value is shown as `GAP`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..target import RETRIEVAL
from .budget import budget_caption, cost_caption
from .cells import Cell, Record, RowName, cells, head_used
from .chance import chance_caption
from .claims import AllSeries, TableClaims, claims_of
from .columns import (
    COST_COLUMNS,
    NEITHER,
    TITLES,
    Column,
    common_measure,
    further_columns,
    task_columns,
    title_of,
)
from .encoders import dimensions, encoder_caption
from .few_shot import few_shot_tables
from .leakage import leakage_caption, leakage_columns
from .marks import Mark, mark_of
from .other_heads import capped, cells_of_others, columns_of_others, disagreements
from .published import GAP as GAP_METRIC
from .published import Published, sources_of, with_published
from .table import Entry, Row, Table

NO_CLAIMS = TableClaims({}, 0)
HEAD_DESCRIPTIONS = {  # of records that have no title of their own
    "exact": "linear, solved exactly",
    "linear": "linear, trained by Adam",
    "mean": "the training mean",
    "identity": "its own outputs",
}


def tables(
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
    """Return every table of every benchmark among the records; arguments as in `cells`.

    All landmark tasks share one table, every other task has one of its own, and the cost table comes last. The other
    heads have a column each; where they order methods differently, the caption says so. ``budget`` is what rows were
    given the same amount of, which every caption states (`budget.MEASURES`). With ``published`` figures, those of a
    task stand below its measured rows, and the gaps to them in a table of their own. ``series``, of one benchmark, are
    what methods are tested by, beside ``reference`` or the best mean of each column (`claims.claims_of`).

    Raises:
        RecordError: see `cells`.
    """
    result = []
    for benchmark in benchmarks_of(probes, costs, head, expected, published or Published()):
        gaps = []
        for title, members in _tables_of_tasks(benchmark.probes):
            several = len(members) > 1
            columns = [column for task in members.values() for column in _columns(task, several, title, head)]
            columns += [column for task in members.values() for column in leakage_columns(task, benchmark.probes)]
            caption = [head_caption(members.values(), head), *map(split_sizes, members.values())]
            caption += encoder_caption(record for records in members.values() for record in records)
            caption += budget_caption(budget, benchmark.costs)
            for task in members.values():
                caption += disagreements(task_columns(task, several)[0], task, head, benchmark.cells)
                caption += capped(task)
                caption += leakage_caption(task, benchmark.probes)
                caption += chance_caption(task)
            caption += [line for task in members for line in published_caption(benchmark, task)]
            claims = claims_of(columns, benchmark.cells, series or {}, reference=reference)
            heading = f"{title} ({benchmark.name})"
            made = table_of(heading, columns, caption, benchmark.cells, benchmark.unsure, claims)
            result.append(made.with_dimensions(dimensions(cell for cell in benchmark.cells if cell["task"] in members)))
            gaps += _gap_columns(columns, benchmark.cells)
        result += few_shot_tables(benchmark.name, benchmark.probes, benchmark.cells, head)
        if gaps:
            cells_of_gaps = [cell for cell in benchmark.cells if cell["metric"].startswith(GAP_METRIC)]
            caption = ["Measured minus published, where set, protocol, split and head are the same."]
            result.append(table_of(f"Gap to published figures ({benchmark.name})", gaps, caption, cells_of_gaps))
        if benchmark.costs:
            result.append(
                table_of(
                    f"Cost ({benchmark.name})", COST_COLUMNS, cost_caption(benchmark.costs, budget), benchmark.cells
                )
            )
    return result


@dataclass(frozen=True)
class BenchmarkCells:
    name: str
    probes: list[Record]
    costs: list[Record]
    cells: list[Cell]
    published: Published
    refused: Mapping[str, list[str]]  # by task, the published figures that no gap is computed to

    @property
    def unsure(self) -> set[tuple[str, str]]:
        """Published rows and tasks whose figures are unsure."""
        return {
            (figure.row, record["task"])
            for record in self.probes
            for figure in self.published.beside(record)
            if figure.confidence == "unsure"
        }


def benchmarks_of(
    probes: Iterable[Record],
    costs: Iterable[Record],
    head: str,
    expected: Iterable[RowName],
    published: Published,
) -> Iterator[BenchmarkCells]:
    """Records and cells of each benchmark, by name; a benchmark without records is left out."""
    probes, costs, expected = list(probes), list(costs), list(expected)
    for name in sorted({record["benchmark"] for record in [*probes, *costs]}):
        own_probes = [record for record in probes if record["benchmark"] == name]
        own_costs = [record for record in costs if record["benchmark"] == name]
        rows = [row for row in expected if row[0] == name]
        measured = cells(own_probes, own_costs, head=head, expected=rows)
        all_cells, refused = with_published(measured, own_probes, published, head)
        all_cells += cells_of_others(own_probes, head)
        yield BenchmarkCells(name, own_probes, own_costs, all_cells, published, refused)


def _columns(records: Sequence[Record], several: bool, title: str, head: str) -> list[Column]:
    """Every column of one task: its metrics, its first metric by the other heads, and further metrics by all heads."""
    columns = task_columns(records, several)
    further = further_columns(records, title == TITLES["landmarks"]) if records[0]["target_kind"] != RETRIEVAL else []
    of_others = [other for column in further for other in columns_of_others(column, records, head)]
    return [*columns, *columns_of_others(columns[0], records, head), *further, *of_others]


def _tables_of_tasks(records: Iterable[Record]) -> list[tuple[str, dict[str, list[Record]]]]:
    """Title of each table and its records by task."""
    tasks: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda each: each["task"]):
        tasks.setdefault(record["task"], []).append(record)
    by_kind = {kind: {t: r for t, r in tasks.items() if r[0]["target_kind"] == kind} for kind in TITLES}
    landmarks = by_kind.pop("landmarks")
    result = [(TITLES["landmarks"], landmarks)] if landmarks else []
    for members in by_kind.values():
        result += [(f"{title_of(records[0])}: {task}", {task: records}) for task, records in members.items()]
    return result


def published_caption(benchmark: BenchmarkCells, task: str) -> list[str]:
    """Where the published figures of a task come from, what was not found, and why gaps are not computed."""
    record = next(record for record in benchmark.probes if record["task"] == task)
    figures = benchmark.published.beside(record)
    caption = []
    if sources := sources_of(figures):
        caption.append(f"Published for {task}: {'; '.join(sources)}.")
    if any(figure.confidence == "unsure" for figure in figures):
        caption.append("(?): unsure, read at second hand or in a text conversion.")
    if missing := benchmark.published.missing(record):
        caption.append(f"Not found: {'; '.join(missing)}.")
    if refused := benchmark.refused.get(task):
        caption.append(f"No gap is computed to {'; '.join(refused)}.")
    return caption


def _gap_columns(columns: Sequence[Column], benchmark_cells: Sequence[Cell]) -> list[Column]:
    """For each of these columns, the columns of gaps to published figures of the same task and metric."""
    metrics = dict.fromkeys((cell["task"], cell["metric"]) for cell in benchmark_cells)
    return [
        Column(task, metric, f"{task}, {row}: {column.label}", column.unit, NEITHER, _signed(column.show))
        for column in columns
        for task, metric in metrics
        for row in [metric.removeprefix(GAP_METRIC).removesuffix(f": {column.metric}")]
        if task == column.task and metric == f"{GAP_METRIC}{row}: {column.metric}"
    ]


def _signed(show: Callable[[float], str]) -> Callable[[float], str]:
    return lambda value: f"+{show(value)}" if value > 0 else show(value)


def table_of(
    title: str,
    columns: Sequence[Column],
    caption: list[str],
    benchmark_cells: Sequence[Cell],
    unsure: Collection[tuple[str, str]] = (),
    claims: TableClaims = NO_CLAIMS,
) -> Table:
    by_key = {(cell["kind"], cell["variant"], cell["task"], cell["metric"]): cell for cell in benchmark_cells}
    rows = dict.fromkeys((cell["kind"], cell["variant"]) for cell in benchmark_cells)
    grid = {row: [by_key.get((*row, column.task, column.metric)) for column in columns] for row in rows}
    grid = {row: entries for row, entries in grid.items() if row[0] != "published" or any(entries)}
    seed_counts = {cell["n_seeds"] for entries in grid.values() for cell in entries if cell and cell["n_seeds"]}
    seeds = max(seed_counts, default=0)
    table_rows = [
        Row(
            kind,
            variant,
            [
                _entry(column, cell, seeds, unsure, mark_of(cell, index, column, claims) if cell else Mark.NONE)
                for index, (column, cell) in enumerate(zip(columns, entries, strict=True))
            ],
        )
        for (kind, variant), entries in grid.items()
    ]
    spread = "Mean ± standard deviation over " if seeds > 1 else "From "
    caption = [*caption, f"{spread}{seeds} seed{'s' * (seeds != 1)}."]
    if len(seed_counts) > 1:
        caption.append("In brackets: the number of seeds where it is smaller; a deterministic row needs only one.")
    common = common_measure(columns)
    return Table(
        f"{title}, {common}" if common else title,
        " ".join(caption),
        [column.heading(common) for column in columns],
        table_rows,
        claims,
    )


def _entry(column: Column, cell: Cell | None, seeds: int, unsure: Collection[tuple[str, str]], mark: Mark) -> Entry:
    if cell is None or cell["mean"] is None:
        return Entry()
    mean = column.show(cell["mean"])
    if cell["kind"] == "published":
        return Entry(f"{mean} (?)" if (cell["variant"], cell["task"]) in unsure else mean)
    constant = column.better == NEITHER and cell["std"] == 0  # a count that is the same for every seed
    spread = "" if cell["std"] is None or constant else f" ± {column.show(cell['std'])}"
    fewer = f" ({cell['n_seeds']})" if cell["n_seeds"] < seeds else ""
    return Entry(f"{mean}{spread}{fewer}", mark)


def head_caption(tasks: Iterable[Sequence[Record]], head: str) -> str:
    """The head of the table's scores, and the variants that use a fallback head."""
    every = [record for records in tasks for record in records]
    records = [record for record in every if record["target_kind"] != RETRIEVAL]
    if not records:
        return f"Head: none; {_head_title(every, RETRIEVAL)}."
    fallbacks: dict[str, set[str]] = {}
    for record in records:
        used = head_used(record, head)
        if used not in (None, head):
            fallbacks.setdefault(str(used), set()).add(record["variant"])
    exceptions = "; ".join(
        f"{', '.join(sorted(variants))}: {_head_title(records, used)}" for used, variants in sorted(fallbacks.items())
    )
    title = _head_title(records, head)
    return f"Head: {title} ({exceptions})." if exceptions else f"Head: {title}."


def _head_title(records: Iterable[Record], head: str) -> str:
    """What a head is: as its records say, or for older records as `HEAD_DESCRIPTIONS` does."""
    titles = (record["heads"][head].get("title") for record in records if head in record["heads"])
    return next(filter(None, titles), None) or HEAD_DESCRIPTIONS.get(head, head)


def split_sizes(records: Sequence[Record]) -> str:
    """Numbers of train, val and test faces of a task; a warning if they differ between rows."""
    sizes = sorted({tuple(record["n"][name] for name in ("train", "val", "test")) for record in records})
    text = " or ".join("/".join(f"{n:,}" for n in size) for size in sizes)
    warning = "" if len(sizes) == 1 else "; SIZES DIFFER BETWEEN ROWS, which are not comparable"
    return f"{records[0]['task']}: {text} train/val/test faces{warning}."

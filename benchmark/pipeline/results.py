"""Tables of a benchmark from what its runs left on disk. Nothing is computed anew; no encoder or data are needed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

from benchmark.errors import DataError, UsageError, first_line, suggestion
from benchmark.files import atomic, write_text
from benchmark.layout import COST, TABLES, scores_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord
from benchmark.pipeline.left_out import code_versions, comparable, without_scores
from benchmark.pipeline.lengths import lengths_of_training
from benchmark.pipeline.records import read_cost, read_scores
from benchmark.pipeline.series import read_series
from probes.tables.budget_views import budget_view_tables
from probes.tables.cells import Cell, RecordError, RowName, cells
from probes.tables.claims import Key
from probes.tables.comparison import Series
from probes.tables.formats import as_csv, as_json, as_markdown, as_text
from probes.tables.full_tables import tables
from probes.tables.html import as_html, html_page
from probes.tables.intervals import with_intervals
from probes.tables.latex import latex_tables
from probes.tables.other_heads import BY, other_heads
from probes.tables.overview import Overview, headlines, overview_of
from probes.tables.overview_table import WIDTH, overview_table
from probes.tables.paper_tables import paper_tables
from probes.tables.published import Published, PublishedError, load, with_published
from probes.tables.ranking import ranking_of, ranking_sentence
from probes.tables.table import Table

FILES = {  # in the folder of tables
    "md": "tables.md",
    "html": "tables.html",
    "tex": "tables.tex",
    "csv": "cells.csv",
    "json": "cells.json",
}

FORMATTERS: dict[str, Callable[[list[Table]], str]] = {
    "text": as_text,
    "md": as_markdown,
    "html": as_html,
    "tex": latex_tables,
    "tex2": partial(latex_tables, two_column=True),
}
CELLS = {"csv": as_csv, "json": as_json}
FORMATS = (*FORMATTERS, *CELLS)


def write_tables(folder: Path, head: str) -> None:
    """Writes a benchmark's tables of one probe head, in every format, to ``folder/tables``."""
    benchmark = BenchmarkRecord.read(folder)
    made, notes = _tabulate(folder, head, benchmark)
    cells_of_all = read_cells(folder, head, benchmark)
    for form, name in FILES.items():
        text = CELLS[form](cells_of_all).rstrip() if form in CELLS else _formatted(form, made, notes, benchmark)
        write_text(folder / TABLES / name, text + "\n")


def render(
    folder: Path,
    form: str,
    head: str,
    benchmark: BenchmarkRecord | None = None,
    *,
    full: bool = True,
    paper: bool = False,
    reference: str | None = None,
) -> str:
    """A benchmark's tables of one probe head.

    Args:
        folder: of the benchmark.
        form: one of `FORMATS`; JSON is a list of cells, CSV a line for each, tex2 LaTeX for two columns.
        head: name of the probe head.
        benchmark: the part of the benchmark to tabulate; default: all of it.
        full: whether all tables follow the overview.
        paper: in place of these, the tables of the FAb-Net paper.
        reference: row that methods are compared with; None: that of the launch, or the best mean of each column.

    Raises:
        UsageError: no such benchmark or row.
        DataError: a record that cannot be read.
    """
    benchmark = benchmark or BenchmarkRecord.read(folder)
    if form in CELLS:
        return CELLS[form](read_cells(folder, head, benchmark)).rstrip()
    made, notes = _tabulate(folder, head, benchmark, full=full, paper=paper, reference=reference)
    return _formatted(form, made, notes, benchmark)


def _tabulate(
    folder: Path,
    head: str,
    benchmark: BenchmarkRecord,
    *,
    full: bool = True,
    paper: bool = False,
    reference: str | None = None,
) -> tuple[list[Table], list[str]]:
    """The tables, and the notes above them; arguments as in `render`."""
    written = _read_probes(folder, benchmark)
    probes, left_out = comparable(written, benchmark.sets)
    costs = _read_costs(folder, benchmark)
    make = make_paper_tables if paper else partial(make_tables, full=full)
    made = make(folder, head, benchmark, probes, costs, reference=reference)
    left_out += [*without_scores(folder, benchmark, written), *code_versions(folder, benchmark)]
    return made, "\n".join(filter(None, [notes_of(benchmark), *left_out])).splitlines()


def _formatted(form: str, made: list[Table], notes: list[str], benchmark: BenchmarkRecord) -> str:
    """Tables in one of `FORMATTERS`, below the notes."""
    text = FORMATTERS[form](made).rstrip()
    if form == "html":
        return html_page(benchmark.benchmark, notes, text)
    if form in ("tex", "tex2"):
        return "".join(f"% {line}\n" for line in notes) + text
    if form == "text":
        notes = [fill(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in notes]
    return "\n".join([*notes, *([""] if notes else []), text])


def write_parquet(path: Path, folder: Path, head: str, benchmark: BenchmarkRecord) -> None:
    """Writes every cell of a benchmark's tables as a Parquet file, a line each; other arguments as in `render`."""
    import pandas as pd

    frame = pd.DataFrame(read_cells(folder, head, benchmark), columns=list(Cell.__annotations__))
    with atomic(path) as temporary:
        frame.to_parquet(temporary, index=False)


def read_cells(folder: Path, head: str, benchmark: BenchmarkRecord | None = None) -> list[Cell]:
    """Every cell of a benchmark's tables, published ones included; arguments and errors as in `render`."""
    benchmark = benchmark or BenchmarkRecord.read(folder)
    probes, costs = read_probes(folder, benchmark), _read_costs(folder, benchmark)
    series = read_series(folder.parent, probes, head)
    try:
        measured = cells(probes, costs, head=head, expected=_rows(benchmark))
        return with_intervals(with_published(measured, probes, _published(), head)[0], series)
    except RecordError as error:
        raise DataError(f"{folder}: {first_line(error)}") from error


def make_overview(
    folder: Path,
    head: str,
    benchmark: BenchmarkRecord,
    probes: list[dict[str, Any]],
    costs: list[dict[str, Any]],
    reference: str | None = None,
) -> Overview:
    """The first table, as data: scores with intervals, marks, and a sentence for each task.

    Arguments and errors as in `make_tables`.
    """
    series = read_series(folder.parent, probes, head, headlines(probes))
    try:
        made = cells(probes, costs, head=head, expected=_rows(benchmark))
        return overview_of(benchmark.benchmark, probes, made, series, reference=reference_row(benchmark, reference))
    except RecordError as error:
        raise DataError(f"{folder}: {first_line(error)}") from error


def make_tables(
    folder: Path,
    head: str,
    benchmark: BenchmarkRecord,
    probes: list[dict[str, Any]],
    costs: list[dict[str, Any]],
    *,
    full: bool = True,
    reference: str | None = None,
) -> list[Table]:
    """The overview and, if asked for, all other tables, of these records; other arguments and errors as in `render`."""
    if not probes and not costs:
        return []
    reference = reference_row(benchmark, reference)
    series = read_series(folder.parent, probes, head, None if full else headlines(probes))
    if full:
        series |= _series_of_other_heads(folder, probes, head)
    budget = _budget(benchmark)
    expected = _rows(benchmark)
    try:
        made = cells(probes, costs, head=head, expected=expected)
        first = overview_of(benchmark.benchmark, probes, made, series, reference=reference)
        shown = [overview_table(first, probes, costs, made, head=head, budget=budget)] if probes else []
        if full:
            shown = [replace(each, sentences=[*each.sentences, *_ranking(first, benchmark)]) for each in shown]
            shown += tables(
                probes,
                costs,
                head=head,
                expected=expected,
                budget=budget,
                published=_published(),
                series=series,
                reference=reference,
            )
            families = lengths_of_training(folder, benchmark, costs)
            shown += budget_view_tables(benchmark.benchmark, families, probes, costs, made)
    except RecordError as error:
        raise DataError(f"{folder}: {first_line(error)}") from error
    return _with_origins(shown, benchmark)


def make_paper_tables(
    folder: Path,
    head: str,
    benchmark: BenchmarkRecord,
    probes: list[dict[str, Any]],
    costs: list[dict[str, Any]],
    *,
    reference: str | None = None,
) -> list[Table]:
    """The tables of the FAb-Net paper of these records; arguments as in `render`.

    Raises:
        UsageError: no such row, or a benchmark without any of the paper's sets.
        DataError: records that cannot be combined.
    """
    try:
        made = paper_tables(
            probes,
            costs,
            head=head,
            expected=_rows(benchmark),
            budget=_budget(benchmark),
            published=_published(),
            series=read_series(folder.parent, probes, head),
            reference=reference_row(benchmark, reference),
        )
    except RecordError as error:
        raise DataError(f"{folder}: {first_line(error)}") from error
    if not made:
        raise UsageError(
            f"{benchmark.benchmark} has no scores on a set of the paper's tables, 300-W, MAFL, AFLW, EmotioNet and "
            "AffectNet; preset=paper has all of them"
        )
    return _with_origins(made, benchmark)


def _budget(benchmark: BenchmarkRecord) -> str:
    """What the rows of a benchmark were given the same amount of."""
    return str(benchmark.config.get("train", {}).get("budget", "steps"))


def _ranking(overview: Overview, benchmark: BenchmarkRecord) -> list[str]:
    """A sentence on the ranking over labelled sets, if the data carry one."""
    ranking = ranking_of(overview, sets_of_tasks(benchmark))
    return [ranking_sentence(ranking)] if ranking is not None and ranking.shown else []


def sets_of_tasks(benchmark: BenchmarkRecord) -> dict[str, str]:
    """The labelled set of each task; where older records do not tell, a task has its own."""
    tasks = benchmark.config.get("task", {})
    return {task: tasks.get(task, {}).get("set") or task for task in benchmark.tasks}


def _series_of_other_heads(folder: Path, probes: list[dict[str, Any]], head: str) -> dict[Key, Series]:
    """The series of headline metrics by the heads that have a column each."""
    found: dict[Key, Series] = {}
    for other in other_heads(probes, head):
        of_head = [record for record in probes if other in record["heads"]]
        for (kind, variant, task, metric), each in read_series(
            folder.parent, of_head, other, headlines(of_head)
        ).items():
            found[kind, variant, task, f"{metric}{BY}{other}"] = each
    return found


def reference_row(benchmark: BenchmarkRecord, typed: str | None) -> str | None:
    """The row that methods are compared with: as typed, else as at the launch if it is among the rows.

    Raises:
        UsageError: the typed row is not among the rows.
    """
    rows = {variant for _, _, variant in _rows(benchmark)}
    if typed is not None and typed not in rows:
        raise UsageError(f"tables.reference={typed} is no row of these tables{suggestion(typed, rows)}")
    launched = benchmark.config.get("tables", {}).get("reference")
    return typed or (launched if launched in rows else None)


def notes_of(benchmark: BenchmarkRecord) -> str:
    """The benchmark's note and the warnings about its data, a line each."""
    notes = [benchmark.note] if benchmark.note else []
    return "\n".join([*notes, *(f"Warning: {line}" for line in benchmark.warnings)])


def _with_origins(made: list[Table], benchmark: BenchmarkRecord) -> list[Table]:
    """The tables; the captions of those with pretrained rows say what each of these was trained on."""
    seen = {run.variant: run.trained_on for run in benchmark.runs if run.trained_on}
    note = "".join(f" {row} was trained elsewhere, on: {text}." for row, text in sorted(seen.items()))
    return [
        replace(table, caption=table.caption + note)
        if any(row.kind == "pretrained" and row.variant in seen for row in table.rows)
        else table
        for table in made
    ]


def _published() -> Published:
    """The published figures.

    Raises:
        DataError: their file was edited and is broken.
    """
    try:
        return load()
    except PublishedError as error:
        raise DataError(first_line(error)) from error


def _rows(benchmark: BenchmarkRecord) -> list[RowName]:
    """The rows of a benchmark's tables, whether they have results yet or not."""
    rows = [(benchmark.benchmark, run.kind, run.variant) for run in benchmark.runs]
    return rows + [(benchmark.benchmark, "pretrained", name) for name in benchmark.absent]


def read_probes(folder: Path, benchmark: BenchmarkRecord) -> list[dict[str, Any]]:
    """Probe records of the runs of the last launch that may stand in one table (`left_out.comparable`).

    Those not written yet are left out, and become gaps.
    """
    return comparable(_read_probes(folder, benchmark), benchmark.sets)[0]


def _read_probes(folder: Path, benchmark: BenchmarkRecord) -> list[dict[str, Any]]:
    return [
        read_scores(path, {**_owner(benchmark, run), "task": task})
        for run in benchmark.runs
        for task in run.tasks
        if (path := scores_file(folder.parent / run.run, task)).is_file()
    ]


def _read_costs(folder: Path, benchmark: BenchmarkRecord) -> list[dict[str, Any]]:
    """Cost records, likewise."""
    return [
        {**read_cost(path), **_owner(benchmark, run), "run": run.run}
        for run in benchmark.runs
        if (path := folder.parent / run.run / COST).is_file()
    ]


def _owner(benchmark: BenchmarkRecord, run: RunRecord) -> dict[str, Any]:
    return {"benchmark": benchmark.benchmark, "variant": run.variant, "kind": run.kind, "seed": run.seed}

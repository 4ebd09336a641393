"""Tables of a benchmark from what its runs left on disk. Nothing is computed anew; no encoder or data are needed."""

from pathlib import Path
from typing import Any

from benchmark.errors import DataError, first_line
from benchmark.files import read_json, write_text
from benchmark.layout import COST, TABLES, scores_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from probes.cells import RecordError, cells
from probes.formats import as_csv, as_json, as_latex, as_markdown, as_text
from probes.tables import tables

FORMATS = ("text", "md", "tex", "csv", "json")


def write_tables(folder: Path, head: str) -> None:
    """Writes a benchmark's tables of one probe head, in every format, to ``folder/tables``."""
    for form, name in {"md": "tables.md", "tex": "tables.tex", "csv": "cells.csv", "json": "cells.json"}.items():
        write_text(folder / TABLES / name, render(folder, form, head) + "\n")


def render(folder: Path, form: str, head: str) -> str:
    """A benchmark's tables of one probe head, as text, Markdown, LaTeX, CSV, or JSON (a list of cells).

    Raises:
        UsageError: no such benchmark.
        DataError: a record that cannot be read.
    """
    benchmark = BenchmarkRecord.read(folder)
    expected = [(benchmark.benchmark, run.kind, run.variant) for run in benchmark.runs]
    try:
        probes, costs = _records(folder, benchmark)
        if form in ("csv", "json"):
            found = cells(probes, costs, head=head, expected=expected)
            return (as_json(found) if form == "json" else as_csv(found)).rstrip()
        formatter = {"text": as_text, "md": as_markdown, "tex": as_latex}[form]
        text = formatter(tables(probes, costs, head=head, expected=expected)).rstrip()
    except RecordError as error:
        raise DataError(f"{folder}: {first_line(error)}") from error
    except (KeyError, TypeError, AttributeError) as error:  # JSON, but not what a run writes
        raise DataError(f"{folder}: a record is altered ({error!r}); run the benchmark again") from error
    notes = [benchmark.note] if benchmark.note else []
    notes += [f"Warning: {line}" for line in benchmark.warnings]
    return f"{_heading(notes, form)}{text}" if notes else text


def _heading(notes: list[str], form: str) -> str:
    """Lines above the tables; comments in LaTeX."""
    text = "\n".join(notes)
    return "".join(f"% {line}\n" for line in text.splitlines()) if form == "tex" else f"{text}\n\n"


def _records(folder: Path, benchmark: BenchmarkRecord) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Probe and cost records of the runs of the last launch; those not written yet become gaps."""
    probes, costs = [], []
    for run in benchmark.runs:
        run_folder = folder.parent / run.run
        score_files = [scores_file(run_folder, task) for task in run.tasks]
        probes += [_read(path) for path in score_files if path.is_file()]
        if (cost_file := run_folder / COST).is_file():
            owner = {"run": run.run, "variant": run.variant, "kind": run.kind, "seed": run.seed}
            costs.append({"benchmark": benchmark.benchmark, **owner, **_read(cost_file)})
    return probes, costs


def _read(path: Path) -> dict[str, Any]:
    try:
        record = read_json(path)
    except (ValueError, OSError):
        record = None
    if not isinstance(record, dict):
        raise DataError(f"{path}: cut short or altered; remove it and run the benchmark again")
    return record

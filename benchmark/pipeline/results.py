"""Tables of a benchmark from what its runs left on disk: no encoder, no data, no recomputing."""

from pathlib import Path
from typing import Any

from benchmark.errors import DataError, UsageError, first_line
from benchmark.files import read_json, write_text
from probes.cells import Cell, RecordError, cells
from probes.formats import as_csv, as_json, as_latex, as_markdown, as_text
from probes.tables import Table, tables

BENCHMARK = "benchmark.json"  # what the last launch of a benchmark consisted of
FORMATS = ("text", "md", "tex", "csv", "json")


def write_tables(folder: Path, head: str) -> None:
    """Writes a benchmark's tables of one probe head, in every format, to ``folder/tables``."""
    for form, name in {"md": "tables.md", "tex": "tables.tex", "csv": "cells.csv", "json": "cells.json"}.items():
        write_text(folder / "tables" / name, render(folder, form, head) + "\n")


def render(folder: Path, form: str, head: str) -> str:
    """A benchmark's tables of one probe head, as text for reading, Markdown, LaTeX, CSV, or JSON (a list of cells).

    Raises:
        UsageError: no such benchmark.
        DataError: a record that cannot be read.
    """
    what = about(folder)
    try:
        probes, costs = _records(folder, what)
        expected = [(what["benchmark"], run["kind"], run["variant"]) for run in what["runs"]]
        if form in ("csv", "json"):
            found: list[Cell] = cells(probes, costs, head=head, expected=expected)
            return (as_json(found) if form == "json" else as_csv(found)).rstrip()
        made: list[Table] = tables(probes, costs, head=head, expected=expected)
    except RecordError as error:
        raise DataError(f"{folder}: {first_line(error)}") from error
    except (KeyError, TypeError, AttributeError) as error:  # JSON, but not what a run writes
        raise DataError(f"{folder}: a record is altered ({error!r}); run the benchmark again") from error
    text = {"text": as_text, "md": as_markdown, "tex": as_latex}[form](made).rstrip()
    notes = "\n".join([*filter(None, [what.get("note")]), *(f"Warning: {line}" for line in what.get("warnings", []))])
    return f"{_comment(notes, form)}{text}" if notes else text


def _comment(note: str, form: str) -> str:
    return "".join(f"% {line}\n" for line in note.splitlines()) if form == "tex" else f"{note}\n\n"


def about(folder: Path) -> dict[str, Any]:
    """What the last launch of a benchmark consisted of.

    Raises:
        UsageError: no such benchmark.
        DataError: the record cannot be read.
    """
    path = folder / BENCHMARK
    if not path.is_file():
        found = sorted(other.parent.name for other in folder.parent.glob(f"*/{BENCHMARK}"))
        there = f"; there is: {', '.join(found)} (name=...)" if found else ""
        raise UsageError(f"no benchmark {folder.name!r} in {folder.parent}{there}")
    return _read(path)


def _records(folder: Path, about: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Probe and cost records of the runs of the last launch; what is not there yet is a gap."""
    probes, costs = [], []
    for run in about["runs"]:
        place = folder.parent / run["run"]
        found = [_read(path) for task in run["tasks"] if (path := place / "probes" / f"{task}.json").is_file()]
        probes += found
        if (path := place / "cost.json").is_file():
            owner = {key: run[key] for key in ("run", "variant", "kind", "seed")}
            costs.append({"benchmark": about["benchmark"], **owner, **_read(path)})
    return probes, costs


def _read(path: Path) -> dict[str, Any]:
    try:
        record = read_json(path)
    except (ValueError, OSError):
        record = None
    if not isinstance(record, dict):
        raise DataError(f"{path}: cut short or altered; remove it and run the benchmark again")
    return record

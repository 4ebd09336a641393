"""Published figures (`published.yaml`): rows beside measured ones, and the gap to them where the two are comparable.

A gap is computed only where set, protocol, split and head are the same; elsewhere `refusal` says what is not.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .cells import Cell, Record, head_used
from .encoders import embedding

FILE = Path(__file__).with_name("published.yaml")
VERSION = 1
CONFIDENCES = ("verified", "unsure", "not found")
GAP = "gap to "  # start of the names of metrics that are gaps to a published figure


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, ten times faster, where it is installed


class PublishedError(ValueError):
    """A file of published figures that cannot be read; the message is one line."""


@dataclass(frozen=True)
class Figure:
    """One row of a published table.

    Attributes:
        row: method and variant, as in tables.
        values: by metric, in the units of our records; None where no source gives one.
        set: kind of the labelled set, such as ``w300``.
        target: of the set.
        confidence: one of `CONFIDENCES`.
        source: what gives the figures; "" if none does.
        head: ``linear`` if the paper's head read them from one frozen vector a face; None: another, see ``note``.
        size: side of the faces, pixels.
        split: faces of ``train`` and ``test`` where known; ``val`` is False if none was held out of the fit.
        note: why a figure is unsure, or a difference in protocol.
    """

    row: str
    values: dict[str, float | None]
    set: str
    target: str
    confidence: str
    source: str = ""
    head: str | None = None
    size: int | None = None
    split: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Published:
    """Published figures, and the cells that no source gave: a line each, by set and target."""

    figures: tuple[Figure, ...] = ()
    not_found: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def beside(self, record: Record) -> list[Figure]:
        """The figures of the task that a probe record belongs to."""
        return [figure for figure in self.figures if (figure.set, figure.target) == _task_of(record)]

    def missing(self, record: Record) -> tuple[str, ...]:
        """What was not found for the task that a probe record belongs to."""
        return self.not_found.get(_task_of(record), ())


def load(path: Path = FILE) -> Published:
    """Reads a file of published figures.

    Raises:
        PublishedError: it is missing or broken; the message names the table and row.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
        if content["version"] != VERSION:
            raise PublishedError(f"{path}: version {content['version']!r}, this version reads {VERSION}")
        sources = {key: source["what"] for key, source in content["sources"].items()}
        tables = {name: table for name, table in content["tables"].items() if "set" in table}
        missing: dict[tuple[str, str], tuple[str, ...]] = {}
        for entry in content["not_found"]:
            if entry["table"] in tables:
                table = tables[entry["table"]]
                key = (table["set"], table["target"])
                missing[key] = (*missing.get(key, ()), str(entry["what"]))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        problem = str(error).partition("\n")[0]
        raise PublishedError(f"{path}: missing, or not a file of published figures ({problem})") from error
    figures = [figure for name, table in tables.items() for figure in _figures(path, name, table, sources)]
    return Published(tuple(figures), missing)


def refusal(figure: Figure, record: Record, head: str) -> str | None:
    """Why a figure is not comparable with a record's scores by ``head``; None if it is."""
    protocol, n = record["set"]["protocol"], record["n"]
    if reasons := [*protocol.get("not comparable", []), *protocol.get("miscounts", [])]:
        return str(reasons[0])
    if figure.head is None:
        return f"another head or other features ({figure.note})" if figure.note else "another head or other features"
    if head_used(record, head) != figure.head:
        return f"its head is {figure.head}, this table's is {head}"
    size = protocol.get("crop", {}).get("size")
    if figure.size is not None and size != figure.size:
        return f"its faces are {figure.size} px, these {size} px"
    counts = {"train": n["train"] + n["val"], "test": n["test"]}
    for name, count in counts.items():
        if figure.split.get(name, count) != count:
            return f"its {name} split has {figure.split[name]:,} faces, this one {count:,}"
    refitted = record["heads"][figure.head].get("protocol", {}).get("refit", False)
    if figure.split.get("val") is False and not refitted:
        return "its fit had the faces that are val here (probe.refit=true folds them back into train)"
    return None


def with_published(
    cells: Sequence[Cell], probes: Sequence[Record], published: Published, head: str
) -> tuple[list[Cell], dict[str, list[str]]]:
    """Adds published rows to the cells of one benchmark, and measured rows' gaps to comparable figures.

    Returns:
        The cells with, after them, one for each published value (kind ``published``, without seeds or runs) and one for
        each gap: metric ``gap to <row>: <metric>``, measured minus published for every seed. And, by task, one line for
        each figure that no gap is computed to.
    """
    first = {record["task"]: record for record in probes}
    extra: list[Cell] = []
    refused: dict[str, list[str]] = {}
    for task, record in sorted(first.items()):
        for figure in published.beside(record):
            extra += [_published_cell(record, figure, *value) for value in figure.values.items()]
            known = {metric: value for metric, value in figure.values.items() if value is not None}
            reason = refusal(figure, record, head)
            if reason is not None:
                refused.setdefault(task, []).extend([f"{figure.row}: {reason}"] if known else [])
                continue
            extra += [
                _gap_cell(cell, figure, known[cell["metric"]])
                for cell in cells
                if cell["task"] == task and cell["metric"] in known and cell["kind"] in ("method", "pretrained")
            ]
    return [*cells, *extra], refused


def _task_of(record: Record) -> tuple[str, str]:
    protocol = record.get("set", {}).get("protocol", {})
    return str(protocol.get("reader")), str(record.get("target"))


def _published_cell(record: Record, figure: Figure, metric: str, value: float | None) -> Cell:
    entries = [head["metrics"][metric]["unit"] for head in record["heads"].values() if metric in head["metrics"]]
    return {
        "benchmark": record["benchmark"],
        "variant": figure.row,
        "kind": "published",
        "task": record["task"],
        "metric": metric,
        "unit": entries[0] if entries else "",
        "head": figure.head,
        "mean": value,
        "std": None,
        "low": None,
        "high": None,
        "values": [] if value is None else [value],
        "n_seeds": 0,
        "seeds": [],
        "runs": [],
        **embedding([]),
    }


def _gap_cell(cell: Cell, figure: Figure, value: float) -> Cell:
    return {
        **cell,
        "metric": f"{GAP}{figure.row}: {cell['metric']}",
        "mean": None if cell["mean"] is None else cell["mean"] - value,
        "low": None,
        "high": None,
        "values": [each - value for each in cell["values"]],
    }


def _figures(path: Path, name: str, table: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[Figure]:
    """The rows of one table.

    Raises:
        PublishedError: a row without a key it needs, or with a value of the wrong kind.
    """
    try:
        rows = [row for metric in table["metrics"].values() for row in metric]
    except (KeyError, TypeError, AttributeError) as error:
        raise PublishedError(f"{path}: table {name} has no list of rows for each metric") from error
    for number, row in enumerate(rows, 1):
        try:
            yield _figure(table, row, sources)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"{error} is missing or unknown" if isinstance(error, KeyError) else error
            raise PublishedError(f"{path}: table {name}, row {number}: {problem}") from error


def _figure(table: Mapping[str, Any], row: Mapping[str, Any], sources: Mapping[str, str]) -> Figure:
    factor, columns = float(table.get("factor", 1)), table["columns"]
    if row["confidence"] not in CONFIDENCES:
        raise ValueError(f"confidence is one of {', '.join(CONFIDENCES)}, not {row['confidence']!r}")
    return Figure(
        row=" ".join(filter(None, (row["method"], row["variant"]))),
        values={columns[name]: _value(name, value, factor) for name, value in row["values"].items()},
        set=table["set"],
        target=table["target"],
        confidence=row["confidence"],
        source=sources[row["source"]] if row["source"] else "",
        head=row.get("head"),
        size=table.get("size"),
        split=table.get("split", {}),
        note=row.get("note", ""),
    )


def _value(column: str, value: float | None, factor: float) -> float | None:
    """A figure in the unit of our records."""
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{column} is {value!r}, not a finite number")
    return value * factor


def sources_of(figures: Iterable[Figure]) -> list[str]:
    """One line for each source: what it is, and the rows it gives."""
    rows: dict[str, list[str]] = {}
    for figure in figures:
        if figure.source:
            rows.setdefault(figure.source, []).append(figure.row)
    return [f"{source}: {', '.join(dict.fromkeys(names))}" for source, names in rows.items()]

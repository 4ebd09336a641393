"""Records of probed runs to cells: one number, with its spread over seeds, for each variant, task and metric.

A probe record, one for each run and task, is what `probe` returns as ``record`` and who it belongs to::

    {"schema": 1, "benchmark": str, "variant": str, "kind": str, "seed": int, "task": str, "run": path,
     "target_kind": ..., "names": [...], "n": {...}, "heads": {...}}

A cost record, one for each trained run; what was not measured is absent or null::

    {"benchmark": str, "variant": str, "kind": str, "seed": int, "run": path, "device": str} and, of COSTS,
    "parameters", "encoder_parameters", "steps", "steps_before" (on the weights it starts from), "samples",
    "frames_seen", "train_seconds", "images_per_s", "peak_memory_mb"
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypedDict

SCHEMA = 1
KINDS = ("floor", "method", "pretrained", "ceiling", "published")
COST = "cost"  # the task under which costs are filed
COSTS = {
    "parameters": "count",
    "encoder_parameters": "count",
    "steps": "count",
    "steps_before": "count",
    "samples": "count",
    "frames_seen": "count",
    "train_seconds": "s",
    "images_per_s": "images/s",
    "peak_memory_mb": "MB",
}
STAND_INS = ("identity", "mean")  # heads of rows that are not probed: trained on the task, or constant

Record = Mapping[str, Any]


class RecordError(ValueError):
    """Records that cannot be put into one table; the message is one line."""


class Cell(TypedDict):
    """``values``, ``seeds`` and ``runs`` belong together; ``mean`` is None in a gap, ``std`` below two values."""

    benchmark: str
    variant: str
    kind: str
    task: str
    metric: str
    unit: str
    head: str | None
    mean: float | None
    std: float | None  # of the sample (n - 1)
    values: list[float]
    n_seeds: int
    seeds: list[int]
    runs: list[str]


class _Value(NamedTuple):
    value: float
    seed: int
    run: str
    head: str | None


def cells(
    probes: Iterable[Record],
    costs: Iterable[Record] = (),
    *,
    head: str = "linear",
    expected: Iterable[tuple[str, str, str]] = (),
) -> list[Cell]:
    """All cells of one head, ordered by benchmark, kind, variant, task and metric.

    Where a record has no result of ``head``, its ``identity`` or ``mean`` stands in (ceilings, the mean floor);
    the cell's ``head`` says so. A metric that one variant of a benchmark has and another lacks is a gap: a cell
    without values. ``expected`` names rows (benchmark, kind, variant) that are gaps where nothing is known of them.

    Raises:
        RecordError: an unknown schema or kind, two results for the same variant, seed and task, or one metric
            in two units.
    """
    values: dict[tuple[str, str, str, str, str], list[_Value]] = defaultdict(list)
    rows: dict[str, set[tuple[str, str]]] = defaultdict(set)  # benchmark: (kind, variant)
    columns: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)  # benchmark: (task, metric): unit
    runs: dict[tuple[Any, ...], str] = {}
    for benchmark, kind, variant in expected:
        rows[benchmark].add((kind, variant))

    def claim(record: Record, *what: Any) -> None:
        key = (record["benchmark"], record["variant"], *what)
        if key in runs:
            names = " ".join(str(part) for part in key)
            raise RecordError(f"two results for {names}: {runs[key]} and {record['run']}")
        runs[key] = record["run"]

    def add(record: Record, task: str, metric: str, entry: Record, head: str | None) -> None:
        benchmark, unit = record["benchmark"], entry["unit"]
        if columns[benchmark].setdefault((task, metric), unit) != unit:
            raise RecordError(f"{benchmark} {task} {metric}: in {columns[benchmark][task, metric]} and in {unit}")
        if entry["value"] is not None:
            key = (benchmark, record["kind"], record["variant"], task, metric)
            values[key].append(_Value(entry["value"], record["seed"], record["run"], head))

    for record in probes:
        if record["schema"] != SCHEMA:
            raise RecordError(f"{record['run']}: schema {record['schema']}, this version reads {SCHEMA}")
        _add_row(rows, record)
        claim(record, f"seed {record['seed']}", record["task"])
        name = head_used(record, head)
        for metric, entry in record["heads"][name]["metrics"].items() if name else ():
            add(record, record["task"], metric, entry, name)
    for record in costs:
        _add_row(rows, record)
        claim(record, record["run"], COST)  # a ceiling has a run for each task: its cost is that of one run
        for metric, unit in COSTS.items():
            add(record, COST, metric, {"value": record.get(metric), "unit": unit}, None)

    return [
        _cell(benchmark, kind, variant, task, metric, unit, values[benchmark, kind, variant, task, metric])
        for benchmark in sorted(rows)
        for kind, variant in sorted(rows[benchmark], key=lambda row: (KINDS.index(row[0]), row[1]))
        for (task, metric), unit in sorted(columns[benchmark].items())
    ]


def head_used(record: Record, head: str) -> str | None:
    """The head whose numbers stand for this record when tables are made of ``head``; None if it has none."""
    return next((name for name in (head, *STAND_INS) if name in record["heads"]), None)


def _add_row(rows: dict[str, set[tuple[str, str]]], record: Record) -> None:
    if record["kind"] not in KINDS:
        raise RecordError(f"{record['run']}: unknown kind {record['kind']!r}; one of {', '.join(KINDS)}")
    rows[record["benchmark"]].add((record["kind"], record["variant"]))


def _cell(benchmark: str, kind: str, variant: str, task: str, metric: str, unit: str, found: list[_Value]) -> Cell:
    found = sorted(found, key=lambda each: (each.seed, each.run))
    numbers = [float(each.value) for each in found]
    return {
        "benchmark": benchmark,
        "variant": variant,
        "kind": kind,
        "task": task,
        "metric": metric,
        "unit": unit,
        "head": found[0].head if found else None,
        "mean": statistics.fmean(numbers) if numbers else None,
        "std": statistics.stdev(numbers) if len(numbers) > 1 else None,
        "values": numbers,
        "n_seeds": len({each.seed for each in found}),
        "seeds": [each.seed for each in found],
        "runs": [each.run for each in found],
    }

"""Group the records of probed runs into cells: one metric of one task for one row, over all seeds.

A probe record is the JSON of one run and one task: the ``record`` that `probe` returns, and which run it belongs to::

    {"schema": 1, "benchmark": str, "variant": str, "kind": str, "seed": int, "task": str, "run": path,
     "target_kind": ..., "names": [...], "n": {...}, "heads": {...}, "few_shot": [...]}

``few_shot`` is there where it was asked for, as `probes.few_shot.few_shot` returns it.

A cost record is the JSON of one trained run; keys of `COST_UNITS` that were not measured are absent or null::

    {"benchmark": str, "variant": str, "kind": str, "seed": int, "run": path, "device": str, "steps": int, ...}
"""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from .encoders import Embedding, embedding

SCHEMA = 1
KINDS = ("floor", "method", "pretrained", "ceiling", "published")  # of rows, in the order of the tables
COST = "cost"  # the task name of cost metrics
COST_UNITS = {
    "parameters": "count",
    "encoder_parameters": "count",
    "steps": "count",
    "steps_before": "count",  # of the run that the initial weights come from
    "samples": "count",
    "frames_seen": "count",
    "encoder_passes": "count",
    "flops": "FLOP",
    "train_seconds": "s",
    "images_per_s": "images/s",
    "peak_memory_mb": "MB",
}
FALLBACK_HEADS = ("identity", "mean", "retrieval")  # where nothing is fitted: outputs, a constant, nearest faces

Record = Mapping[str, Any]
Measurement = Mapping[str, Any]  # a metric of one run: whose it is, task, metric, unit, value, head
RowName = tuple[str, str, str]  # benchmark, kind, variant
CellKey = tuple[str, str, str, str, str]  # benchmark, kind, variant, task, metric


class RecordError(ValueError):
    """Records that cannot be combined into one table; the message is one line."""


class _Scores(TypedDict):
    benchmark: str
    variant: str
    kind: str
    task: str
    metric: str
    unit: str
    head: str | None
    mean: float | None
    std: float | None  # sample standard deviation (n - 1)
    low: float | None  # of the 95 % interval of the mean over seeds and test people (`intervals`)
    high: float | None
    values: list[float]
    n_seeds: int
    seeds: list[int]
    runs: list[str]


class Cell(_Scores, Embedding):
    """One metric of one task for one row.

    ``mean`` is None without values, ``std`` with fewer than two, ``low`` and ``high`` where the interval is not known.

    ``values``, ``seeds`` and ``runs`` are parallel lists, sorted by seed; of a few-shot metric such as ``auc@1%`` they
    have an entry for each draw, and ``std`` is over seeds and draws. For ``cost``, the embedding is what those of
    all tasks have in common.
    """


def cells(
    probes: Iterable[Record],
    costs: Iterable[Record] = (),
    *,
    head: str = "linear",
    expected: Iterable[RowName] = (),
) -> list[Cell]:
    """Return every cell, ordered by benchmark, kind, variant, task and metric.

    The cells of a benchmark are the product of its rows and its metrics: a metric that a row lacks is a cell without
    values.

    Args:
        probes: probe records.
        costs: cost records.
        head: the probe head whose scores are taken. A record without it uses one of `FALLBACK_HEADS` (ceilings, the
            mean floor); ``head`` of the cell names the one used.
        expected: rows that are listed even if no record exists for them.

    Raises:
        RecordError: an unknown schema or kind, two results for the same variant, seed and task, or one metric in two
            units.
    """
    probes, costs = list(probes), list(costs)
    for record in [*probes, *costs]:
        _check_kind(record)
    _check_unique([*_probe_keys(probes), *_cost_keys(costs)])
    measured = [*_probe_measurements(probes, head), *_cost_measurements(costs)]
    columns = _columns(measured)
    known: dict[CellKey, list[Measurement]] = {}
    for each in measured:
        if each["value"] is not None:
            known.setdefault((*_row(each), each["task"], each["metric"]), []).append(each)
    rows = sorted({_row(record) for record in [*probes, *costs]}.union(expected), key=_row_order)
    embeddings = _embeddings(probes)
    return [
        _cell(row, task, metric, unit, known.get((*row, task, metric), []), embeddings)
        for row in rows
        for (benchmark, task, metric), unit in columns.items()
        if benchmark == row[0]
    ]


def head_used(record: Record, head: str) -> str | None:
    """Return the head whose scores a record contributes to tables of ``head``; None if it has no such head."""
    return next((name for name in (head, *FALLBACK_HEADS) if name in record["heads"]), None)


def few_shot_metric(metric: str, fraction: float) -> str:
    """The name of a metric by heads that were fitted on a fraction of the labels, such as ``auc@1%``."""
    return f"{metric}@{100 * fraction:g}%"


def _row_order(row: RowName) -> tuple[str, int, str]:
    benchmark, kind, variant = row
    return benchmark, KINDS.index(kind), variant


def _check_kind(record: Record) -> None:
    if record["kind"] not in KINDS:
        raise RecordError(f"{record['run']}: unknown kind {record['kind']!r}; one of {', '.join(KINDS)}")


def _check_unique(keys: Iterable[tuple[str, str]]) -> None:
    runs: dict[str, str] = {}
    for key, run in keys:
        if key in runs:
            raise RecordError(f"two results for {key}: {runs[key]} and {run}")
        runs[key] = run


def _probe_keys(probes: Sequence[Record]) -> Iterator[tuple[str, str]]:
    for record in probes:
        yield "{benchmark} {variant} seed {seed} {task}".format_map(record), record["run"]


def _cost_keys(costs: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """A ceiling has one run for each task, so a cost belongs to a run rather than to a seed."""
    for record in costs:
        yield "{benchmark} {variant} {run} cost".format_map(record), record["run"]


def _probe_measurements(probes: Sequence[Record], head: str) -> Iterator[Measurement]:
    for record in probes:
        if record["schema"] != SCHEMA:
            raise RecordError(f"{record['run']}: schema {record['schema']}, this version reads {SCHEMA}")
        used = head_used(record, head)
        for metric, entry in record["heads"][used]["metrics"].items() if used else ():
            yield {**_owner(record), **entry, "task": record["task"], "metric": metric, "head": used}
        yield from _few_shot_measurements(record, used)


def _few_shot_measurements(record: Record, used: str | None) -> Iterator[Measurement]:
    """A measurement of each draw; a draw with too few labels has none."""
    for part in record.get("few_shot", ()):
        fitted = part["heads"].get(used, {"metrics": {}})
        for metric, entry in fitted["metrics"].items():
            name = few_shot_metric(metric, part["fraction"])
            for value in entry["values"]:
                owner = {**_owner(record), "task": record["task"], "metric": name, "head": used}
                yield {**owner, "unit": entry["unit"], "value": value}


def _cost_measurements(costs: Sequence[Record]) -> Iterator[Measurement]:
    for record in costs:
        for metric, unit in COST_UNITS.items():
            value = record.get(metric)
            yield {**_owner(record), "task": COST, "metric": metric, "unit": unit, "value": value, "head": None}


def _owner(record: Record) -> dict[str, Any]:
    return {key: record[key] for key in ("benchmark", "kind", "variant", "seed", "run")}


def _row(record: Record) -> RowName:
    return record["benchmark"], record["kind"], record["variant"]


def _columns(measured: Iterable[Measurement]) -> dict[tuple[str, str, str], str]:
    """The unit of each benchmark, task and metric, in order.

    Raises:
        RecordError: one metric is in two units.
    """
    units: dict[tuple[str, str, str], str] = {}
    for each in measured:
        column = (each["benchmark"], each["task"], each["metric"])
        if units.setdefault(column, each["unit"]) != each["unit"]:
            raise RecordError(f"{' '.join(column)}: in {units[column]} and in {each['unit']}")
    return dict(sorted(units.items()))


def _embeddings(probes: Sequence[Record]) -> dict[tuple[str, ...], Embedding]:
    """The embedding of each row, and of each row on each task: a ceiling has another one for each."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in probes:
        row = _row(record)
        groups.setdefault(row, []).append(record)
        groups.setdefault((*row, record["task"]), []).append(record)
    return {key: embedding(records) for key, records in groups.items()}


def _cell(
    row: RowName,
    task: str,
    metric: str,
    unit: str,
    measured: Sequence[Measurement],
    embeddings: Mapping[tuple[str, ...], Embedding],
) -> Cell:
    benchmark, kind, variant = row
    measured = sorted(measured, key=lambda each: (each["seed"], each["run"]))
    values = [float(each["value"]) for each in measured]
    return {
        "benchmark": benchmark,
        "variant": variant,
        "kind": kind,
        "task": task,
        "metric": metric,
        "unit": unit,
        "head": measured[0]["head"] if measured else None,
        "mean": statistics.fmean(values) if values else None,
        "std": statistics.stdev(values) if len(values) > 1 else None,
        "low": None,
        "high": None,
        "values": values,
        "n_seeds": len({each["seed"] for each in measured}),
        "seeds": [each["seed"] for each in measured],
        "runs": [each["run"] for each in measured],
        **embeddings.get((*row, task), embeddings.get(row, embedding([]))),
    }

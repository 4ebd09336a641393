"""Two benchmarks side by side: what moved beyond chance, what is new, missing, or cannot be compared, and why.

Rows of the same name are compared on each task's headline metric, on the same test faces and seed by seed, with the
intervals of `probes.statistics`. Their p-values are corrected for the number of comparisons (`statistics.holm`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.config.schema import NON_IDENTITY_FIELDS
from benchmark.errors import UsageError
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.pipeline.results import read_probes
from benchmark.pipeline.series import read_series
from probes.statistics import LEVEL, Estimate, holm
from probes.tables.claims import Key
from probes.tables.columns import NEITHER, Column, headline_column
from probes.tables.comparison import Series, paired_difference
from probes.tables.overview import by_task

UNCOMPARED_SETTINGS = (  # where and how fast it was computed, and what it is called
    *("name", "preset", "note", "out", "cache", "launcher"),
    *(f"train.{field}" for field in NON_IDENTITY_FIELDS),
)


class Verdict(StrEnum):
    """What is shown of a row after, beside the same row before."""

    SAME = "same to the bit"
    BETTER = "better"
    WORSE = "worse"
    NOT_SHOWN = "not shown to differ"
    UNTESTED = "not tested"


@dataclass(frozen=True)
class Change:
    """One row on one task.

    Attributes:
        row: kind and name.
        column: the task's headline metric.
        before: mean over the seeds that both benchmarks have.
        after: likewise.
        gap: after minus before; None without a seed in common.
        same: whether the scores of every seed and test person are equal to the bit.
        p: of no difference, corrected; NaN if it cannot be tested.
    """

    row: tuple[str, str]
    column: Column
    before: float
    after: float
    gap: Estimate | None
    same: bool
    p: float

    @property
    def verdict(self) -> Verdict:
        """What is shown at `statistics.LEVEL`; a metric of which neither direction is better has no verdict."""
        if self.same:
            return Verdict.SAME
        if self.gap is None or not self.gap.known or self.column.better == NEITHER:
            return Verdict.UNTESTED
        if self.p > 1 - LEVEL:
            return Verdict.NOT_SHOWN
        return Verdict.BETTER if self.gap.mean * self.column.better > 0 else Verdict.WORSE


@dataclass(frozen=True)
class Difference:
    """How two benchmarks differ.

    Attributes:
        changes: of each row and task that can be compared.
        missing: rows and tasks with scores before and none after.
        new: rows and tasks with scores after and none before.
        refused: lines on rows and tasks that cannot be compared, with the reason.
        settings: lines on settings that differ.
    """

    changes: list[Change]
    missing: list[str]
    new: list[str]
    refused: list[str]
    settings: list[str]

    @property
    def regressed(self) -> bool:
        """Whether a row is worse, or has lost its score on a task."""
        return bool(self.missing) or any(change.verdict == Verdict.WORSE for change in self.changes)


@dataclass(frozen=True)
class _Side:
    """One benchmark: its headline columns by task, and the series of its rows."""

    record: BenchmarkRecord
    columns: Mapping[str, Column]
    series: Mapping[Key, Series]

    @classmethod
    def read(cls, folder: Path, head: str) -> "_Side":
        record = BenchmarkRecord.read(folder)
        probes = read_probes(folder, record)
        columns = {task: headline_column(records[0]) for task, records in by_task(probes).items()}
        headlines = {(column.task, column.metric) for column in columns.values()}
        return cls(record, columns, read_series(folder.parent, probes, head, headlines))

    def set_hash(self, task: str) -> str | None:
        """Hash of the labelled set of a task."""
        set_name = self.record.config.get("task", {}).get(task, {}).get("set")
        found = self.record.sets.get(set_name)
        return found.hash if found else None


def compare(before: Path, after: Path, head: str) -> Difference:
    """How a benchmark differs from one before.

    Args:
        before: folder of a benchmark.
        after: folder of another, or of the same after a change.
        head: probe head whose scores are compared.

    Raises:
        UsageError: there is no such benchmark, or neither has scores of this head.
        DataError: a record that cannot be read.
    """
    first, second = _Side.read(before, head), _Side.read(after, head)
    for folder, side in ((before, first), (after, second)):
        if not side.series:
            raise UsageError(f"{folder}: no scores by head {head} with their test faces; choose probe.table_head")
    changes, refused = [], []
    for key in [key for key in first.series if key in second.series]:
        reason = _reason_against(first, second, key)
        if reason:
            refused.append(f"{_shown(key)}: {reason}")
        else:
            changes.append(_change(first.columns[key[2]], key, first.series[key], second.series[key]))
    adjusted = holm([change.p for change in changes])
    return Difference(
        [replace(change, p=p) for change, p in zip(changes, adjusted, strict=True)],
        [_shown(key) for key in first.series if key not in second.series],
        [_shown(key) for key in second.series if key not in first.series],
        refused,
        [*_differing_settings(first.record.config, second.record.config)],
    )


def _reason_against(first: _Side, second: _Side, key: Key) -> str:
    """Why a row and task cannot be compared; empty if they can."""
    hashes = [side.set_hash(key[2]) for side in (first, second)]
    if hashes[0] != hashes[1] or hashes[0] is None:
        return "its labelled sets differ"
    if first.series[key].faces != second.series[key].faces:
        return "it was scored on other test faces"
    return ""


def _change(column: Column, key: Key, before: Series, after: Series) -> Change:
    seeds = [seed for seed in before.seeds if seed in after.seeds]
    gap = paired_difference(after, before)
    if seeds:
        before, after = before.of_seeds(seeds), after.of_seeds(seeds)
    same = np.array_equal(before.values, after.values) and np.array_equal(before.without, after.without, equal_nan=True)
    tested = gap is not None and column.better != NEITHER and not same
    p = gap.p_value if gap is not None and tested else float("nan")
    means = float(before.values.mean()), float(after.values.mean())
    return Change((key[0], key[1]), column, *means, gap, same, p)


def _shown(key: Key) -> str:
    _, variant, task, _ = key
    return f"{variant} on {task}"


def _differing_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Lines on settings that decide results and differ."""
    first, second = dict(_flat(before)), dict(_flat(after))
    for key in sorted({*first, *second}):
        unimportant = any(key == other or key.startswith(f"{other}.") for other in UNCOMPARED_SETTINGS)
        if not unimportant and first.get(key) != second.get(key):
            yield f"{key}: {first.get(key, 'not set')} before, {second.get(key, 'not set')} after"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value

"""Scores of a benchmark's rows by seed, with what their intervals and tests need, from the records of its runs."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from benchmark.errors import DataError
from benchmark.layout import per_image_file
from benchmark.pipeline.records import REMEDY
from probes.tables.cells import Record, head_used
from probes.tables.claims import Key
from probes.tables.comparison import Score, Series

WITHOUT = ".without"


def read_series(
    folder: Path, probes: Iterable[Record], head: str, metrics: Collection[tuple[str, str]] | None = None
) -> dict[Key, Series]:
    """The series of every metric that the records of a benchmark have one of.

    Args:
        folder: of all benchmarks, which the records' runs are relative to.
        probes: probe records of one benchmark.
        head: the probe head whose scores are taken, as in `probes.tables.cells.cells`.
        metrics: the tasks and metrics that are read; None: all.

    Raises:
        DataError: the file of per-image errors beside a record is broken.
    """
    scores: dict[Key, list[Score]] = defaultdict(list)
    for record in probes:
        used = head_used(record, head)
        if used is None:
            continue
        measured = {
            metric: entry["value"]
            for metric, entry in record["heads"][used]["metrics"].items()
            if entry["value"] is not None and (metrics is None or (record["task"], metric) in metrics)
        }
        without, faces = _read(per_image_file(folder / record["run"], record["task"]), used, measured)
        for metric, value in measured.items():
            key = (record["kind"], record["variant"], record["task"], metric)
            scores[key].append(Score(record["seed"], value, without.get(metric), faces))
    series = {key: Series.of(each) for key, each in scores.items()}
    return {key: each for key, each in series.items() if each is not None}


def _read(path: Path, head: str, metrics: Iterable[str]) -> tuple[Mapping[str, NDArray[np.float64]], str]:
    """Metrics of a head without each unit, where recorded, and a hash of the scored faces and their units."""
    if not path.is_file():
        return {}, ""
    try:
        with safe_open(path, "numpy") as file:
            names = {*file.keys()}
            without = {
                metric: file.get_tensor(name) for metric in metrics if (name := f"{head}.{metric}{WITHOUT}") in names
            }
            parts = [file.get_tensor(name) for name in ("rows", "units") if name in names]
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: cut short or altered; {REMEDY}") from error
    return without, _hash(parts)


def _hash(arrays: Iterable[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

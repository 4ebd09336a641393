"""What a report is made of: the records and files of a benchmark's runs, and which of them are missing or broken."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.errors import DataError, first_line
from benchmark.files import read_json
from benchmark.layout import CONFIG, COST, ENVIRONMENT, ERROR_LOG, STATUS, features_file, per_image_file, scores_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord
from benchmark.pipeline.left_out import comparable
from benchmark.pipeline.records import read_cost, read_scores
from benchmark.pipeline.results import make_overview, reference_row
from benchmark.pipeline.series import read_series
from probes.tables.cells import KINDS, head_used
from probes.tables.claims import AllSeries
from probes.tables.columns import Column, headline_column
from probes.tables.overview import Overview, Score, headlines

Record = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """A row of the tables: the runs of one variant."""

    kind: str
    variant: str
    runs: tuple[RunRecord, ...]
    anchor: str  # of its provenance


@dataclass(frozen=True)
class Gap:
    """A result that the benchmark consists of and that is not there."""

    run: str  # name
    task: str
    reason: str


class Source:
    """A benchmark on disk.

    Attributes:
        folder: of the benchmark.
        benchmark: what it consists of.
        head: the probe head whose scores are reported.
        reference: row that methods are compared with; None: the best mean of each task.
        probes: probe records that can be read.
        costs: cost records that can be read.
        gaps: results that are missing or cannot be read.
        left_out: lines on records that do not compare with the others.
    """

    def __init__(self, folder: Path, benchmark: BenchmarkRecord, head: str, reference: str | None = None):
        self.folder, self.benchmark, self.head = folder, benchmark, head
        self.reference = reference_row(benchmark, reference)
        self.probes: list[Record] = []
        self.costs: list[Record] = []
        self.gaps: list[Gap] = []
        for run in benchmark.runs:
            self._read_cost(run)
            for task in run.tasks:
                self._read_scores(run, task)
        self.probes, self.left_out = comparable(self.probes, benchmark.sets)

    @cached_property
    def rows(self) -> list[Row]:
        """Rows by kind and name."""
        runs: dict[tuple[str, str], list[RunRecord]] = {}
        for run in self.benchmark.runs:
            runs.setdefault((run.kind, run.variant), []).append(run)
        names = sorted(runs, key=lambda row: (KINDS.index(row[0]), row[1]))
        return [Row(*name, tuple(runs[name]), f"row-{number}") for number, name in enumerate(names)]

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The headline column of each task, in the order of the benchmark."""
        first = {record["task"]: record for record in reversed(self.probes)}
        return {task: headline_column(first[task]) for task in self.benchmark.tasks if task in first}

    @cached_property
    def overview(self) -> Overview:
        """The first table: scores with intervals, tests, and a sentence for each task.

        Raises:
            DataError: records that cannot be combined.
        """
        return make_overview(self.folder, self.head, self.benchmark, self.probes, self.costs, self.reference)

    @cached_property
    def series(self) -> AllSeries:
        """The headline metrics of the overview with what their tests need, by kind, variant, task and metric.

        Raises:
            DataError: the file of per-image errors beside a record is broken.
        """
        return read_series(self.folder.parent, self.probes, self.head, headlines(self.probes))

    def tasks_of(self, *kinds: str) -> list[str]:
        """Tasks whose targets are of these kinds."""
        found = {record["task"] for record in self.probes if record["target_kind"] in kinds}
        return [task for task in self.benchmark.tasks if task in found]

    def of_row(self, row: Row, task: str) -> list[Record]:
        """The probe records of a row on a task, by seed."""
        records = [
            record
            for record in self.probes
            if (record["kind"], record["variant"], record["task"]) == (row.kind, row.variant, task)
        ]
        return sorted(records, key=lambda record: int(record["seed"]))

    def value(self, record: Record) -> float | None:
        """The headline metric of a record; None where it is undefined or of other heads alone."""
        used = head_used(record, self.head)
        entry = record["heads"][used]["metrics"].get(self.columns[record["task"]].metric) if used else None
        return None if entry is None or entry["value"] is None else float(entry["value"])

    def score(self, row: Row, task: str) -> Score:
        """The cell of the first table: the mean, and its interval where it is known."""
        index = [each.column.task for each in self.overview.columns].index(task)
        rows = {(each.kind, each.variant): each for each in self.overview.rows}
        return rows[row.kind, row.variant].scores[index]

    def cost_of(self, row: Row, measure: str) -> float | None:
        """The mean cost of one training of a row; None where it is not known."""
        known = [
            float(record[measure])
            for record in self.costs
            if (record["kind"], record["variant"]) == (row.kind, row.variant) and record.get(measure) is not None
        ]
        return float(np.mean(known)) if known else None

    def run_folder(self, run: RunRecord) -> Path:
        """The folder of a run."""
        return self.folder.parent / run.run

    def per_image(self, record: Record, name: str) -> Arrays:
        """The array of this name by the head whose scores are reported, and the ``rows`` of the set it belongs to.

        Raises:
            DataError: there is no such array, or the file is broken.
        """
        path = per_image_file(self.folder.parent / record["run"], record["task"])
        try:
            with safe_open(path, "numpy") as file:
                values = file.get_tensor(f"{head_used(record, self.head)}.{name}")
                return {"rows": file.get_tensor("rows"), name: values}
        except (SafetensorError, OSError) as error:
            raise DataError(f"{record['variant']}, seed {record['seed']}, {record['task']}: no {name}") from error

    def features(self, row: Row, set_name: str) -> NDArray[np.float32] | None:
        """Embeddings (N, D) of a labelled set by the first seed of a row that has them; None without."""
        for run in row.runs:
            path = features_file(self.run_folder(run), set_name)
            if not path.is_file():
                continue
            try:
                with safe_open(path, "numpy") as file:
                    found: NDArray[np.float32] = file.get_tensor("features")
            except (SafetensorError, OSError):
                continue
            if found.ndim == 2 and np.isfinite(found).all():
                return found
        return None

    def labels(self, set_name: str) -> LabelledSet:
        """A labelled set of the benchmark.

        Raises:
            DataError: its file is not there, is broken, or is not the one that was probed on.
        """
        if set_name not in self._sets:
            self._sets[set_name] = self._load_set(set_name)
        found = self._sets[set_name]
        if isinstance(found, str):
            raise DataError(found)
        return found

    def set_of(self, task: str) -> str:
        """The name of a task's labelled set; "" where older records do not tell."""
        return str(self.benchmark.config.get("task", {}).get(task, {}).get("set", ""))

    def target_of(self, task: str) -> str:
        """The name of a task's target in its set."""
        return str(self.benchmark.config.get("task", {}).get(task, {}).get("target", ""))

    @cached_property
    def _sets(self) -> dict[str, LabelledSet | str]:
        return {}

    def _load_set(self, name: str) -> LabelledSet | str:
        record = self.benchmark.sets.get(name)
        if record is None:
            return f"the record of this benchmark does not say where the labelled set {name!r} is"
        try:
            found = LabelledSet.load(Path(record.file), write_note=False)
        except DataError as error:
            return first_line(error)
        return found if found.hash == record.hash else f"{record.file}: not the labels that were probed on"

    def _read_scores(self, run: RunRecord, task: str) -> None:
        path = scores_file(self.run_folder(run), task)
        owner = {
            "benchmark": self.benchmark.benchmark,
            "variant": run.variant,
            "kind": run.kind,
            "seed": run.seed,
            "task": task,
        }
        if not path.is_file():
            self.gaps.append(Gap(run.name, task, self._state(run)))
            return
        try:
            record = read_scores(path, owner)
        except DataError as error:
            self.gaps.append(Gap(run.name, task, first_line(error)))
            return
        if head_used(record, self.head) is None:
            self.gaps.append(Gap(run.name, task, f"not scored by the head {self.head!r}"))
        if _is_broken(per_image_file(self.run_folder(run), task)):
            self.gaps.append(Gap(run.name, task, "left out: its file of scores for each image is cut short or altered"))
        else:
            self.probes.append(record)

    def _read_cost(self, run: RunRecord) -> None:
        path = self.run_folder(run) / COST
        if not path.is_file():
            return
        try:
            cost = read_cost(path)
        except DataError as error:
            self.gaps.append(Gap(run.name, "cost", first_line(error)))
            return
        owner = {"benchmark": self.benchmark.benchmark, "variant": run.variant, "kind": run.kind, "seed": run.seed}
        self.costs.append({**cost, **owner, "run": run.run})

    def _state(self, run: RunRecord) -> str:
        """Why a run has left no scores, as far as its folder tells."""
        folder = self.run_folder(run)
        if (log := folder / ERROR_LOG).is_file():
            lines = [line.strip() for line in read_text(log).splitlines() if line.strip()]
            return f"failed: {lines[-1]}" if lines else "failed"
        written = read_mapping(folder / STATUS)
        if not written:
            return "not started"
        return f"not finished: {written.get('stage', 'unknown stage')} {written.get('state', '')}".rstrip()


def _is_broken(path: Path) -> bool:
    """Whether a file of arrays is there and cannot be read."""
    try:
        with safe_open(path, "numpy"):
            return False
    except FileNotFoundError:
        return False
    except (SafetensorError, OSError):
        return True


def read_text(path: Path) -> str:
    """The text of a file; "" where it is absent or cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def read_mapping(path: Path) -> dict[str, Any]:
    """The JSON object or YAML mapping in a file; empty where it is absent or broken."""
    try:
        content = read_json(path) if path.suffix == ".json" else yaml.load(path.read_text(), _YAML)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def config_of(source: Source, run: RunRecord) -> dict[str, Any]:
    """The resolved configuration of a run; empty where it is missing."""
    return read_mapping(source.run_folder(run) / CONFIG)


def environment_of(source: Source, run: RunRecord) -> dict[str, Any]:
    """What a run was computed with; empty where it is missing."""
    return read_mapping(source.run_folder(run) / ENVIRONMENT)


def address(source: Source, path: Path) -> str:
    """The address of a file, relative to the report."""
    return quote(Path(os.path.relpath(path, source.folder)).as_posix())


def evenly(n: int, most: int) -> Sequence[int]:
    """At most so many of ``range(n)``, evenly spaced."""
    return [int(i) for i in np.unique(np.linspace(0, n - 1, min(n, most)).round())] if n else []


_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the former is ten times as fast, and not in every build

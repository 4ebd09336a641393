"""`benchmark.json`: what the last launch of a benchmark consists of. Tables, status, logs and pictures read it."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import DataError, UsageError
from benchmark.files import read_json, write_json
from benchmark.layout import BENCHMARK

SCHEMA = 1


@dataclass(frozen=True)
class RunRecord:
    """One run of a benchmark."""

    run: str  # folder, relative to that of all benchmarks
    name: str  # such as fabnet/seed0
    variant: str
    kind: str  # method | floor | ceiling | pretrained
    seed: int
    sets: list[str]  # labelled sets it is probed on
    tasks: list[str]
    trained_on: str = ""  # of a pretrained row: what its weights have seen


@dataclass(frozen=True)
class SetRecord:
    """One labelled set of a benchmark."""

    hash: str
    file: str
    report: str  # file that `fabbench verify` writes about it


@dataclass(frozen=True)
class DataJobRecord:
    """A job that prepares data."""

    job: str  # its name
    shown: str  # what it prepares
    ledger: str  # folder of the ledger that has it
    store: str | None = None  # the track store it works on; None for a labelled set
    part: tuple[int, int] | None = None  # which part of how many it packs


@dataclass(frozen=True)
class BenchmarkRecord:
    """What a launch of a benchmark consists of.

    The runs are known once all data are prepared. On a cluster, until then there are only the jobs that prepare them.
    """

    benchmark: str  # name
    runs: list[RunRecord]  # the rows of the tables, once a seed
    starts: list[RunRecord] = field(default_factory=list)  # runs that others start from and that are no rows
    tasks: list[str] = field(default_factory=list)
    sets: dict[str, SetRecord] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)  # rows whose weights were not imported: gaps
    note: str = ""  # printed with the tables
    warnings: list[str] = field(default_factory=list)  # about the data, printed with the tables
    config: dict[str, Any] = field(default_factory=dict)  # resolved
    data_jobs: list[DataJobRecord] = field(default_factory=list)  # of the last launch that had data to prepare

    @property
    def all_runs(self) -> list[RunRecord]:
        """Rows, then the runs that only others start from."""
        return [*self.runs, *self.starts]

    def write(self, folder: Path) -> None:
        """Writes the record into a benchmark's folder."""
        write_json(folder / BENCHMARK, {"schema": SCHEMA, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> "BenchmarkRecord":
        """Reads the record in a benchmark's folder.

        Raises:
            UsageError: no such benchmark.
            DataError: the file is cut short, altered, or of another version.
        """
        path = folder / BENCHMARK
        if not path.is_file():
            others = sorted(other.parent.name for other in folder.parent.glob(f"*/{BENCHMARK}"))
            available = f"; available: {', '.join(others)} (name=...)" if others else ""
            raise UsageError(f"no benchmark {folder.name!r} in {folder.parent}{available}")
        try:
            content = read_json(path)
            schema = content["schema"]
            record = cls._from_json(content) if schema == SCHEMA else None
        except (ValueError, OSError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{path}: cut short or altered; remove it and run the benchmark again") from error
        if record is None:
            raise DataError(
                f"{path}: written by another version of fab-bench (schema {schema!r}, expected {SCHEMA}); "
                "run the benchmark again"
            )
        return record

    @classmethod
    def _from_json(cls, content: dict[str, Any]) -> "BenchmarkRecord":
        return cls(
            benchmark=content["benchmark"],
            runs=[_run_from_json(run) for run in content["runs"]],
            starts=[_run_from_json(run) for run in content.get("starts", [])],
            tasks=list(content.get("tasks", [])),
            sets={
                name: SetRecord(values["hash"], values["file"], values.get("report", ""))
                for name, values in content.get("sets", {}).items()
            },
            absent=list(content.get("absent", [])),
            note=content.get("note", ""),
            warnings=list(content.get("warnings", [])),
            config=dict(content.get("config", {})),
            data_jobs=[_data_job_from_json(job) for job in content.get("data_jobs", [])],
        )


def last_record(folder: Path) -> BenchmarkRecord | None:
    """The record of a benchmark's last launch; None where there is none that can be read."""
    try:
        return BenchmarkRecord.read(folder)
    except (UsageError, DataError):
        return None


def _data_job_from_json(values: dict[str, Any]) -> DataJobRecord:
    part = values.get("part")
    return DataJobRecord(
        job=values["job"],
        shown=values["shown"],
        ledger=values["ledger"],
        store=values.get("store"),
        part=(part[0], part[1]) if part else None,
    )


def _run_from_json(values: dict[str, Any]) -> RunRecord:
    return RunRecord(
        run=values["run"],
        name=values.get("name", f"{values['variant']}/seed{values['seed']}"),
        variant=values["variant"],
        kind=values["kind"],
        seed=values["seed"],
        sets=list(values.get("sets", [])),
        tasks=list(values["tasks"]),
        trained_on=values.get("trained_on", ""),
    )

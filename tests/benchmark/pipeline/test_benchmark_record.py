"""The record of a launch: written, read again, and refused where it cannot be read."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import DataError, UsageError
from benchmark.layout import BENCHMARK
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord, SetRecord

RUN = RunRecord("mine/synthetic/fabnet/seed0-0123456789", "fabnet/seed0", "fabnet", "method", 0, ["faces"], ["pose"])
PARENT = RunRecord("mine/synthetic/start/seed0-0123456789", "start/seed0", "start", "method", 0, [], [])
RECORD = BenchmarkRecord(
    benchmark="mine",
    runs=[RUN],
    starts=[PARENT],
    tasks=["pose"],
    sets={"faces": SetRecord("0" * 64, "cache/faces.arrow", "cache/faces.verify.json")},
    note="A note.",
    warnings=["set faces: few"],
    config={"seeds": [0]},
)


def write(folder: Path, content: Any) -> None:
    (folder / BENCHMARK).write_text(content if isinstance(content, str) else json.dumps(content))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    assert BenchmarkRecord.read(tmp_path) == RECORD
    assert RECORD.all_runs == [RUN, PARENT]


def test_a_record_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Written before runs had names, and before there were warnings, sets and runs that others start from."""
    run = {key: value for key, value in asdict(RUN).items() if key not in ("name", "sets")}
    write(tmp_path, {"schema": 1, "benchmark": "mine", "runs": [run]})
    record = BenchmarkRecord.read(tmp_path)
    assert [run.name for run in record.all_runs] == ["fabnet/seed0"]
    assert (record.note, record.warnings, record.sets) == ("", [], {})


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "3", "\x00", {}, {"schema": 1}, {"schema": 1, "benchmark": "a", "runs": 3}),
        *({"schema": 1, "benchmark": "a", "runs": [{"run": "x"}]}, {"name": "of another program"}),
        *({"schema": 1, "benchmark": "a", "runs": [], "config": [1]}, "[" * 100_000),
    ],
)
def test_a_broken_or_foreign_file_is_one_line(tmp_path: Path, content: Any) -> None:
    write(tmp_path, content)
    with pytest.raises(DataError, match="cut short or altered; remove it and run the benchmark again") as caught:
        BenchmarkRecord.read(tmp_path)
    assert str(tmp_path / BENCHMARK) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_of_a_later_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"schema": 2, "benchmark": "a", "runs": []})
    with pytest.raises(DataError, match=r"written by another version of fab-bench \(schema 2, expected 1\)"):
        BenchmarkRecord.read(tmp_path)


def test_an_unknown_benchmark_names_the_others(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    RECORD.write(tmp_path / "mine")
    with pytest.raises(UsageError, match=r"no benchmark 'yours' in .*; available: mine \(name=\.\.\.\)"):
        BenchmarkRecord.read(tmp_path / "yours")

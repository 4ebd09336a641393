"""What tables leave out, and say so."""

import json
from pathlib import Path
from typing import Any

from benchmark.layout import ENVIRONMENT, ERROR_LOG
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord, SetRecord
from benchmark.pipeline.left_out import code_versions, comparable, without_scores

SETS = {"faces": SetRecord("now", "faces.arrow", "")}


def record(variant: str, seed: int, data: str | None = "tracks", faces: str | None = "now", **change: Any) -> Any:
    made: dict[str, Any] = {
        "variant": variant,
        "seed": seed,
        "kind": "method",
        "task": "pose",
        "run": variant,
        **change,
    }
    made |= {} if data is None else {"data": data}
    return made | ({} if faces is None else {"set": {"name": "faces", "hash": faces}})


def test_records_of_another_labelled_set_are_not_averaged() -> None:
    probes = [record("a", 0), record("a", 1, faces="before"), record("b", 0)]
    kept, lines = comparable(probes, SETS)
    assert kept == [probes[0], probes[2]]
    assert lines == [
        "Left out, on another version of their labelled set: a seed 1 (pose). The same launch again computes them anew."
    ]


def test_records_of_other_tracks_are_not_averaged() -> None:
    probes = [
        record("a", 0),
        record("a", 1),
        record("b", 0, data="others"),
        record("c", 0, data="faces", kind="ceiling"),
    ]
    kept, lines = comparable(probes, SETS)
    assert [each["variant"] for each in kept] == ["a", "a", "c"]
    assert lines[0].startswith("Left out, trained on other tracks than most rows: b seed 0 (pose).")


def test_records_of_before_stay() -> None:
    probes = [record("a", 0, data=None, faces=None), record("b", 0)]
    assert comparable(probes, SETS) == (probes, [])


def launched(*names: str) -> BenchmarkRecord:
    runs = [RunRecord(f"b/{name}", name, name.partition("/")[0], "method", 0, [], ["pose"]) for name in names]
    return BenchmarkRecord("b", runs)


def test_runs_without_scores_are_named(tmp_path: Path) -> None:
    benchmark = launched("a/seed0", "a/seed1", "b/seed0")
    (tmp_path / "b/a/seed1").mkdir(parents=True)
    (tmp_path / "b/a/seed1" / ERROR_LOG).write_text("failed")
    probes = [{"run": "b/b/seed0", "task": "pose"}]
    assert without_scores(tmp_path / "b", benchmark, probes) == [
        "Failed, without all scores: a/seed1.",
        "Without all scores yet: a/seed0.",
    ]


def test_different_code_is_said(tmp_path: Path) -> None:
    benchmark = launched("a/seed0", "b/seed0")
    for name, commit in (("a/seed0", "0123456789"), ("b/seed0", "abcdefghij")):
        (tmp_path / "b" / name).mkdir(parents=True)
        (tmp_path / "b" / name / ENVIRONMENT).write_text(json.dumps({"commit": commit, "dirty": None}))
    assert code_versions(tmp_path / "b", benchmark) == [
        "Runs by different code, whose methods have the same versions: 0123456 (a/seed0); abcdefg (b/seed0)."
    ]
    assert code_versions(tmp_path / "b", launched("a/seed0")) == []

"""Trackers, with what each can do without a network."""

import json
import sqlite3
import struct
import time
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmark.config.schema import TrackerName
from benchmark.data.tracks.store import TrackStore
from benchmark.train.log import NullLog
from benchmark.train.trackers import TrackedRun, open_tracker
from tests.benchmark.tiny import refused, settings
from tests.benchmark.train.runs import equal, metrics, train, weights

LOSSES = {20: 0.5, 40: 0.25}


def tracked(folder: Path) -> TrackedRun:
    return TrackedRun("own-benchmark", "fabnet/seed0", "0123456789abcdef", {"seed": 0, "train": {"lr": 0.001}}, folder)


def log_in_two_parts(name: TrackerName, folder: Path) -> None:
    """As a run does that is interrupted after its first logged step."""
    for step, loss in LOSSES.items():
        log = open_tracker(name, tracked(folder))
        assert not isinstance(log, NullLog)
        log.write(step, {"loss": loss})
        log.close()


def wandb_history(file: Path) -> list[dict[str, Any]]:
    """What was logged, from a file of records in the format of LevelDB's log: checksum, length and type, then bytes."""
    records: Any = import_module("wandb.proto.wandb_internal_pb2")
    content, position, history = file.read_bytes(), 7, []
    while position + 7 <= len(content):
        _, length, _ = struct.unpack("<IHB", content[position : position + 7])
        record = records.Record()
        record.ParseFromString(content[position + 7 : position + 7 + length])
        if record.WhichOneof("record_type") == "history":
            values = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            history.append({name: value for name, value in values.items() if name in ("loss", "_step")})
        position += 7 + length
    return history


def test_mlflow_has_one_run_with_all_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = pytest.importorskip("mlflow.tracking")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    log_in_two_parts("mlflow", tmp_path)
    client = tracking.MlflowClient(tracking_uri=(tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("own-benchmark").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.run_name == "fabnet/seed0"
    assert run.data.params["seed"] == "0"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert {metric.step: metric.value for metric in history} == LOSSES


def test_wandb_writes_offline_parts_of_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    log_in_two_parts("wandb", tmp_path)
    expected = [[{"loss": loss, "_step": step}] for step, loss in LOSSES.items()]

    def history() -> list[list[dict[str, Any]]]:
        return [wandb_history(file) for file in sorted(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))]

    for _ in range(100):  # a process of wandb's own writes what was logged
        if history() == expected:
            break
        time.sleep(0.1)
    assert history() == expected


def test_trackio_has_one_run_with_all_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if find_spec("trackio") is None:  # which reads TRACKIO_DIR when it is imported
        pytest.skip("trackio is not installed")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    log_in_two_parts("trackio", tmp_path)
    with sqlite3.connect(tmp_path / "trackio" / "own-benchmark.db") as database:
        rows = database.execute("SELECT run_name, step, metrics FROM metrics ORDER BY step").fetchall()
    assert {row[0] for row in rows} == {"fabnet/seed0"}
    assert {step: json.loads(metrics)["loss"] for _, step, metrics in rows} == LOSSES
    assert capsys.readouterr().out == ""


def test_a_tracker_that_fails_is_given_up_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full:
        written = 0

        def write(self, step: int, scalars: Mapping[str, float]) -> None:
            self.written += 1
            raise OSError("no space left")

        def close(self) -> None:
            raise AssertionError("a log that was given up is not closed")

    class Module:
        log = Full()

        @classmethod
        def open_log(cls, run: TrackedRun) -> Any:
            return cls.log

    monkeypatch.setattr("benchmark.train.trackers.importlib.import_module", lambda name: Module)
    log = open_tracker("wandb", tracked(tmp_path))
    for step in LOSSES:
        log.write(step, {"loss": 0.0})
    log.close()
    assert Module.log.written == 1
    assert "tracker=wandb failed and is left out of this run: no space left" in capsys.readouterr().err


class Recorded:
    """A tracker that keeps what it is given."""

    def __init__(self) -> None:
        self.lines: list[dict[str, float]] = []
        self.closed = 0

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        self.lines.append({"step": step, **scalars})

    def close(self) -> None:
        self.closed += 1


def test_training_logs_to_the_tracker_what_it_logs_to_the_run_folder(tmp_path: Path, store: TrackStore) -> None:
    recorded = Recorded()
    train(tmp_path / "tracked", store, "autoencoder", tracker=lambda: recorded)
    assert recorded.lines == metrics(tmp_path / "tracked")
    assert recorded.closed == 1
    train(tmp_path / "alone", store, "autoencoder")
    assert equal(weights(tmp_path / "tracked"), weights(tmp_path / "alone"))


@pytest.mark.parametrize("name", ["mlflow", "trackio", "wandb"])
def test_a_tracker_that_is_not_installed_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("benchmark.pipeline.plan.find_spec", lambda package: None)
    line = refused(2, "run", *settings(tmp_path, f"tracker={name}"))
    assert line == f"fabbench: tracker={name}: the package {name} is not installed; pip install 'fab-bench[{name}]'"

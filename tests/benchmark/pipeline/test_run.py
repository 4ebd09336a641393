"""A benchmark from the command to its tables."""

import json
from pathlib import Path

import pytest

from tests.benchmark.tiny import FULL, ROWS, TASKS, Finished, call, run_folder, settings


def test_a_run_prints_the_folder_and_then_an_overview(launched: tuple[Path, Finished]) -> None:
    place, finished = launched
    assert finished.code == 0, finished.err
    first = finished.out.splitlines()[0]
    assert str(place / "runs" / "quick" / "tables") in first
    assert "Smoke run" in finished.out
    overview = finished.out.partition("Overview (quick)")[2]
    for text in ("Head pose", "Action units", *ROWS):
        assert text in overview
    assert "Traceback" not in finished.err


def test_every_cell_has_a_value_for_every_seed(launched: tuple[Path, Finished]) -> None:
    place = launched[0]
    printed = call("tables", *settings(place, *FULL), "--format", "json")
    records = json.loads(printed.out)
    fields = {"benchmark", "variant", "kind", "task", "metric", "unit", "mean", "std", "values", "n_seeds", "runs"}
    assert all(fields <= record.keys() for record in records)
    assert {record["variant"]: record["kind"] for record in records} == ROWS
    for record in [record for record in records if record["task"] != "cost"]:
        seeds = 1 if record["variant"] == "mean" else 2
        assert len(record["values"]) == len(record["runs"]) == record["n_seeds"] == seeds, record
        assert (record["std"] is None) == (seeds == 1)
        assert all((place / "runs" / run / "config.yaml").is_file() for run in record["runs"])
    units = {(record["task"], record["metric"]): record["unit"] for record in records}
    assert units["synthetic-pose", "yaw"] == "deg"
    assert units["synthetic-aus", "auc"] == "auc"


def test_files_of_a_finished_run(launched: tuple[Path, Finished]) -> None:
    folder = run_folder(launched[0], "fabnet")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    expected = {"config.yaml", "status.json", "metrics.jsonl", "environment.json", "cost.json"}
    expected |= {"method.safetensors", "encoder.safetensors", "features/synthetic.safetensors"}
    endings = (".json", ".safetensors", ".head.safetensors")
    expected |= {f"probes/{task}{ending}" for task in TASKS for ending in endings}
    expected |= {f"done/{stage}.json" for stage in ("pretrain", "embed-synthetic", *(f"probe-{t}" for t in TASKS))}
    assert expected <= found
    assert any(name.startswith("events/") for name in found)
    assert json.loads((folder / "status.json").read_text())["state"] == "done"
    record = json.loads((folder / "probes" / "synthetic-pose.json").read_text())
    assert record["set"]["protocol"]
    assert record["data"] == json.loads((folder / "environment.json").read_text()).get("data", record["data"])


def test_a_row_trained_on_labels_has_a_run_for_each_task(launched: tuple[Path, Finished]) -> None:
    for task in TASKS:
        folder = run_folder(launched[0], "supervised", task)
        assert [path.name for path in (folder / "probes").glob("*.json")] == [f"{task}.json"]


@pytest.mark.parametrize(("form", "mark"), [("md", "| method"), ("tex", r"\toprule"), ("csv", "benchmark,variant")])
def test_tables_from_what_is_on_disk(launched: tuple[Path, Finished], form: str, mark: str) -> None:
    printed = call("tables", *settings(launched[0], *FULL), "--format", form)
    assert printed.code == 0
    assert mark in printed.out

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import DataError, UsageError
from benchmark.layout import BENCHMARK
from benchmark.pipeline import results
from benchmark.pipeline.results import FORMATS, write_tables

TASKS = ("pose", "aus")


def render(folder: Path, form: str) -> str:
    return results.render(folder, form, "linear")


def probe_record(run: str, variant: str, seed: int, task: str, value: float) -> dict[str, Any]:
    metric, unit = ("mae", "deg") if task == "pose" else ("auc", "AUC")
    names = ["roll", "pitch", "yaw"] if task == "pose" else ["AU1"]
    heads = {"linear": {"metrics": {metric: {"value": value, "unit": unit, "n": 10}}}}
    return {
        "schema": 1,
        "benchmark": "mine",
        "variant": variant,
        "kind": "method",
        "seed": seed,
        "task": task,
        "run": run,
        "target_kind": task,
        "names": names,
        "n": {"train": 30, "val": 10, "test": 10},
        "heads": heads,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A benchmark of two variants and two seeds: runs on disk and what the launch consisted of."""
    runs = []
    for variant in ("fabnet", "rotation"):
        for seed in (0, 1):
            run = f"mine/synthetic/{variant}/seed{seed}-0123456789"
            runs.append({"run": run, "variant": variant, "kind": "method", "seed": seed, "tasks": list(TASKS)})
            place = tmp_path / run
            (place / "probes").mkdir(parents=True)
            for task in TASKS:
                record = probe_record(run, variant, seed, task, seed + len(variant))
                (place / "probes" / f"{task}.json").write_text(json.dumps(record))
            (place / "cost.json").write_text(json.dumps({"parameters": 100, "steps": 4, "device": "cpu"}))
    about = {"schema": 1, "benchmark": "mine", "note": "", "tasks": list(TASKS), "runs": runs}
    (tmp_path / "mine" / BENCHMARK).write_text(json.dumps(about))
    return tmp_path / "mine"


def cell(folder: Path, variant: str, task: str, metric: str) -> dict[str, Any]:
    cells: list[dict[str, Any]] = json.loads(render(folder, "json"))
    (match,) = [cell for cell in cells if (cell["variant"], cell["task"], cell["metric"]) == (variant, task, metric)]
    return match


def test_cells_are_means_over_seeds_and_name_their_runs(folder: Path) -> None:
    found = cell(folder, "fabnet", "pose", "mae")
    assert found["values"] == [6, 7]
    assert found["mean"] == 6.5
    assert found["std"] == pytest.approx(0.5**0.5)
    assert (found["unit"], found["kind"], found["n_seeds"]) == ("deg", "method", 2)
    assert [(folder.parent / run / "probes").is_dir() for run in found["runs"]] == [True, True]
    assert cell(folder, "fabnet", "cost", "parameters")["values"] == [100, 100]


def test_tables_can_be_made_of_another_head(folder: Path) -> None:
    path = next(folder.glob("synthetic/fabnet/seed0-*/probes/pose.json"))
    record = json.loads(path.read_text())
    record["heads"]["exact"] = {"metrics": {"mae": {"value": 2.0, "unit": "deg", "n": 10}}}
    path.write_text(json.dumps(record))
    (found,) = [each for each in json.loads(results.render(folder, "json", "exact")) if each["values"] == [2.0]]
    assert (found["variant"], found["head"]) == ("fabnet", "exact")


def test_missing_records_are_gaps(folder: Path) -> None:
    for path in folder.glob("synthetic/rotation/*/probes/aus.json"):
        path.unlink()
    next(folder.glob("synthetic/fabnet/seed1-*/probes/pose.json")).unlink()
    gap, fewer = cell(folder, "rotation", "aus", "auc"), cell(folder, "fabnet", "pose", "mae")
    assert (gap["mean"], gap["values"], gap["n_seeds"]) == (None, [], 0)
    assert (fewer["values"], fewer["n_seeds"]) == ([6], 1)
    assert "–" in render(folder, "text")
    assert "6.00 (1)" in render(folder, "text"), "the number says that it is from one seed only"


def test_runs_of_an_earlier_launch_are_left_out(folder: Path) -> None:
    about = json.loads((folder / BENCHMARK).read_text())
    about["runs"] = about["runs"][:2]
    (folder / BENCHMARK).write_text(json.dumps(about))
    assert {each["variant"] for each in json.loads(render(folder, "json"))} == {"fabnet"}


def test_a_benchmark_without_results_has_no_tables(folder: Path) -> None:
    about = json.loads((folder / BENCHMARK).read_text())
    (folder / BENCHMARK).write_text(json.dumps({**about, "runs": []}))
    assert json.loads(render(folder, "json")) == []
    assert render(folder, "text") == ""


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_every_row(folder: Path, form: str) -> None:
    text = render(folder, form)
    assert "fabnet" in text
    assert "rotation" in text
    assert not text.endswith("\n")


def test_syntax_of_each_format(folder: Path) -> None:
    assert "| method" in render(folder, "md")
    assert r"\begin{tabular}" in render(folder, "tex")
    rows = list(csv.DictReader(io.StringIO(render(folder, "csv"))))
    assert len(rows) == len(json.loads(render(folder, "json")))


@pytest.mark.parametrize(
    ("form", "start"), [("text", "A smoke run."), ("md", "A smoke run."), ("tex", "% A smoke run.")]
)
def test_the_note_heads_the_tables(folder: Path, form: str, start: str) -> None:
    about = json.loads((folder / BENCHMARK).read_text())
    (folder / BENCHMARK).write_text(json.dumps({**about, "note": "A smoke run."}))
    assert render(folder, form).startswith(start)
    assert json.loads(render(folder, "json")), "data formats stay data"


def test_a_note_of_several_lines_stays_a_comment_in_latex(folder: Path) -> None:
    about = json.loads((folder / BENCHMARK).read_text())
    (folder / BENCHMARK).write_text(json.dumps({**about, "note": "one\ntwo"}))
    assert render(folder, "tex").startswith("% one\n% two\n")


def test_tables_are_written_in_every_format(folder: Path) -> None:
    write_tables(folder, "linear")
    assert sorted(path.name for path in (folder / "tables").iterdir()) == [
        "cells.csv",
        "cells.json",
        "tables.html",
        "tables.md",
        "tables.tex",
    ]
    assert json.loads((folder / "tables" / "cells.json").read_text()) == json.loads(render(folder, "json"))


def test_an_unknown_benchmark_lists_those_there(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no benchmark 'yours' in .*; available: mine \(name=\.\.\.\)"):
        render(folder.parent / "yours", "text")
    with pytest.raises(UsageError, match=r"no benchmark 'a' in .*nowhere$"):
        render(folder / "nowhere" / "a", "text")


@pytest.mark.parametrize("content", ["", '{"schema": 1, "ben', "[]", "3", "\x00"])
@pytest.mark.parametrize("name", ["probes/pose.json", "cost.json", None])
def test_a_broken_record_is_named(folder: Path, name: str | None, content: str) -> None:
    path = next(folder.glob(f"synthetic/fabnet/seed1-*/{name}")) if name else folder / BENCHMARK
    path.write_text(content)
    with pytest.raises(DataError, match="cut short or altered; remove it and run the benchmark again") as caught:
        render(folder, "text")
    assert str(path) in str(caught.value)


def metric(value: Any) -> dict[str, Any]:
    """Heads with one value."""
    return {"linear": {"metrics": {"mae": {"value": value, "unit": "deg"}}}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "schema 99, this version reads 1"),
        ({"kind": "wizardry"}, "kind is 'wizardry', but this is a record of 'method'"),
        ({"task": None}, "task is None, but this is a record of 'pose'"),
        ({"benchmark": "yours"}, "benchmark is 'yours', but this is a record of 'mine'"),
        ({"variant": "x"}, "variant is 'x', but this is a record of 'fabnet'"),
        ({"seed": 0}, "seed is 0, but this is a record of 1"),
        ({"heads": 3}, "heads is altered"),
        ({"heads": metric("abc")}, "heads.linear.metrics.mae.value is altered (Input should be a valid number)"),
        (
            {"heads": metric(float("nan"))},
            "heads.linear.metrics.mae.value is altered (Input should be a finite number)",
        ),
        ({"heads": metric([1])}, "heads.linear.metrics.mae.value is altered (Input should be a valid number)"),
        ({"names": 3}, "names is altered"),
    ],
)
def test_an_altered_record_is_refused(folder: Path, change: dict[str, Any], message: str) -> None:
    path = next(folder.glob("synthetic/fabnet/seed1-*/probes/pose.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError) as caught:
        render(folder, "text")
    assert f"{path}: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_fields_and_costs_that_are_no_numbers_are_refused(folder: Path) -> None:
    path = next(folder.glob("synthetic/fabnet/seed1-*/cost.json"))
    path.write_text('{"steps": "many"}')
    with pytest.raises(DataError, match=r"cost\.json: steps is altered \(Input should be a valid number\)"):
        render(folder, "text")
    path = next(folder.glob("synthetic/fabnet/seed0-*/probes/pose.json"))
    record = json.loads(path.read_text())
    del record["heads"]
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"pose\.json: heads is altered \(Field required\)"):
        render(folder, "text")


def test_a_benchmark_record_without_runs_is_refused(folder: Path) -> None:
    (folder / BENCHMARK).write_text("{}")
    with pytest.raises(DataError, match="altered"):
        render(folder, "text")

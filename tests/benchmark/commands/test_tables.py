"""`fabbench tables`: the whole benchmark, or the part that is asked for."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.benchmark.tiny import call, refused, settings, start


def test_tables_of_an_unknown_benchmark(done: Path, tmp_path: Path) -> None:
    assert "no benchmark 'quick'" in refused(2, "tables", *settings(tmp_path))
    assert "available: quick (name=...)" in refused(2, "tables", *settings(done, "name=other"))


def rows(*words: str) -> set[str]:
    """The rows of the tables that a command prints."""
    printed = call("tables", *words, "--format", "json")
    assert printed.code == 0, printed.err
    return {cell["variant"] for cell in json.loads(printed.out)}


@pytest.mark.parametrize("form", ["text", "md", "html", "tex", "csv", "json"])
def test_methods_select_rows(done: Path, form: str) -> None:
    out = f"out={done / 'runs'}"
    whole = call("tables", "name=quick", out, "--format", form).out
    part = call("tables", "name=quick", out, "methods=fabnet", "--format", form).out
    assert "mean" in whole.replace("mean among", "")
    assert "fabnet" in part
    assert "floor" not in part


def test_typed_names_are_those_of_the_launch(done: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    assert rows(*where) == rows(*where, "methods=fabnet,mean") == {"mean", "fabnet"}
    assert rows(*where, "methods=mean") == {"mean"}
    assert rows(*where, "tasks=synthetic-pose", "seeds=1") == {"mean", "fabnet"}
    for setting, message in {
        "methods=fabnt": "methods: 'fabnt' is not in benchmark 'quick'; did you mean 'fabnet'?",
        "methods=rotation": "methods: 'rotation' is not in benchmark 'quick'; available: fabnet, mean",
        "tasks=synthetic-aus": "tasks: 'synthetic-aus' is not in benchmark 'quick'",
        "seeds=2": "seeds: '1' is not in benchmark 'quick'; available: 0",
    }.items():
        assert message in refused(2, "tables", *where, setting)


def test_the_head_is_that_of_the_launch_unless_typed(done: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    assert "solved exactly" in call("tables", *where).out
    assert "trained by Adam" in call("tables", *where, "probe.table_head=linear").out


def test_settings_may_come_before_and_after_an_option(done: Path) -> None:
    first, *rest = settings(done)
    assert call("tables", first, "--format", "csv", *rest).out == call("tables", first, *rest, "--format", "csv").out
    assert "name: mine" in call("run", "preset=quick", "--cfg", "name=mine").out


def test_a_closed_pipe_is_no_error(done: Path) -> None:
    process = start("tables", *settings(done))
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.wait()


def test_the_first_table_says_what_is_shown_and_the_others_follow_on_request(done: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    first, full = call("tables", *where).out, call("tables", *where, "--full").out
    assert max(map(len, first.splitlines())) <= 80
    assert max(map(len, full.splitlines())) <= 120
    assert "95 % interval over 1 seed and" in " ".join(first.split())
    assert "Head pose" in first
    assert "fabnet is the only method." in first
    assert full.startswith(first.rstrip())
    assert "Cost (quick)" in full
    assert "Cost (quick)" not in first
    assert call("tables", *where, "--full").out == full, "the same bytes again"


def test_methods_are_compared_with_a_chosen_row(done: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    printed = " ".join(call("tables", *where, "tables.reference=mean").out.split())
    assert "ahead of mean" in printed or "differ from mean" in printed or "behind mean" in printed
    refusal = refused(2, "tables", *where, "tables.reference=fabnt")
    assert "tables.reference=fabnt is no row of these tables; did you mean 'fabnet'?" in refusal
    assert "no row of these tables" in refused(2, "tables", *where, "methods=fabnet", "tables.reference=mean")
    launch = refused(2, "run", "preset=quick", "tables.reference=fabnt", "--dry-run")
    assert "tables.reference=fabnt is not among methods=; did you mean 'fabnet'?" in launch


def test_tables_are_written_to_a_file_in_the_format_of_its_ending(done: Path, tmp_path: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    for name, form in {"a.html": "html", "b.md": "md", "c.csv": "csv", "d.txt": "text", "new/e.json": "json"}.items():
        written = call("tables", *where, "--to", str(tmp_path / name))
        assert (written.code, written.out) == (0, "")
        assert (tmp_path / name).read_text() == call("tables", *where, "--format", form).out
    assert "no format has this ending" in refused(2, "tables", *where, "--to", str(tmp_path / "cells.xls"))
    assert "name a file by --to" in refused(2, "tables", *where, "--format", "parquet")
    (tmp_path / "file").touch()
    assert "file" in refused(1, "tables", *where, "--to", str(tmp_path / "file/cells.csv"))


def test_parquet_has_the_cells_of_json(done: Path, tmp_path: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    first, second = tmp_path / "cells.parquet", tmp_path / "again.parquet"
    for path in (first, second):
        assert call("tables", *where, "--to", str(path)).code == 0
    assert first.read_bytes() == second.read_bytes()
    cells = json.loads(call("tables", *where, "--format", "json").out)
    assert pyarrow.parquet.read_table(first).to_pylist() == cells
    assert any(cell["low"] is not None and cell["low"] < cell["mean"] < cell["high"] for cell in cells)


def test_the_papers_tables_need_one_of_its_sets(done: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    message = refused(2, "tables", *where, "--paper")
    assert "quick has no scores on a set of the paper's tables, 300-W, MAFL" in message
    assert "preset=paper" in message
    assert "--paper chooses tables, and --full has all of them" in refused(2, "tables", *where, "--paper", "--full")
    assert "--format json has all of them" in refused(2, "tables", *where, "--paper", "--format", "json")


def test_latex_may_span_two_columns(done: Path) -> None:
    where = ("name=quick", f"out={done / 'runs'}")
    assert r"\begin{table*}" in call("tables", *where, "--format", "tex", "--two-column").out
    assert "--two-column is of --format tex" in refused(2, "tables", *where, "--two-column")

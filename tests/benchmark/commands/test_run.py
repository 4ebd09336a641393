"""`fabbench run`: its last lines, mistakes in methods and sets, interruption."""

import os
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.benchmark.tiny import METHOD, call, end, refused, settings, start, times

CSV = "sets.mine={kind: csv, csv: CSV, images: IMAGES, size: 32, pose: {roll: roll, pitch: pitch, yaw: yaw}}"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("def x(:\n", "cannot be loaded: SyntaxError"),
        ("import nothing_of_that_name\n", "line 1, cannot be loaded: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "line 1, cannot be loaded: SystemExit"),
        ("x = 1\n", "must register exactly one method"),
        (METHOD.format(name="fabnet"), "method 'fabnet' is registered twice"),
        (METHOD.format(name="Bad Name"), "method name 'Bad Name'"),
    ],
)
def test_a_broken_method_file_is_refused_in_one_line(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "my method.py"
    path.write_text(content)
    assert expected in refused(2, "run", *settings(tmp_path, f"methods={path}"))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("task.x.target=posee", "set synthetic has no target 'posee'; did you mean 'pose'?"),
        ("sets.synthetic.size=64", "set synthetic holds 64 px faces, data.size=32"),
        ("sets.synthetic.train=12", "train=12 is no multiple of frames_per_identity=8"),
        ("sets.synthetic.val=0", "sets.synthetic.val=0 must be greater than or equal to 1"),
        ("data.identities=0", "data.identities=0 must be greater than or equal to 2"),
    ],
)
def test_settings_that_do_not_fit_together_stop_before_training(tmp_path: Path, change: str, expected: str) -> None:
    task = ["task.x={set: synthetic, target: pose}", "tasks=x"]
    finished = call("run", *settings(tmp_path, *task, change))
    assert finished.code == 2
    assert expected in finished.err.splitlines()[-1]
    assert "Traceback" not in finished.err
    assert not list(tmp_path.glob("cache/tracks/*/manifest.json")), "found before the tracks are made"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("key", ["out", "cache", "data.store"])
def test_a_file_where_a_folder_is_expected_is_named(done: Path, tmp_path: Path, key: str) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    for place in (path, path / "below"):
        assert str(path) in refused(1, "run", *settings(tmp_path, f"{key}={place}", cache=done / "cache"))
    assert path.read_text() == "x"


def test_a_full_disk_is_reported_in_one_line(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/disk/file")

    monkeypatch.setattr("benchmark.pipeline.benchmark_record.write_json", full)
    assert refused(1, "run", *settings(tmp_path, cache=done / "cache")) == (
        "fabbench: /disk/file: No space left on device"
    )


def test_a_missing_csv_is_named(done: Path, tmp_path: Path) -> None:
    mine = CSV.replace("CSV", str(tmp_path / "absent.csv")).replace("IMAGES", str(tmp_path))
    words = settings(tmp_path, mine, "task.mine={set: mine, target: pose}", "tasks=mine", cache=done / "cache")
    assert f"{tmp_path / 'absent.csv'}: cannot be read" in refused(1, "run", *words)


def test_a_set_without_a_label_in_one_split_stops_before_training(done: Path, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    rows = ["image,roll,pitch,yaw,mood,split"]
    for i in range(6):
        Image.new("RGB", (32, 32), (40 * i, 0, 0)).save(tmp_path / "images" / f"{i}.png")
        split = ("train", "val", "test")[i // 2]
        rows.append(f"{i}.png,{i},{i},{i},{'' if split == 'val' else 'ab'[i % 2]},{split}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    mine = CSV.replace("CSV", str(tmp_path / "labels.csv")).replace("IMAGES", str(tmp_path / "images"))
    mine = mine.replace("size: 32", "size: 32, split: split, classes: {column: mood, names: [a, b]}")
    words = settings(tmp_path, mine, "task.mine={set: mine, target: classes}", "tasks=mine", cache=done / "cache")
    finished = call("run", *words)
    assert finished.code == 1
    assert "no val face of set mine has a known value of classes" in finished.err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_folder_names_with_special_characters(done: Path, tmp_path: Path) -> None:
    place = tmp_path / "a b=c, d: #e"
    assert call("run", *settings(place, cache=done / "cache")).code == 0
    assert "fabnet" in call("tables", *settings(place), "--format", "csv").out


def test_the_configuration_is_printed() -> None:
    printed = call("run", "preset=quick", "train.steps=7", "--cfg")
    assert printed.code == 0
    assert "steps: 7" in printed.out


def test_ctrl_c_leaves_a_checkpoint_and_one_line(tmp_path: Path, done: Path) -> None:
    words = settings(tmp_path, "methods=fabnet", "train.steps=4000", "train.checkpoint_steps=5", cache=done / "cache")
    process = start("run", *words, "launcher=local")
    while process.poll() is None and not list(tmp_path.glob("runs/**/checkpoint.pt")):
        time.sleep(0.01)
    assert process.poll() is None, end(process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    stopped = end(process)
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == "fabbench: interrupted; the same command goes on from here"
    assert "Traceback" not in stopped.err
    assert list(tmp_path.glob("runs/**/checkpoint.pt"))


def test_two_launches_at_once_share_the_runs(tmp_path: Path, done: Path) -> None:
    words = settings(tmp_path, "methods=fabnet,rotation", "train.steps=40", cache=done / "cache")
    both = [start("run", *words) for _ in range(2)]
    ended = [end(process) for process in both]
    assert [finished.code for finished in ended] == [0, 0], ended
    assert ended[0].out == ended[1].out
    before = times(tmp_path / "runs", "quick/*/*/seed*/**/*")
    assert "2 runs: 2 done, 0 to do" in call("run", *words).err
    assert times(tmp_path / "runs", "quick/*/*/seed*/**/*") == before


def test_a_dry_run_without_slurm_prints_the_jobs_of_an_empty_queue(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = settings(tmp_path, "launcher=slurm", cache=done / "cache")
    planned = call("run", *words, "--dry-run")
    assert planned.code == 0
    (note,) = planned.err.splitlines()
    assert note.startswith("note: this machine cannot reach Slurm: scontrol is not on PATH; ")
    assert "array    ARRAY0: pretrain of 2 jobs  at once" in planned.out
    assert "job_name: quick-pretrain" in planned.out
    submitted = call("run", *words)
    assert submitted.code == 1
    assert submitted.err.splitlines()[-1] == "fabbench: this machine cannot reach Slurm: squeue is not on PATH"


def test_the_last_output_is_one_table_after_the_paths_of_the_full_ones(done: Path) -> None:
    finished = call("run", *settings(done))
    assert finished.code == 0
    folder = done / "runs" / "quick"
    paths, runs, *_ = finished.out.splitlines()
    assert paths == f"Full tables: {folder / 'tables'}: tables.md, tables.html, tables.tex, cells.csv, cells.json"
    assert runs == f"Runs and logs: {folder}"
    _, _, table = finished.out.partition("Overview (quick)\n")
    grid = table.split("\n\n")[0].splitlines()
    rows = [line.split()[0] for line in grid if line.startswith(("floor -", "mean ", "method -", "fabnet "))]
    assert rows == ["floor", "mean", "method", "fabnet"]
    assert "Full tables" not in table, "the table is last"

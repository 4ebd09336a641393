"""What a person at a terminal gets: one line and an exit code for every mistake, help, and a quick start."""

import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise, product
from pathlib import Path

import pytest

from benchmark.cli import find_commands
from tests.benchmark.tiny import METHOD, ROOT, Finished, call, end, settings, start, times

COMMANDS = find_commands()


def refused(code: int, *words: str) -> str:
    """The one line that a command ends with."""
    finished = call(*words)
    assert finished.code == code, finished
    assert finished.out == ""
    lines = finished.err.splitlines()
    assert len(lines) == 1, finished.err
    assert lines[0].startswith("fabbench: ")
    return lines[0]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished benchmark, to be copied before it is harmed."""
    place = tmp_path_factory.mktemp("done")
    assert call("run", *settings(place)).code == 0
    return place


@pytest.fixture
def store(done: Path, tmp_path: Path) -> Path:
    shutil.copytree(next((done / "cache" / "tracks").iterdir()), tmp_path / "store")
    return tmp_path / "store"


CSV = "sets.mine={kind: csv, csv: CSV, images: IMAGES, size: 32, pose: {roll: roll, pitch: pitch, yaw: yaw}}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["rum"], "unknown command 'rum'; did you mean 'run'?"),
        (["--dry-run", "run"], "unknown command '--dry-run'"),
        (["run", "--dryrun"], "unknown option '--dryrun' for `run`; see fabbench run --help"),
        (["verify", "--dry-run"], "unknown option '--dry-run' for `verify`"),
        (["tables", "--format", "html"], "invalid choice: 'html'"),
        (["tables", "--format"], "--format: expected one argument"),
        (["run", "train.stesp=1"], "unknown key train.stesp; did you mean 'train.steps'?"),
        (["run", "--cfg", "train.stesp=1"], "unknown key train.stesp"),
        (["run", "steps"], "expected key=value, got 'steps'"),
        (["run", ""], "expected key=value, got ''"),
        (["run", "methods=fabent"], "unknown method 'fabent'; did you mean 'fabnet'?"),
        (["run", "methods=./absent.py"], "no such method file: "),
        (["run", "tasks=synthetic-poes"], "unknown task 'synthetic-poes'; did you mean 'synthetic-pose'?"),
        (["run", "preset=quik"], "unknown preset 'quik'; did you mean 'quick'?"),
        (["run", "preset=/nowhere/a.yaml"], "no such preset file: /nowhere/a.yaml"),
        (["run", "data=vidoes"], "unknown data 'vidoes'; did you mean 'videos'?"),
        (["run", "data=videos"], "needs data.root=DIR"),
        (["run", "data=videos", "--dry-run"], "needs data.root=DIR"),
        (["prepare", "data=frames"], "needs data.root=DIR"),
        (["prepare", "preset=real_mini"], "needs root=DIR"),
        (["verify", "data=videos"], "needs data.root=DIR"),
        (["run", "variants.fabnet.options.sorces=3"], "fabnet has no option 'sorces'"),
        (["run", "data.size=48"], "encoder size 48: it must be a power of two"),
        (["run", "train.lr=nan"], "train.lr=nan must be a finite number"),
        (["run", "sets.synthetic.trian=8"], "unknown key sets.synthetic.trian; did you mean 'sets.synthetic.train'?"),
        (["run", "sets.synthetic.train=many"], "sets.synthetic.train=many must be a valid integer"),
        (["run", "sets.synthetic.kind=cvs"], "unknown sets.synthetic.kind=cvs; did you mean 'csv'?"),
        (["run", "task.x={set: synthetic, target: pose}", "tasks=x,y"], "unknown task 'y'"),
        (["run", "probe.heads=[linaer]"], "unknown probe.heads[0]=linaer; did you mean 'linear'?"),
        (["methods", "fabnet"], "expected key=value, got 'fabnet'"),
        (
            ["run", "variants.a.init_from=fabnet-curiculum", "variants.a.method=fabnet", "methods=a"],
            "did you mean 'fabnet-c",
        ),
        (["run", "methods=vgg-face"], "vgg-face needs weights: fabbench import FILE, or variants.vgg-face.weights=DIR"),
        (["import"], "`fabbench import` takes one FILE"),
        (["import", "a.pt", "b.pt"], "`fabbench import` takes one FILE"),
        (["import", "a.pt", "--as", "a/b"], "--as: 'a/b' cannot name a folder"),
        (["import", "a.pt", "--option", "channels"], "--option channels: expected KEY=VALUE"),
        (["pictures"], "`fabbench pictures` takes one RUN"),
        (["pictures", "fabnet/seed0"], "no run 'fabnet/seed0' of benchmark default"),
        (["data", "shwo"], "not 'shwo'; did you mean 'show'?"),
        (["data", "show"], "name what to show: affectnet, aflw, "),
        (["data", "show", "synthetik"], "unknown set 'synthetik'; did you mean 'synthetic'?"),
    ],
)
def test_a_mistake_in_the_command_is_one_line_and_exit_code_2(
    words: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [*words, f"cache={tmp_path / 'cache'}"] if words[0] == "run" else words
    assert expected in refused(2, *words)
    assert list(tmp_path.glob("**/manifest.json")) == []
    assert list(tmp_path.glob("**/runs")) == []


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
def test_a_broken_method_file_is_one_line_and_exit_code_2(tmp_path: Path, content: str, expected: str) -> None:
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
        ("sets.synthetic.val=0", "need positive numbers"),
        ("data.identities=0", "need positive numbers"),
    ],
)
def test_what_does_not_fit_together_stops_before_training(tmp_path: Path, change: str, expected: str) -> None:
    task = ["task.x={set: synthetic, target: pose}", "tasks=x"]
    finished = call("run", *settings(tmp_path, *task, change))
    assert finished.code == 2
    assert expected in finished.err.splitlines()[-1]
    assert "Traceback" not in finished.err
    assert not list(tmp_path.glob("cache/tracks/*/manifest.json")), "found before the tracks are made"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("kind", ["videos", "frames"])
@pytest.mark.parametrize(
    ("what", "command"),
    [
        *product(["absent", "a file", "empty"], [["run"], ["prepare"], ["prepare", "--dry-run"], ["run", "--dry-run"]]),
        *product(["nothing usable"], [["run"], ["prepare"]]),  # which is found when it is read
    ],
)
def test_raw_data_that_cannot_be_used_is_exit_code_1_and_nothing_half_written(
    tmp_path: Path, kind: str, what: str, command: list[str]
) -> None:
    root, store = tmp_path / "raw", tmp_path / "store"
    if what == "a file":
        root.write_text("x")
    elif what != "absent":
        place = root / "id1" / "v1"
        place.mkdir(parents=True)
        if what == "nothing usable":
            (place / ("1.mp4" if kind == "videos" else "1.jpg")).write_bytes(b"not a picture")
    words = [word for word in settings(tmp_path) if not word.startswith("data.")]
    words += [f"data={kind}", f"data.root={root}", f"data.store={store}", "data.size=32"]
    finished = call(*command, *words)
    assert finished.code == 1
    line = finished.err.splitlines()[-1]
    assert str(root) in line or "no usable track" in line
    assert "Traceback" not in finished.err
    assert not (store / "manifest.json").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("key", ["out", "cache", "data.store"])
def test_a_file_where_a_folder_belongs(done: Path, tmp_path: Path, key: str) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    for place in (path, path / "below"):
        assert str(path) in refused(1, "run", *settings(tmp_path, f"{key}={place}", cache=done / "cache"))
    assert path.read_text() == "x"


def test_a_disk_that_refuses_is_one_line(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/disk/file")

    monkeypatch.setattr("benchmark.pipeline.benchmark_record.write_json", full)
    assert refused(1, "run", *settings(tmp_path, cache=done / "cache")) == (
        "fabbench: /disk/file: No space left on device"
    )


def test_a_store_of_another_size_is_refused(store: Path, tmp_path: Path) -> None:
    words = ["preset=quick", "data=videos", f"data.store={store}", "data.size=64", f"out={tmp_path / 'runs'}"]
    for more in ([], ["--dry-run"]):
        line = refused(2, "run", *words, f"cache={tmp_path / 'cache'}", *more)
        assert line == f"fabbench: the track store {store} holds 32 px frames, data.size=64"
    line = refused(1, "prepare", *settings(tmp_path, f"data.store={store}", "data.size=64"))
    assert "made with other settings (size 32, now 64" in line
    assert not (tmp_path / "runs").exists()


def test_a_store_without_its_raw_data_is_used(store: Path, done: Path, tmp_path: Path) -> None:
    own = [word for word in settings(tmp_path, cache=done / "cache") if not word.startswith("data.")]
    words = [*own, "data=videos", "data.size=32", f"data.store={store}"]
    assert call("run", *words).code == 0
    assert call("verify", *words).code == 0


def test_a_shard_cut_short_stops_the_run_and_verify_names_it(store: Path, done: Path, tmp_path: Path) -> None:
    shard = store / "shards" / "shard-00000.arrow"
    shard.write_bytes(shard.read_bytes()[:-100])
    words = settings(tmp_path, f"data.store={store}", cache=done / "cache")
    finished = call("run", *words)
    assert finished.code == 1
    assert finished.err.splitlines()[-1].startswith(f"fabbench: {shard}: ")
    assert not list(tmp_path.glob("runs/*/*")), "it stops before anything is trained"
    checked = call("verify", *words)
    assert checked.code == 1
    assert str(shard.name) in checked.out


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": "fab'])
@pytest.mark.parametrize(
    "command", [["run"], ["run", "--dry-run"], ["prepare"], ["verify"], ["data", "show", "tracks"]]
)
def test_a_broken_manifest_is_named(
    store: Path, tmp_path: Path, content: bytes, command: list[str], done: Path
) -> None:
    (store / "manifest.json").write_bytes(content)
    finished = call(*command, *settings(tmp_path, f"data.store={store}", cache=done / "cache"))
    assert finished.code == 1
    assert str(store / "manifest.json") in finished.out + finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("harm", ["cut", "altered", "emptied"])
@pytest.mark.parametrize("command", [["run"], ["run", "--dry-run"], ["data", "show", "synthetic"]])
def test_broken_labelled_faces_are_named_with_the_remedy(
    done: Path, tmp_path: Path, harm: str, command: list[str]
) -> None:
    shutil.copytree(done / "cache", tmp_path / "cache")
    path = next((tmp_path / "cache" / "faces").iterdir())
    content = path.read_bytes()
    middle = len(content) // 2
    altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    path.write_bytes({"cut": content[:middle], "altered": altered, "emptied": b""}[harm])
    line = refused(1, *command, *settings(tmp_path))
    assert str(path) in line
    assert "remove it to make it anew" in line


def test_a_csv_that_is_missing_is_named(done: Path, tmp_path: Path) -> None:
    mine = CSV.replace("CSV", str(tmp_path / "absent.csv")).replace("IMAGES", str(tmp_path))
    words = settings(tmp_path, mine, "task.mine={set: mine, target: pose}", "tasks=mine", cache=done / "cache")
    assert f"{tmp_path / 'absent.csv'}: cannot be read" in refused(1, "run", *words)


def test_a_set_without_a_label_in_some_split_stops_before_training(done: Path, tmp_path: Path) -> None:
    from PIL import Image

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


def test_odd_folder_names_work(done: Path, tmp_path: Path) -> None:
    place = tmp_path / "a b=c, d: #e"
    assert call("run", *settings(place, cache=done / "cache")).code == 0
    assert "fabnet" in call("tables", *settings(place), "--format", "csv").out


def test_tables_of_nothing(done: Path, tmp_path: Path) -> None:
    assert "no benchmark 'quick'" in refused(2, "tables", *settings(tmp_path))
    assert "available: quick (name=...)" in refused(2, "tables", *settings(done, "name=other"))


def test_settings_may_stand_before_and_after_an_option(done: Path) -> None:
    first, *rest = settings(done)
    assert call("tables", first, "--format", "csv", *rest).out == call("tables", first, *rest, "--format", "csv").out
    assert "name: mine" in call("run", "preset=quick", "--cfg", "name=mine").out


# -- help and listings -------------------------------------------------------------------------------------------------


def test_help_shows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmark.cli import main

    for words in (["--help"], ["-h"]):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert all(name in shown for name in COMMANDS)
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmark.cli import main

    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert f"  fabbench {name}" in shown.partition("examples:")[2]


@pytest.mark.parametrize(
    "line",
    [
        line.strip().split("  ")[0].split()
        for command in COMMANDS.values()
        for line in command.EXAMPLES.strip().splitlines()
        if "my_method" not in line
    ],
    ids=" ".join,
)
def test_the_examples_are_valid(line: list[str]) -> None:
    """As far as the configuration goes: what they name exists."""
    from benchmark.config.load import load

    assert line[0] == "fabbench"
    assert line[1] in COMMANDS
    load([word for before, word in pairwise(line[1:]) if "=" in word and before != "--option"])


def test_methods_are_listed() -> None:
    listed = [line.strip() for line in call("methods").out.splitlines()]
    for name in ("fabnet", "autoencoder", "rotation", "split_brain", "mean", "pixels", "random", "supervised"):
        assert any(line.startswith(f"{name} ") for line in listed)
    (fabnet,) = [line for line in listed if line.startswith("fabnet ")]
    for said in ("method", "2 frames", "M ", "Wiles et al., BMVC 2018"):
        assert said in fabnet
    assert any(line.startswith("variants.fabnet.options.sources=1 ") for line in listed)
    (variant,) = [line for line in listed if line.startswith("fabnet-3source ")]
    assert "options.sources=3" in variant
    assert "init_from=fabnet-curriculum" in variant


def test_parameters_are_those_of_the_encoder_asked_for() -> None:
    listed = call("methods", "data.size=256", "encoder.width=32").out
    (random,) = [line for line in listed.splitlines() if line.strip().startswith("random ")]
    assert "4.89 M" in random, "the paper's encoder"


def test_tasks_are_listed() -> None:
    listed = call("tasks").out
    assert any(line.startswith("synthetic-pose ") for line in listed.splitlines())
    assert "mine" in call("tasks", "task.mine={set: synthetic, target: pose, summary: my own}").out


def test_data_are_listed() -> None:
    listed = call("data").out
    for name in ("synthetic", "videos", "frames", "concat"):
        assert f"  {name} " in listed


def test_the_configuration_is_printed() -> None:
    printed = call("run", "preset=quick", "train.steps=7", "--cfg")
    assert printed.code == 0
    assert "steps: 7" in printed.out


# -- interruption by hand ----------------------------------------------------------------------------------------------


def test_ctrl_c_ends_with_one_line_and_leaves_what_the_same_command_goes_on_from(tmp_path: Path, done: Path) -> None:
    words = settings(tmp_path, "methods=fabnet", "train.steps=4000", "train.checkpoint_steps=5", cache=done / "cache")
    process = start("run", *words, "launcher=local")
    while process.poll() is None and not list(tmp_path.glob("runs/**/checkpoint.pt")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    stopped = end(process)
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1] == "fabbench: interrupted; the same command goes on from here"
    assert "Traceback" not in stopped.err
    assert list(tmp_path.glob("runs/**/checkpoint.pt"))


def test_two_launches_at_once_share_the_work(tmp_path: Path, done: Path) -> None:
    words = settings(tmp_path, "methods=fabnet,rotation", "train.steps=40", cache=done / "cache")
    both = [start("run", *words) for _ in range(2)]
    ended = [end(process) for process in both]
    assert [finished.code for finished in ended] == [0, 0], ended
    assert ended[0].out.partition("Cost")[0] == ended[1].out.partition("Cost")[0]
    before = times(tmp_path / "runs", "quick/*/*/seed*/**/*")
    assert "2 runs: 2 done, 0 to do" in call("run", *words).err
    assert times(tmp_path / "runs", "quick/*/*/seed*/**/*") == before


def test_a_reader_that_leaves_early_is_no_error(done: Path) -> None:
    process = start("tables", *settings(done))
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.wait()


# -- what is imported when ---------------------------------------------------------------------------------------------


def imported(code: str) -> set[str]:
    """Top-level packages loaded after ``code`` ran in a fresh interpreter."""
    script = f"{code}\nimport sys; print(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_the_command_line_starts_without_what_computes() -> None:
    heavy = {"torch", "pandas", "sklearn", "scipy", "kornia", "av", "pyarrow", "matplotlib", "numpy", "hydra"}
    assert not heavy & imported("import benchmark, benchmark.cli")
    heavy -= {"hydra"}
    assert not heavy & imported("import benchmark.cli; benchmark.cli.main(['tasks']); print()")


def finished_alone(*words: str) -> Finished:
    answer = subprocess.run([sys.executable, "-m", "benchmark", *words], cwd=ROOT, capture_output=True, text=True)
    return Finished(answer.returncode, answer.stdout, answer.stderr)


def test_as_a_module_it_is_the_same() -> None:
    answer = finished_alone("rum")
    assert (answer.code, answer.out, answer.err) == (2, "", "fabbench: unknown command 'rum'; did you mean 'run'?\n")

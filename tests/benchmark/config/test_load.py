from pathlib import Path

import pytest
import yaml

from benchmark.config import load as configuration
from benchmark.config.compose import group_names
from benchmark.config.csv import CsvFaces
from benchmark.config.data import ConcatData, FrameData, SyntheticData, VideoData
from benchmark.config.load import load, plain, to_yaml
from benchmark.config.schema import Config
from benchmark.errors import UsageError


def refused(*overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def identities(config: Config) -> int:
    assert isinstance(config.data, SyntheticData)
    return config.data.identities


def test_the_default_benchmark() -> None:
    config = load()
    assert config.preset == config.name == "default"
    assert isinstance(config.data, SyntheticData)
    assert config.seeds == [0, 1, 2]
    assert set(config.methods) <= config.variants.keys()
    assert all(config.task[task].set in config.sets for task in config.tasks)


@pytest.mark.parametrize("preset", group_names("preset"))
def test_every_shipped_preset_loads_and_is_named_as_its_file(preset: str) -> None:
    config = load([f"preset={preset}", "root=/data"])
    assert config.preset == preset
    assert config.name == preset


@pytest.mark.parametrize("data", group_names("data"))
def test_every_shipped_data_choice_loads(data: str) -> None:
    extra = ["data.parts=[{kind: videos, root: /data}]"] if data == "concat" else []
    assert load([f"data={data}", *extra]).data.kind in data


@pytest.mark.parametrize("launcher", group_names("launcher"))
def test_every_shipped_launcher_loads(launcher: str) -> None:
    assert load([f"launcher={launcher}"]).launcher.kind == launcher


def test_a_key_on_the_command_line_wins_over_preset_and_group() -> None:
    config = load(["train.steps=7", "preset=quick", "data.identities=5", "data=synthetic"])
    assert (config.train.steps, identities(config), config.name) == (7, 5, "quick")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("methods=fabnet,rotation", ["fabnet", "rotation"]),
        ("methods=[fabnet, rotation]", ["fabnet", "rotation"]),
        ("methods=fabnet", ["fabnet"]),
        ("methods=./my method.py,fabnet", ["./my method.py", "fabnet"]),
    ],
)
def test_lists_of_methods(override: str, expected: list[str]) -> None:
    config = load([override])
    assert config.methods == expected
    assert [config.variants[name].method for name in expected] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", [0, 1, 2]), ("1", [0]), ("[0,1,5]", [0, 1, 5]), ("4,2", [4, 2]), ("[7]", [7])],
)
def test_seeds_are_a_number_of_them_or_a_list(text: str, expected: list[int]) -> None:
    assert load([f"seeds={text}"]).seeds == expected


@pytest.mark.parametrize("text", ["0", "-1", "[]", "", "[1,1]", "[-1]", "many", "1.5", "[a]", "true", "{a: 1}"])
def test_seeds_that_are_none(text: str) -> None:
    assert refused(f"seeds={text}").startswith("seeds: ")


@pytest.mark.parametrize(
    "path", ["/data/with space", "/data/a=b", "/data/a,b", "/data/a: b", "/data/a #b", "12", "/data/{x}", "é"]
)
def test_paths_are_taken_as_written(path: str) -> None:
    assert load([f"out={path}"]).out == path
    config = load(["data=videos", f"data.root={path}"])
    assert isinstance(config.data, VideoData)
    assert config.data.root == path


@pytest.mark.parametrize(("text", "rate"), [("1e-3", 1e-3), ("0.5", 0.5), ("2", 2.0), ("3E2", 300.0)])
def test_numbers_in_every_notation(text: str, rate: float) -> None:
    assert load([f"train.lr={text}"]).train.lr == rate


def test_null_and_nested_values() -> None:
    assert load(["train.clip=null"]).train.clip is None
    options = load(["variants.fabnet.options={sources: 3, deep: {a: [1]}}"]).variants["fabnet"].options
    assert options == {"sources": 3, "deep": {"a": [1]}}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.stesp=1", "unknown key train.stesp; did you mean 'train.steps'?"),
        ("tran.steps=1", "unknown key tran; did you mean 'train'?"),
        ("data.identites=1", "unknown key data.identites; did you mean 'data.identities'?"),
        ("variants.fabnet.train.lrr=1", "unknown key variants.fabnet.train.lrr; did you mean"),
        ("variants.fabnet.option={}", "unknown key variants.fabnet.option; did you mean"),
        ("preset=quik", "unknown preset 'quik'; did you mean 'quick'?"),
        ("data=video", "unknown data 'video'; did you mean 'videos'?"),
        ("data.kind=video", "unknown data.kind=video; did you mean 'videos'?"),
        ("launcher=lokal", "unknown launcher 'lokal'; did you mean 'local'?"),
        ("tasks=synthetic-poes", "unknown task 'synthetic-poes'; did you mean 'synthetic-pose'?"),
        ("task.synthetic-pose.set=synthtic", "unknown set 'synthtic'; did you mean 'synthetic'?"),
        ("train.optimiser=adm", "unknown train.optimiser=adm; did you mean 'adam'?"),
        ("variants.fabnet.train.optimiser=adagrad", "variants.fabnet.train.optimiser=adagrad; available: adam, sgd"),
        ("train.schedule=cosine", "available: constant, one_cycle, plateau"),
        ("train.amp=half", "available: auto, bf16, off"),
        ("train.device=xla", "available: auto, cpu, cuda"),
        ("launcher.kind=slrm", "did you mean 'slurm'?"),
        ("probe.table_head=exat", "did you mean 'exact'?"),
        ("steps", "expected key=value, got 'steps'"),
        ("=3", "expected key=value, got '=3'"),
    ],
)
def test_what_is_misspelt_is_named_with_the_nearest(override: str, expected: str) -> None:
    assert expected in refused(override)


@pytest.mark.parametrize(
    "override",
    [
        "train.steps=many",
        "train.steps=1.5",
        "train.steps=1,2",
        "train.steps={a: 1}",
        "train.lr=",
        "train=3",
        "encoder.width.x=3",
        "methods.x=3",
        "methods={a: 1}",
        "variants=3",
        "variants.fabnet=3",
        "variants.fabnet.train=3",
        "variants.fabnet.train.lr=fast",
        "sets=3",
        "sets.synthetic=3",
        "task.synthetic-pose=3",
        "out=",
        "out=${nowhere}",
        "data.size=${nowhere}",
        "note=[1",
    ],
)
def test_values_of_the_wrong_type_are_named(override: str) -> None:
    key = override.partition("=")[0]
    message = refused(override)
    assert any(part in message for part in (key, key.rpartition(".")[0] or key)), message


@pytest.mark.parametrize(
    "override",
    [
        "train.steps=0",
        "train.steps=-5",
        "train.batch_size=0",
        "train.lr=nan",
        "train.lr=.inf",
        "train.lr=-1",
        "train.clip=-1",
        "train.threads=100000",
        "train.momentum=5",
        "variants.fabnet.train.lr=-1",
        "variants.fabnet.train.steps=0",
        "encoder.width=0",
        "data.size=8",
        "data.jpeg_quality=101",
        "augment.translate=2",
        "augment.scale=1",
        "launcher.workers=-1",
        "probe.seed=-1",
    ],
)
def test_numbers_out_of_range_are_refused(override: str) -> None:
    assert f"{override.partition('=')[0]}=" in refused(override)


@pytest.mark.parametrize(
    "override", ["name=a/b", "name=..", "name=''", "data.name=a/b", "variants={a/b: {method: fabnet}}"]
)
def test_names_that_cannot_be_folders_are_refused(override: str) -> None:
    assert "cannot name a folder" in refused(override)


@pytest.mark.parametrize(
    "override", ["methods=fabnet,fabnet", "methods=fabnet,./fabnet.py", "methods=a/m.py,b/m.py", "methods=", "tasks="]
)
def test_rows_and_tasks_are_some_and_different(override: str) -> None:
    assert "twice" in refused(override) or "empty" in refused(override)


def test_a_preset_that_needs_a_root_says_so() -> None:
    assert refused("preset=real_mini") == "preset real_mini needs root=DIR, the folder its data lie in"


def test_a_copy_of_a_shipped_preset_is_a_preset(tmp_path: Path) -> None:
    shipped = Path(configuration.__file__).parents[1].joinpath("conf").joinpath("preset", "real_mini.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(shipped.replace("name: real_mini\n", "name: mine\n", 1))
    own = load([f"preset={tmp_path / 'mine.yaml'}", "root=/data"])
    assert own.data.kind == "concat"
    assert (own.name, own.tasks) == ("mine", load(["preset=real_mini", "root=/data"]).tasks)
    assert load([f"preset={tmp_path / 'mine.yaml'}", "root=/data", "launcher=inline"]).launcher.kind == "inline"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("quick", "defaults must be a list, such as [default, override /data: videos]"),
        ("[quik]", "unknown preset 'quik'; did you mean 'quick'?"),
        ("[override /sets: w300]", "Could not override 'sets'. No match in the defaults list."),
        ("[override /data: joined]", "unknown data 'joined'; it is called 'concat' now"),
        ("[3]", "Unsupported type in defaults"),
    ],
)
def test_defaults_that_a_preset_cannot_have_are_refused(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"defaults: {line}\n")
    message = refused(f"preset={tmp_path / 'mine.yaml'}")
    assert expected in message
    assert str(tmp_path / "mine.yaml") in message


def test_a_preset_names_its_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("defaults: [quick, override /data: synthetic]\nseeds: 2\n")
    config = load([f"preset={path}"])
    assert (config.name, config.seeds, config.train.steps) == ("mine", [0, 1], load(["preset=quick"]).train.steps)
    assert identities(config) == SyntheticData().identities


def test_presets_and_groups_in_a_folder_of_your_own(tmp_path: Path) -> None:
    for name, text in {
        "preset/mine": "# @package _global_\ndefaults: [default, override /data: own]\nname: mine\ntasks: [own]\n",
        "data/own": "kind: videos\nroot: /data\n",
        "task/own": "# @package _global_\ntask: {own: {set: synthetic, target: pose}}\n",
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.yaml").write_text(text)
    config = load(["preset=mine"], str(tmp_path))
    assert (config.name, config.tasks, config.data) == ("mine", ["own"], VideoData(root="/data"))
    with pytest.raises(UsageError, match="unknown preset 'mien'; did you mean 'mine'"):
        load(["preset=mien"], str(tmp_path))
    with pytest.raises(UsageError, match="--config-dir: no such folder"):
        load([], str(tmp_path / "absent"))


def test_the_root_is_filled_in() -> None:
    config = load(["preset=real_mini", "root=/my data"])
    assert isinstance(config.data, ConcatData)
    assert config.data.parts[0].root == "/my data/real-video/mp4"
    assert isinstance(faces := config.sets["ytf68"], CsvFaces)
    assert faces.images == "/my data/real-probe/ytf68/images"
    config = load(["data=frames", "root=/data", "data.root=${root}/frames"])
    assert isinstance(config.data, FrameData)
    assert config.data.root == "/data/frames"


def test_labelled_faces_take_the_size_of_the_frames() -> None:
    assert load(["data.size=128"]).sets["synthetic"].size == 128
    assert load(["data=videos", "data.root=/x"]).sets["synthetic"].size == VideoData().size


def test_a_variant_has_its_own_training() -> None:
    config = load(["variants.slow={method: fabnet, train: {lr: 1e-5}}", "methods=fabnet,slow", "train.steps=9"])
    assert config.variants["slow"].method == "fabnet"
    assert (config.variants["slow"].train.lr, config.variants["slow"].train.steps) == (1e-5, 9)
    assert config.variants["fabnet"].train == config.train


def test_the_method_of_a_variant_is_its_name_unless_told() -> None:
    assert load(["variants.fabnet.train.lr=0.5"]).variants["fabnet"].method == "fabnet"


# -- a preset of one's own ---------------------------------------------------------------------------------------------


def test_a_preset_by_path_changes_the_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data: synthetic_small\nlauncher: inline\ntrain: {steps: 5}\nseeds: [4]\n")
    config = load([f"preset={path}", "train.lr=0.5"])
    assert (config.name, config.launcher.kind, identities(config)) == ("mine", "inline", 48)
    assert (config.train.steps, config.train.lr, config.seeds) == (5, 0.5, [4])
    assert identities(load([f"preset={path}", "data=synthetic"])) == SyntheticData().identities
    assert load([f"preset={path}", "launcher=local"]).launcher.kind == "local"


def test_an_empty_preset_by_path_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "empty.yml"
    path.write_text("")
    assert load([f"preset={path}"]).methods == load().methods


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"train: {steps: 5", "not readable YAML"),
        (b"a: b: c", "not readable YAML"),
        (b"\xff\xfe\x00", "not readable YAML"),
        (b"- 1\n- 2\n", "must hold `key: value` lines"),
        (b"just text", "unknown key just text"),
        (b"trian: {steps: 5}", "unknown key trian; did you mean 'train'?"),
        (b"train: {stepps: 5}", "unknown key train.stepps"),
        (b"data: nothing", "unknown data 'nothing'"),
        (b"data: [1]", "a list stands where keys belong"),
        (b"methods: 3", "methods"),
        (b"launcher: [1]", "a list stands where keys belong"),
    ],
)
def test_a_broken_preset_is_one_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    assert expected in refused(f"preset={path}")


def test_a_preset_that_is_absent_or_a_folder(tmp_path: Path) -> None:
    assert "no such preset file" in refused(f"preset={tmp_path / 'absent.yaml'}")
    (tmp_path / "folder.yaml").mkdir()
    assert "no such preset file" in refused(f"preset={tmp_path / 'folder.yaml'}")
    assert "unknown preset" in refused(f"preset={tmp_path}")


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["preset=quick", "seeds=[3,1]", "variants.slow={method: fabnet, train: {lr: 1e-5}}", "methods=slow,mean"],
        ["preset=real_mini", "root=/data"],
        ["preset=reference"],
        ["data=videos", "data.root=/a b=c", "note=one: two", "launcher=inline"],
    ],
)
def test_what_cfg_prints_loads_back_to_the_same(tmp_path: Path, overrides: list[str]) -> None:
    config = load(overrides)
    path = tmp_path / "printed.yaml"
    path.write_text(to_yaml(config))
    again = load([f"preset={path}"])
    assert {**plain(again), "preset": ""} == {**plain(config), "preset": ""}
    assert type(again.data) is type(config.data)


def test_the_printed_config_is_plain_yaml() -> None:
    assert yaml.safe_load(to_yaml(load(["preset=reference"]))) == configuration.plain(load(["preset=reference"]))

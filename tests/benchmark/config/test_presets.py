"""Presets: shipped ones, and files of the user's."""

import re
from pathlib import Path

import pytest

from benchmark import conf
from benchmark.config.compose import group_names
from benchmark.config.data import SyntheticData, VideoData
from benchmark.config.load import load, to_yaml
from benchmark.config.schema import Config
from benchmark.errors import UsageError
from tests.benchmark.config.messages import refusal
from tests.benchmark.tiny import call

GLOBAL = "# @package _global_\n"


def identities(config: Config) -> int:
    assert isinstance(config.data, SyntheticData)
    return config.data.identities


@pytest.mark.parametrize("preset", group_names("preset"))
def test_a_shipped_preset_loads_and_is_named_as_its_file(preset: str) -> None:
    config = load([f"preset={preset}", "root=/data"])
    assert config.preset == preset
    assert config.name == preset


@pytest.mark.parametrize("data", group_names("data"))
def test_a_shipped_kind_of_data_loads(data: str) -> None:
    extra = ["data.parts=[{kind: videos, root: /data}]"] if data == "concat" else []
    assert load([f"data={data}", *extra]).data.kind in data


@pytest.mark.parametrize("launcher", group_names("launcher"))
def test_a_shipped_launcher_loads(launcher: str) -> None:
    assert load([f"launcher={launcher}"]).launcher.kind == launcher


def test_a_preset_without_its_root_is_refused() -> None:
    assert refusal("preset=real_mini") == "preset real_mini needs root=DIR, the folder its data lie in"


def test_the_papers_setting_has_the_papers_values() -> None:
    config = load(["preset=paper", "root=/data"])
    train, curriculum = config.train, config.variants["fabnet-curriculum"].train
    assert (train.optimiser, train.lr, train.momentum, train.weight_decay, train.clip) == ("sgd", 1e-3, 0.9, 0, None)
    assert (train.schedule, train.batch_size, train.budget) == ("plateau", 32, "samples")
    assert (curriculum.curriculum, curriculum.batch_size, curriculum.lr) == (True, 128, 1e-3)
    assert config.variants["fabnet-3source"].train.batch_size == 128
    assert (config.data.kind, config.data.size, config.data.sampling) == ("voxceleb", 256, "identity")
    assert (config.encoder.width, config.encoder.dim) == (32, 256)
    assert (config.augment.kind, config.augment.shared_scale, config.augment.validation) == ("resized_crop", True, True)
    assert config.augment.area == pytest.approx([(170 / 190) ** 2, (189 / 190) ** 2], abs=1e-4)
    assert len(config.tasks) == 5
    assert config.probe.table_head == "linear"
    short = load(["preset=paper-256-short", "root=/data"])
    assert short.train.amount == pytest.approx(train.amount / 100 if train.amount else 0)
    assert (short.methods, short.tasks, short.augment) == (config.methods, config.tasks, config.augment)


def test_every_value_of_the_papers_preset_has_its_source() -> None:
    text = Path(conf.__file__).with_name("preset").joinpath("paper.yaml").read_text()
    groups = {"data", "encoder", "augment", "train", "probe"}
    values, group = [], ""
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            group = line.split(":")[0]
        elif group in groups and line.startswith("  ") and ":" in line and not line.strip().startswith("#"):
            values.append((group, line))
    unsourced = [line for group, line in values if "#" not in line and group not in ("augment", "probe")]
    assert len(values) > 25
    assert unsourced == []


def test_rows_that_wait_for_their_weights_are_absent_until_they_are_imported(tmp_path: Path) -> None:
    words = ["methods=[random,vgg-face?,fabnet-released?]", f"imported={tmp_path}"]
    config = load(words)
    assert (config.methods, config.absent) == (["random"], ["vgg-face", "fabnet-released"])
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(config))
    (tmp_path / "vgg-face").mkdir()
    (tmp_path / "vgg-face" / "config.yaml").write_text("method: vgg-face\n")
    for config in (load(words), load([f"preset={again}"])):
        assert (config.methods, config.absent) == (["random", "vgg-face"], ["fabnet-released"])
    assert "methods is empty" in refusal("methods=[vgg-face?]", f"imported={tmp_path / 'none'}")


def test_a_copy_of_a_shipped_preset_is_a_preset(tmp_path: Path) -> None:
    shipped = Path(conf.__file__).with_name("preset").joinpath("real_mini.yaml").read_text()
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
        ("[own_preset]", "its defaults lead back to itself"),
        ("['${x}']", "Error resolving interpolation"),
        ("[data: videos]", "defaults: write `override /data: videos`, not `data: ...`"),
    ],
)
def test_defaults_that_a_preset_cannot_have_are_refusal(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"defaults: {line}\n")
    message = refusal(f"preset={tmp_path / 'mine.yaml'}")
    assert expected in message
    assert str(tmp_path / "mine.yaml") in message


def test_a_preset_names_its_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("defaults: [quick, override /data: synthetic]\nseeds: 2\n")
    config = load([f"preset={path}"])
    assert (config.name, config.seeds, config.train.steps) == ("mine", [0, 1], load(["preset=quick"]).train.steps)
    assert identities(config) == SyntheticData().identities


def test_a_folder_of_your_own_extends_every_group(tmp_path: Path) -> None:
    for name, text in {
        "preset/base": f"{GLOBAL}defaults: [default]\nseeds: 1\n",
        "preset/mine": "defaults: [base, override /data: own]\ntasks: [own]\n",
        "data/own": "kind: videos\nroot: /data\n",
        "task/own": f"{GLOBAL}task: {{own: {{set: synthetic, target: pose}}}}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(text)
    config = load(["preset=mine"], str(tmp_path))
    assert (config.name, config.seeds, config.tasks) == ("mine", [0], ["own"])
    assert config.data == VideoData(root="/data")
    assert "name: mine" in call("run", "--cfg", "--config-dir", str(tmp_path), "preset=mine").out
    with pytest.raises(UsageError, match="unknown preset 'mien'; did you mean 'mine'"):
        load(["preset=mien"], str(tmp_path))
    for folder in (str(tmp_path / "absent"), ""):
        with pytest.raises(UsageError, match="--config-dir: no such folder"):
            load([], folder)
    (tmp_path / "preset" / "folder.yaml").mkdir()
    with pytest.raises(UsageError, match="unknown preset 'folder'; available"):
        load(["preset=folder"], str(tmp_path))


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (b"defaults: [mine]\n", "mine.yaml: its defaults lead back to itself"),
        (b"- 5\n", "base.yaml must hold `key: value` lines"),
        (b"a: [\n", "base.yaml is not readable YAML: line 2"),
        (b"\xff", "base.yaml is not readable YAML: 'utf-8' codec"),
    ],
)
def test_a_broken_base_in_a_folder_of_your_own_is_named(tmp_path: Path, base: bytes, expected: str) -> None:
    (tmp_path / "preset").mkdir()
    (tmp_path / "preset" / "mine.yaml").write_text("defaults: [base]\n")
    (tmp_path / "preset" / "base.yaml").write_bytes(base)
    with pytest.raises(UsageError, match=re.escape(expected)):
        load(["preset=mine"], str(tmp_path))


def test_a_preset_without_a_base_changes_the_default(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: [override /data: videos]\ndata: {root: /data}\n")
    config = load([f"preset={tmp_path / 'mine.yaml'}"])
    assert (config.methods, config.data) == (load().methods, VideoData(root="/data"))


def test_a_preset_for_a_cluster(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(
        "name: vox2\n"
        "data: {kind: videos, store: /shared/vox2-packed, size: 256}\n"
        "launcher:\n"
        "  job:\n"
        "    slurm_setup: [module load cuda, conda activate fab]\n"
        "    slurm_account: vision\n"
        "    slurm_partition: cpu\n"
        "    cpus_per_task: 8\n"
        "    mem_gb: 16\n"
        "    timeout_min: 240\n"
        "  pretrain: {slurm_partition: gpu, gpus_per_node: 1, timeout_min: 1440, slurm_array_parallelism: 8}\n"
    )
    config = load([f"preset={path}", "launcher=slurm"])
    assert config.data == VideoData(store="/shared/vox2-packed")
    pretrain, probe = config.launcher.resources["pretrain"], config.launcher.resources["probe"]
    assert pretrain.slurm_setup == ["module load cuda", "conda activate fab"]
    assert (pretrain.slurm_partition, pretrain.slurm_account) == ("gpu", "vision")
    assert (pretrain.timeout_min, pretrain.cpus_per_task, pretrain.slurm_array_parallelism) == (1440, 8, 8)
    assert (probe.slurm_partition, probe.mem_gb, probe.timeout_min, probe.gpus_per_node) == ("cpu", 16, 240, 0)


def test_a_preset_by_path_chooses_groups_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("data: synthetic_small\nlauncher: inline\ntrain: {steps: 5}\nseeds: [4]\n")
    config = load([f"preset={path}", "train.lr=0.5"])
    assert (config.name, config.launcher.kind, identities(config)) == ("mine", "inline", 48)
    assert (config.train.steps, config.train.lr, config.seeds) == (5, 0.5, [4])
    assert identities(load([f"preset={path}", "data=synthetic"])) == SyntheticData().identities
    assert load([f"preset={path}", "launcher=local"]).launcher.kind == "local"


def test_a_preset_that_names_the_kind_of_its_base_keeps_the_numbers_of_its_base(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("defaults: [quick]\ndata: {kind: synthetic, frames_per_track: 5}\n")
    assert identities(load([f"preset={path}"])) == 48


def test_an_empty_preset_by_path_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "empty.yml"
    path.write_text("")
    assert load([f"preset={path}"]).methods == load().methods


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"train: {steps: 5", "not readable YAML: line 1: expected ',' or '}'"),
        (b"name: a\nname: b\n", "mine.yaml is not readable YAML: line 2: found duplicate key name"),
        (b"train:\n\tlr: 1\n", "mine.yaml is not readable YAML: line 2: found character '\\t'"),
        (b"name: &a [*a]\n", "nested too deeply, or an alias that holds itself"),
        (b"name: " + b"[" * 5000, "nested too deeply"),
        (b"name: ${name}\n", "name: Recursive interpolation detected"),
        (b"name: ${a}\n", "name: Interpolation key 'a' not found"),
        (b"5\n", "must hold `key: value` lines"),
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
    assert expected in refusal(f"preset={path}")


def test_a_preset_path_without_a_file_is_refused(tmp_path: Path) -> None:
    assert "no such preset file" in refusal(f"preset={tmp_path / 'absent.yaml'}")
    (tmp_path / "folder.yaml").mkdir()
    assert "no such preset file" in refusal(f"preset={tmp_path / 'folder.yaml'}")
    assert "unknown preset" in refusal(f"preset={tmp_path}")

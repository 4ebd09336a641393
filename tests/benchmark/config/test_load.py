"""Loading: finished objects, whatever they inherit, and printing them."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from benchmark.config.csv import CsvFaces
from benchmark.config.data import ConcatData, FrameData, SyntheticData, VideoData
from benchmark.config.load import load, plain, to_yaml
from benchmark.config.schema import TrainConfig
from benchmark.config.sets import W300Faces


def test_the_default_benchmark() -> None:
    config = load()
    assert config.preset == config.name == "default"
    assert isinstance(config.data, SyntheticData)
    assert config.seeds == [0]
    assert set(config.methods) <= config.variants.keys()
    assert all(config.task[task].set in config.sets for task in config.tasks)


def test_a_key_on_the_command_line_wins_over_preset_and_group() -> None:
    config = load(["train.steps=7", "preset=quick", "data.identities=5", "data=synthetic"])
    assert isinstance(config.data, SyntheticData)
    assert (config.train.steps, config.data.identities, config.name) == (7, 5, "quick")


def test_the_root_is_inserted() -> None:
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


def test_a_variant_inherits_the_training_settings_it_does_not_set() -> None:
    config = load(["variants.slow={method: fabnet, train: {lr: 1e-5}}", "methods=fabnet,slow", "train.steps=9"])
    assert config.variants["slow"].method == "fabnet"
    assert (config.variants["slow"].train.lr, config.variants["slow"].train.steps) == (1e-5, 9)
    assert config.variants["fabnet"].train == config.train


def test_the_default_method_of_a_variant_is_its_name() -> None:
    assert load(["variants.fabnet.train.lr=0.5"]).variants["fabnet"].method == "fabnet"


def test_sets_are_typed() -> None:
    config = load(["sets.w300.root=/data/300w", "data.size=128"])
    assert config.sets["w300"] == W300Faces(root="/data/300w", size=128)


def test_a_stage_inherits_the_resources_of_all_jobs() -> None:
    launcher = load(["launcher=slurm", "launcher.job.cpus_per_task=8", "launcher.probe.cpus_per_task=2"]).launcher
    assert {stage: resources.cpus_per_task for stage, resources in launcher.resources.items()} == {
        "prepare": 8,
        "pretrain": 8,
        "embed": 8,
        "probe": 2,
        "submit": 1,  # as launcher/slurm.yaml has it
        "tables": 1,  # as launcher/slurm.yaml has it
    }


def test_parts_have_the_size_of_the_whole_and_its_detector_unless_they_set_one() -> None:
    parts = "data.parts=[{kind: videos, root: /a, fps: 5}, {kind: frames, root: /b, size: 32, detector: null}]"
    config = load(["data=concat", parts, "data.size=64", "data.detector=face.onnx"])
    assert isinstance(config.data, ConcatData)
    videos, frames = config.data.parts
    assert (videos.root, videos.size, videos.detector) == ("/a", 64, "face.onnx")
    assert (frames.root, frames.size, frames.detector) == ("/b", 64, None)


def test_whole_numbers_are_real_ones_where_a_run_is_identified_by_them() -> None:
    """JSON, which is hashed, tells 2 from 2.0."""
    values = asdict(load(["train.lr=2", "train.clip=1", "train.weight_decay=0", "augment.scale=0"]).train)
    kinds = {name: type(value) for name, value in values.items()}
    assert kinds == {name: type(value) for name, value in asdict(TrainConfig()).items()}


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["preset=quick", "seeds=[3,1]", "variants.slow={method: fabnet, train: {lr: 1e-5}}", "methods=slow,mean"],
        ["preset=real_mini", "root=/data"],
        ["preset=reference"],
        ["data=videos", "data.root=/a b=c", "note=one: two", "launcher=inline"],
        ["launcher=slurm", "launcher.job.cpus_per_task=8", "launcher.probe={cpus_per_task: 2, slurm_exclusive: true}"],
    ],
)
def test_the_printed_config_loads_to_the_same(tmp_path: Path, overrides: list[str]) -> None:
    config = load(overrides)
    path = tmp_path / "printed.yaml"
    path.write_text(to_yaml(config))
    again = load([f"preset={path}"])
    assert replace(again, preset="") == replace(config, preset="")


def test_the_printed_config_is_plain_yaml() -> None:
    assert yaml.safe_load(to_yaml(load(["preset=reference"]))) == plain(load(["preset=reference"]))


def test_a_setting_of_train_reaches_the_variants_of_a_printed_config(tmp_path: Path) -> None:
    (tmp_path / "printed.yaml").write_text(to_yaml(load(["preset=reference"])))
    config = load([f"preset={tmp_path / 'printed.yaml'}", "train.steps=9", "launcher.job.cpus_per_task=3"])
    assert {variant.train.steps for name, variant in config.variants.items() if name in config.methods} == {9}
    assert {resources.cpus_per_task for resources in config.launcher.resources.values()} == {3}

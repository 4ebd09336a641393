"""What identifies a run, its markers, its status and its lock."""

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import yaml

from benchmark.config.schema import NON_IDENTITY_FIELDS, AugmentConfig, EncoderConfig, TrainConfig
from benchmark.pipeline.run_folder import Run, is_done, locked, mark_done, set_status, status

ROOT = Path(__file__).parents[3]
RUN = Run(
    out="results/runs",
    benchmark="default",
    data="synthetic",
    variant="fabnet",
    method="fabnet",
    version=1,
    kind="method",
    seed=0,
    options={"a": 1, "b": 2},
    encoder=EncoderConfig(width=32),
    size=64,
    augment=AugmentConfig(),
    train=TrainConfig(),
    data_hash="0" * 64,
)

DECISIVE: dict[str, Any] = {
    "method": "rotation",
    "version": 2,
    "seed": 1,
    "options": {"a": 1, "b": 3},
    "encoder": EncoderConfig(width=16),
    "size": 128,
    "augment": AugmentConfig(scale=0.2),
    "data_hash": "1" * 64,
    "task": "synthetic-pose",
    "code": "2" * 64,
    "encoder_version": 2,
    "encoder_code": "2" * 64,
    "initial_weights": "3" * 64,
    "weights": "4" * 64,
    "sampling": "identity",
}
INDIFFERENT: dict[str, Any] = {
    "out": "/elsewhere",
    "benchmark": "other",
    "data": "renamed",
    "variant": "renamed",
    "kind": "floor",
    "options": {"b": 2, "a": 1},
}


def other(config: Any, field: str) -> Any:
    """Another valid value of a field of a configuration."""
    value, kind = getattr(config, field), get_type_hints(type(config))[field]
    if get_origin(kind) is Literal:
        return next(choice for choice in get_args(kind) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return [item / 2 for item in value]
    if isinstance(value, str):
        return f"{value}2"
    return value + 1 if isinstance(value, int) else value * 0.9 or 0.5


@pytest.mark.parametrize("field", DECISIVE)
def test_settings_that_decide_the_weights_change_the_key(field: str) -> None:
    assert replace(RUN, **{field: DECISIVE[field]}).key != RUN.key


@pytest.mark.parametrize("field", INDIFFERENT)
def test_names_paths_and_the_order_of_options_leave_the_key(field: str) -> None:
    assert replace(RUN, **{field: INDIFFERENT[field]}).key == RUN.key


def test_every_field_of_a_run_is_tested() -> None:
    assert {field.name for field in fields(Run)} == DECISIVE.keys() | INDIFFERENT.keys() | {"train"}


@pytest.mark.parametrize("field", [field.name for field in fields(TrainConfig)])
def test_only_resources_among_the_training_settings_leave_the_key(field: str) -> None:
    run = replace(RUN, train=replace(RUN.train, optimiser="sgd"))
    if field in ("budget", "amount"):  # go together
        run = replace(run, train=replace(run.train, budget="seconds", amount=60.0))
    train = replace(run.train, **{field: other(run.train, field)} if field != "budget" else {"budget": "frames"})
    assert (replace(run, train=train).key == run.key) == (field in NON_IDENTITY_FIELDS)


def test_the_key_of_settings_that_runs_on_disk_have_is_still_the_same() -> None:
    """Computed before the settings in `LATER_FIELDS` existed."""
    assert RUN.key == "2c1168bdc6f2aaa751a746966fc872146847bc8370d02920f061d4df7ff5b7bc"


@pytest.mark.parametrize("config", [EncoderConfig(width=32), AugmentConfig()])
def test_every_setting_of_encoder_and_augmentation_changes_the_key(config: Any) -> None:
    name = "encoder" if isinstance(config, EncoderConfig) else "augment"
    for field in fields(config):
        changed = replace(config, **{field.name: other(config, field.name)})
        assert replace(RUN, **{name: changed}).key != RUN.key


@pytest.mark.parametrize("field", ["seed", "data_hash", "augment", "train", "task", "sampling"])
def test_the_key_of_given_weights_does_not_depend_on_training(field: str) -> None:
    value: Any = replace(RUN.train, steps=1) if field == "train" else DECISIVE[field]
    pretrained = replace(RUN, weights="4" * 64)
    assert replace(pretrained, **{field: value}).key == pretrained.key


def test_the_default_encoder_has_the_keys_of_runs_made_before_there_were_others() -> None:
    assert RUN.identity["encoder"] == {"width": 32, "dim": 256}
    other_encoder = replace(RUN, encoder=EncoderConfig(name="resnet18", width=64)).identity["encoder"]
    assert other_encoder == {"name": "resnet18", "version": 1, "width": 64, "dim": 256}


def test_an_encoder_file_may_move_and_changes_the_key_with_its_content() -> None:
    here, there = (
        replace(RUN, encoder=EncoderConfig(name=f"{place}/small.py", width=32), encoder_code="3" * 64)
        for place in ("/a", "/b")
    )
    assert here.key == there.key
    assert replace(here, encoder_code="4" * 64).key != here.key


def test_a_method_file_may_move(tmp_path: Path) -> None:
    here, there = (replace(RUN, method=f"{place}/mine.py", code="3" * 64) for place in ("/a", "/b"))
    assert here.key == there.key


def test_the_folder_names_seed_and_key() -> None:
    run = replace(RUN, seed=4)
    assert run.folder == Path("results/runs/default/synthetic/fabnet") / f"seed4-{run.key[:10]}"
    assert run.name == "fabnet/seed4"
    assert replace(run, task="synthetic-pose").name == "fabnet/seed4 (synthetic-pose)"


def test_configuration_and_environment_of_a_run(tmp_path: Path) -> None:
    run = replace(RUN, out=str(tmp_path))
    run.create(["fabbench", "run"])
    config = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert config["identity"] == run.identity
    assert config["key"] == run.key
    assert config["train"]["steps"] == run.train.steps
    about = json.loads((run.folder / "environment.json").read_text())
    assert about["packages"]["torch"].startswith("2.")
    assert {"fab-bench", "python", "host", "command", "commit", "dirty"} <= about.keys()


# -- done markers ------------------------------------------------------------------------------------------------------


@pytest.fixture
def done(tmp_path: Path) -> Path:
    (tmp_path / "features").mkdir()
    for name in ("a.bin", "features/b.bin"):
        (tmp_path / name).write_bytes(name.encode())
    mark_done(tmp_path, "embed", "key", [tmp_path / "a.bin", tmp_path / "features" / "b.bin"])
    return tmp_path


def test_a_marked_stage_is_done(done: Path) -> None:
    assert is_done(done, "embed", "key")
    marker = json.loads((done / "done" / "embed.json").read_text())
    assert marker["outputs"]["features/b.bin"] == hashlib.sha256(b"features/b.bin").hexdigest()


def test_another_key_or_stage_is_not_done(done: Path) -> None:
    assert not is_done(done, "embed", "other")
    assert not is_done(done, "probe", "key")


@pytest.mark.parametrize("name", ["a.bin", "features/b.bin"])
def test_a_stage_with_an_altered_cut_or_missing_file_is_not_done(done: Path, name: str) -> None:
    path = done / name
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    assert not is_done(done, "embed", "key")
    path.write_bytes(content[:-1])
    assert not is_done(done, "embed", "key")
    path.unlink()
    assert not is_done(done, "embed", "key")
    path.write_bytes(content)
    assert is_done(done, "embed", "key")


@pytest.mark.parametrize(
    "content",
    [b"", b'{"key": "key", "outp', b"[]", b"null", b'{"key": "key"}', b'{"key": "key", "outputs": 3}', b"\xff"],
)
def test_a_stage_with_a_broken_marker_is_not_done(done: Path, content: bytes) -> None:
    (done / "done" / "embed.json").write_bytes(content)
    assert not is_done(done, "embed", "key")


def test_a_run_folder_can_be_moved(done: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = tmp_path_factory.mktemp("moved") / "run"
    done.rename(moved)
    assert is_done(moved, "embed", "key")


# -- status and lock ---------------------------------------------------------------------------------------------------


def test_the_last_status_is_read_and_a_broken_one_is_empty(tmp_path: Path) -> None:
    assert status(tmp_path) == {}
    set_status(tmp_path, stage="embed", state="running")
    now = status(tmp_path)
    assert (now["stage"], now["state"]) == ("embed", "running")
    assert abs(now["heartbeat"] - time.time()) < 60
    (tmp_path / "status.json").write_text('{"stage": "em')
    assert status(tmp_path) == {}


def test_one_process_holds_a_folder_until_it_dies(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from benchmark.pipeline.run_folder import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    code = code.replace("time.sleep(600)", "")
    waiter = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        waiter.wait(1)
    holder.kill()
    holder.wait()
    assert waiter.communicate(timeout=60)[0] == "held\n"
    with locked(tmp_path), locked(tmp_path / "another"):
        pass

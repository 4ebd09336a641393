"""Benchmarks on this machine: runs of several processes, and executors of the user's own."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.benchmark.tiny import call, cells, settings

LOCAL = ("launcher=local", "launcher.workers=1")


def run_folder(place: Path, variant: str) -> Path:
    return next(place.glob(f"runs/quick/synthetic/{variant}/seed0-*"))


@pytest.mark.slow
def test_a_run_of_two_processes_is_that_of_one_to_rounding(tmp_path: Path) -> None:
    common = ("methods=random,fabnet", "train.batch_size=8", "train.optimiser=sgd")
    cache = tmp_path / "cache"
    one = call("run", *settings(tmp_path / "one", *common, cache=cache))
    assert one.code == 0, one.err
    two = call("run", *settings(tmp_path / "two", *common, *LOCAL, "launcher.pretrain.tasks_per_node=2", cache=cache))
    assert two.code == 0, two.err
    folders = [run_folder(tmp_path / name, "fabnet") for name in ("one", "two")]
    weights = [load_file(folder / "method.safetensors") for folder in folders]
    assert all(torch.allclose(value.float(), weights[1][key].float(), atol=1e-5) for key, value in weights[0].items())
    costs = [json.loads((folder / "cost.json").read_text()) for folder in folders]
    assert costs[0]["frames_seen"] == costs[1]["frames_seen"]
    assert costs[0]["val_loss"] == pytest.approx(costs[1]["val_loss"], rel=1e-4)


def test_an_executor_of_the_users_own_gives_the_same_cells(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert call("run", *settings(tmp_path / "inline", cache=cache)).code == 0
    own = ("launcher.executor=submitit:DebugExecutor", *LOCAL)
    finished = call("run", *settings(tmp_path / "debug", *own, cache=cache))
    assert finished.code == 0, finished.err
    assert cells(tmp_path / "debug" / "runs" / "quick") == cells(tmp_path / "inline" / "runs" / "quick")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("launcher.executor=submitit", "give MODULE:CLASS"),
        ("launcher.executor=no_such_module:Executor", "No module named 'no_such_module'"),
        ("launcher.executor=pathlib:Path", "needs the interface of submitit.Executor"),
        ("launcher.pretrain.nodes=2", "launcher=local uses this machine alone"),
        ("launcher.pretrain.tasks_per_node=3", "cannot be shared out among 3 processes"),
    ],
)
def test_unusable_settings_are_one_line(tmp_path: Path, setting: str, message: str) -> None:
    refused = call("run", *settings(tmp_path, *LOCAL, setting))
    assert refused.code == 2
    (line,) = refused.err.strip().splitlines()
    assert line.startswith("fabbench: ")
    assert message in line

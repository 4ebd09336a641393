"""Short training runs on the tests' tracks."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmark.config.schema import AugmentConfig, TrainConfig
from benchmark.data.batches import TrackBatches
from benchmark.data.tracks.store import TrackStore
from benchmark.train.log import Log, NullLog
from benchmark.train.loop import pretrain
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import get

SPEC = EncoderSpec(size=32, width=4, dim=16)
CONFIG = TrainConfig(
    steps=12, batch_size=4, epoch_samples=16, val_samples=8, workers=0, checkpoint_steps=5, log_steps=2, device="cpu"
)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of batch norm: state, but no parameters


class Killed(Exception):
    """Stands for the end of the process between two steps."""


class KilledAt(TrackBatches):
    """Batches that raise `Killed` from one step on."""

    kill_at: int | None = None

    def __getitem__(self, step: int) -> tuple[Tensor]:
        if self.kill_at is not None and step >= self.kill_at:
            raise Killed
        return super().__getitem__(step)


def train(
    folder: Path,
    store: TrackStore,
    name: str = "fabnet",
    *,
    kill_at: int | None = None,
    augment: AugmentConfig | None = None,
    tracker: Callable[[], Log] = NullLog,
    **settings: Any,
) -> Method:
    """Trains a method in ``folder`` with `CONFIG` and these settings; a checkpoint there is resumed from."""
    config = replace(CONFIG, **settings)
    torch.manual_seed(0)
    method = get(name)(SPEC)
    batches = KilledAt(store, "train", method.frames, config.batch_size, (7, 0))
    batches.kill_at = kill_at
    val_batches = TrackBatches(store, "val", method.frames, config.batch_size, (1,))
    crops = augment or AugmentConfig()
    pretrain(method, batches, val_batches, config=config, augment=crops, seed=7, folder=folder, tracker=tracker)
    return method


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Lines of a run's log."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def cost(folder: Path) -> dict[str, Any]:
    """Content of a run's cost.json."""
    content: dict[str, Any] = json.loads((folder / "cost.json").read_text())
    return content


def weights(folder: Path) -> dict[str, Tensor]:
    """Weights of a run's method."""
    return load_file(folder / "method.safetensors")


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two sets of weights are bitwise equal."""
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())

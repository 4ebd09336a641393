"""Distributed training with the numerics of one process."""

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.data.tracks.store import TrackStore
from benchmark.errors import UsageError
from benchmark.train.distributed import ProcessGroup
from tests.benchmark.train.runs import CONFIG, cost, equal, metrics, weights

ROOT = Path(__file__).parents[3]
STOPPED = 3  # exit code of SCRIPT
SCRIPT = textwrap.dedent("""
    import json, sys
    from dataclasses import replace
    from pathlib import Path
    import torch
    sys.path.insert(0, sys.argv[1])
    from benchmark.config.schema import AugmentConfig
    from benchmark.data.batches import TrackBatches
    from benchmark.data.tracks.store import TrackStore
    from benchmark.train.distributed import ProcessGroup
    from benchmark.train.loop import pretrain
    from methods.registry import get
    from slurm.signals import Stopped
    from tests.benchmark.train.runs import CONFIG, SPEC

    torch.set_num_threads(1)
    store, folder, name = TrackStore(Path(sys.argv[2])), Path(sys.argv[3]), sys.argv[4]
    settings = json.loads(sys.argv[5])
    stop_at = settings.pop("stop_at", None)
    config = replace(CONFIG, **settings)
    group = ProcessGroup.from_environment()
    torch.manual_seed(0)
    method = get(name)(SPEC)
    shard = group.shard(config.batch_size)
    batches = TrackBatches(store, "train", method.frames, config.batch_size, (7, 0), shard)
    val_batches = TrackBatches(store, "val", method.frames, config.batch_size, (1,), shard)
    step = 0

    def stop():  # only the last process gets the signal
        global step
        step += 1
        return group.rank == group.size - 1 and step == stop_at

    try:
        pretrain(
            method, batches, val_batches,
            config=config, augment=AugmentConfig(), seed=7, folder=folder, stop=stop, group=group,
        )
    except Stopped:
        sys.exit(3)
""")


def train(folder: Path, store: TrackStore, name: str, processes: int, **settings: Any) -> list[int]:
    """Trains a method in several processes; returns their exit codes."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = [sys.executable, "-c", SCRIPT, str(ROOT), str(store.root), str(folder), name, json.dumps(settings)]
    running = [
        subprocess.Popen(command, env={**env, "RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(processes)
    ]
    return [process.wait(timeout=600) for process in running]


def losses(folder: Path) -> list[float]:
    """Training and validation losses in the order of the log."""
    return [line["loss"] if "loss" in line else line["val_loss"] for line in metrics(folder)]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("fabnet", {"curriculum": True, "plateau_patience": 0, "batch_size": 12}), ("rotation", {})],
    ids=["fabnet-curriculum", "rotation"],
)
def test_two_processes_get_the_losses_and_weights_of_one(
    tmp_path: Path, store: TrackStore, name: str, settings: dict[str, Any]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert train(one, store, name, 1, optimiser="sgd", **settings) == [0]
    assert train(two, store, name, 2, optimiser="sgd", **settings) == [0, 0]
    assert len(losses(one)) > CONFIG.steps // 2
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    weights_of_two = weights(two)
    for key, value in weights(one).items():
        assert torch.allclose(value.float(), weights_of_two[key].float(), atol=1e-5), key
    assert cost(two)["samples"] == CONFIG.steps * settings.get("batch_size", CONFIG.batch_size)


def test_signal_to_one_process_stops_all_after_the_same_step(tmp_path: Path, store: TrackStore) -> None:
    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    assert train(uninterrupted, store, "fabnet", 2) == [0, 0]
    assert train(resumed, store, "fabnet", 2, stop_at=4) == [STOPPED, STOPPED]
    checkpoint = torch.load(resumed / "checkpoint.pt", weights_only=True)
    assert checkpoint["state"]["step"] == 4
    assert train(resumed, store, "fabnet", 2) == [0, 0]
    assert equal(weights(uninterrupted), weights(resumed))


def test_shards_divide_a_batch_evenly() -> None:
    assert ProcessGroup(1, 2).shard(8) == slice(4, 8)
    with pytest.raises(UsageError, match="batch_size=9 cannot be divided among 2 processes"):
        ProcessGroup(0, 2).shard(9)

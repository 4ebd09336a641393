"""Two processes that train together take the steps of one."""

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
from safetensors.torch import load_file

from benchmark.data.tracks.store import TrackStore
from benchmark.errors import UsageError
from benchmark.train.distributed import ProcessGroup
from tests.benchmark.train.test_loop import CONFIG

ROOT = Path(__file__).parents[3]
SCRIPT = textwrap.dedent("""
    import json, sys
    from dataclasses import replace
    from pathlib import Path
    import torch
    sys.path.insert(0, sys.argv[1])
    from benchmark.data.batches import TrackBatches
    from benchmark.data.tracks.store import TrackStore
    from benchmark.train.loop import pretrain
    from benchmark.config.schema import AugmentConfig
    from benchmark.train.distributed import ProcessGroup
    from methods.registry import get
    from slurm.signals import Stopped
    from tests.benchmark.train.test_loop import CONFIG, SPEC

    torch.set_num_threads(1)
    store, folder, name, changes = TrackStore(Path(sys.argv[2])), Path(sys.argv[3]), *sys.argv[4:]
    changes = json.loads(changes)
    stop_at = changes.pop("stop_at", None)
    config = replace(CONFIG, **changes)
    group = ProcessGroup.from_environment()
    torch.manual_seed(0)
    method = get(name)(SPEC)
    share = group.shard(config.batch_size)
    step = 0

    def stop():
        global step
        step += 1
        return group.rank == group.size - 1 and step == stop_at  # only the last has had the signal

    streams = [
        TrackBatches(store, split, method.frames, config.batch_size, seed, share)
        for split, seed in (("train", (7, 0)), ("val", (1,)))
    ]
    try:
        how = {"config": config, "augment": AugmentConfig(), "seed": 7, "folder": folder}
        pretrain(method, *streams, **how, stop=stop, group=group)
    except Stopped:
        sys.exit(3)
""")


def train(folder: Path, store: TrackStore, name: str, processes: int, **changes: Any) -> list[int]:
    folder.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {**os.environ, "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    words = [sys.executable, "-c", SCRIPT, str(ROOT), str(store.root), str(folder), name, json.dumps(changes)]
    started = [
        subprocess.Popen(words, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(processes)
    ]
    return [process.wait(timeout=600) for process in started]


def losses(folder: Path) -> list[float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line.get("loss", line.get("val_loss")) for line in lines]


@pytest.mark.parametrize(
    ("name", "changes"),
    [("fabnet", {"curriculum": True, "plateau_patience": 0, "batch_size": 12}), ("rotation", {})],
    ids=["fabnet-curriculum", "rotation"],
)
def test_two_processes_have_the_losses_and_weights_of_one(
    tmp_path: Path, store: TrackStore, name: str, changes: dict[str, Any]
) -> None:
    for processes in (1, 2):
        assert train(tmp_path / str(processes), store, name, processes, optimiser="sgd", **changes) == [0] * processes
    one, two = (losses(tmp_path / folder) for folder in ("1", "2"))
    assert len(one) > CONFIG.steps // 2
    assert two == pytest.approx(one, rel=1e-5)
    weights, others = (load_file(tmp_path / folder / "method.safetensors") for folder in ("1", "2"))
    assert all(torch.allclose(value.float(), others[key].float(), atol=1e-5) for key, value in weights.items())
    assert json.loads((tmp_path / "2" / "cost.json").read_text())["samples"] == CONFIG.steps * changes.get(
        "batch_size", CONFIG.batch_size
    )


def test_a_signal_to_one_process_stops_all_after_the_same_step(tmp_path: Path, store: TrackStore) -> None:
    assert train(tmp_path / "whole", store, "fabnet", 2) == [0, 0]
    assert train(tmp_path / "cut", store, "fabnet", 2, stop_at=4) == [3, 3]
    saved = torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)
    assert saved["state"]["step"] == 4
    assert train(tmp_path / "cut", store, "fabnet", 2) == [0, 0]
    whole, cut = (load_file(tmp_path / folder / "method.safetensors") for folder in ("whole", "cut"))
    assert all(torch.equal(value, cut[key]) for key, value in whole.items())


def test_a_batch_that_cannot_be_shared_out_is_refused() -> None:
    assert ProcessGroup(1, 2).shard(8) == slice(4, 8)
    with pytest.raises(UsageError, match="batch_size=9 cannot be divided among 2 processes"):
        ProcessGroup(0, 2).shard(9)

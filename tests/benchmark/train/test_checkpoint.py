"""The checkpoint file."""

from pathlib import Path

import pytest
import torch

from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from tests.benchmark.train.runs import Killed, train


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
def test_broken_checkpoint_is_refused(tmp_path: Path, store: TrackStore, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"checkpoint\.pt cannot be resumed from .*remove it"):
        train(tmp_path, store)


def test_format_is_that_of_earlier_runs(tmp_path: Path, store: TrackStore) -> None:
    """Runs that were interrupted before an update must resume after it: change the format only with a reader."""
    with pytest.raises(Killed):
        train(tmp_path, store, kill_at=7)
    content = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert content.keys() == {"method", "optimiser", "schedule", "state"}
    assert content["schedule"].keys() == {"shifts", "divisions", "best", "waited", "converged", "one_cycle"}
    assert content["state"].keys() == {"step", "seconds", "restarts", "val_loss"}

"""What a training step costs beside the method itself: reading a batch and jittering it, at 64 px and batch 32."""

from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from benchmark.config.schema import AugmentConfig
from benchmark.data.batches import TrackBatches
from benchmark.data.synthetic import SyntheticTracks
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.store import TrackStore
from benchmark.train.augment import CropJitter

BATCH = 32


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> TrackBatches:
    folder: Path = tmp_path_factory.mktemp("tracks")
    TrackPacker(SyntheticTracks(identities=16, tracks_per_identity=2), folder, split_seed=0).pack()
    return TrackBatches(TrackStore(folder), "train", frames=2, batch=BATCH, seed=(0, 0))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def note_speed(benchmark: BenchmarkFixture) -> None:
    """Add frames per second to the results, unless measuring is off."""
    if benchmark.stats is not None:
        benchmark.extra_info["frames_per_s"] = 2 * BATCH / benchmark.stats["median"]


def test_read_a_batch(benchmark: BenchmarkFixture, batches: TrackBatches) -> None:
    (frames,) = benchmark(batches.__getitem__, 7)
    note_speed(benchmark)
    assert frames.shape == (BATCH, 2, 3, 64, 64)


def test_jitter_a_batch(benchmark: BenchmarkFixture, batches: TrackBatches) -> None:
    jitter = CropJitter(AugmentConfig())
    images, _ = benchmark(jitter, batches[0][0])
    note_speed(benchmark)
    assert images.shape == (BATCH, 2, 3, 64, 64)

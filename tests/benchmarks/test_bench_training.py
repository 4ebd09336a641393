"""Speed of what a training step needs besides the method: reading a batch and jittering it, at 64 px and batch 32."""

from collections.abc import Iterator
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
FRAMES = 2  # in a sample


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> TrackBatches:
    folder: Path = tmp_path_factory.mktemp("tracks")
    TrackPacker(SyntheticTracks(identities=16, tracks_per_identity=2), folder, split_seed=0).pack()
    return TrackBatches(TrackStore(folder), "train", frames=FRAMES, batch=BATCH, seed=(0, 0))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_reading_a_batch(benchmark: BenchmarkFixture, batches: TrackBatches) -> None:
    (frames,) = benchmark(batches.__getitem__, 7)
    record_speed(benchmark)
    assert frames.shape == (BATCH, FRAMES, 3, 64, 64)


def test_jittering_a_batch(benchmark: BenchmarkFixture, batches: TrackBatches) -> None:
    jitter = CropJitter(AugmentConfig())
    images, _ = benchmark(jitter, batches[0][0])
    record_speed(benchmark)
    assert images.shape == (BATCH, FRAMES, 3, 64, 64)


def record_speed(benchmark: BenchmarkFixture) -> None:
    """Adds frames a second to the report, if times were measured."""
    if benchmark.stats is not None:
        benchmark.extra_info["frames_per_s"] = FRAMES * BATCH / benchmark.stats["median"]

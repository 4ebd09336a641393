"""Speed of random access to a track store on one core, and time and memory to open a million tracks."""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.tracks.format import IndexRow, shard_path, write_index, write_shard
from benchmark.data.tracks.manifest import FORMAT, FORMAT_VERSION, content_hash
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore
from benchmark.files import sha256, write_json

TRACKS = 1_000_000
FRAMES_PER_TRACK = 9
SHARDS = 512


@dataclass(frozen=True)
class Textures:
    """Frames with about the detail of a face: smooth shapes with a little noise."""

    size: int = 256
    n: int = 64

    def describe(self) -> dict[str, Any]:
        return {"reader": "textures", "size": self.size, "n": self.n}

    def tracks(self) -> list[RawTrack]:
        return [RawTrack(f"id{i}", f"id{i}/t", str(i)) for i in range(self.n)]

    def read(self, track: RawTrack) -> list[Frame]:
        random = np.random.default_rng(int(track.location))
        return [Frame(str(f), self._texture(random)) for f in range(FRAMES_PER_TRACK)]

    def _texture(self, random: np.random.Generator) -> NDArray[np.uint8]:
        image = np.zeros((self.size, self.size, 3))
        for cells, strength in ((4, 90), (32, 40), (128, 14)):
            noise = Image.fromarray(random.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
            image += np.asarray(noise.resize((self.size, self.size), Image.Resampling.BICUBIC)) / 255.0 * strength
        texture: NDArray[np.uint8] = np.clip(image + 50, 0, 255).astype(np.uint8)
        return texture


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TrackStore:
    root = tmp_path_factory.mktemp("store")
    TrackPacker(Textures(), root, split_seed=0).pack()
    return TrackStore(root)


def random_frames(store: TrackStore, n: int = 200) -> list[tuple[int, int]]:
    random = np.random.default_rng(0)
    tracks = random.integers(0, len(store), n).tolist()
    return [(t, int(random.integers(0, FRAMES_PER_TRACK))) for t in tracks]


def test_random_access(benchmark: Any, store: TrackStore) -> None:
    frames = random_frames(store)
    benchmark(lambda: [store.jpeg(*frame) for frame in frames])
    benchmark.extra_info["accesses_per_second"] = len(frames) / benchmark.stats["median"]


def test_random_access_and_decode_256(benchmark: Any, store: TrackStore) -> None:
    frames = random_frames(store)
    benchmark(lambda: [store.frame(*frame) for frame in frames])
    benchmark.extra_info["frames_per_second"] = len(frames) / benchmark.stats["median"]
    benchmark.extra_info["frames_per_second_undisturbed"] = len(frames) / benchmark.stats["min"]
    benchmark.extra_info["bytes_per_frame"] = statistics.mean(len(store.jpeg(*frame)) for frame in frames)


OPEN = """
import json, sys, time
import psutil
before = psutil.Process().memory_info().rss
start = time.perf_counter()
from benchmark.data.tracks.store import TrackStore
imported = time.perf_counter()
store = TrackStore(sys.argv[1])
train = store.tracks("train")
frames = int(store.n_frames().sum())
store.identity(int(train[-1]))
opened = time.perf_counter()
rss = psutil.Process().memory_info().rss
print(json.dumps({"tracks": len(store), "frames": frames, "import_s": imported - start,
                  "open_s": opened - imported, "rss_mb": rss / 1e6, "bare_rss_mb": before / 1e6}))
"""


def test_open_a_million_tracks(benchmark: Any, tmp_path: Path) -> None:
    million_tracks(tmp_path)

    def open_in_a_fresh_process() -> dict[str, Any]:
        done = subprocess.run([sys.executable, "-c", OPEN, tmp_path], capture_output=True, text=True, check=True)
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    result = benchmark.pedantic(open_in_a_fresh_process, rounds=3, warmup_rounds=1)
    benchmark.extra_info |= result
    assert result["tracks"] == TRACKS
    assert result["frames"] == TRACKS * FRAMES_PER_TRACK
    assert result["rss_mb"] < 300


def million_tracks(root: Path) -> None:
    """Write a store whose index has a million rows and whose shards are empty."""
    for shard in range(SHARDS):
        write_shard(shard_path(root, shard), [])
    tracks_per_shard = -(-TRACKS // SHARDS)
    rows = [
        IndexRow(
            track=f"id{i % 7000:05d}/youtube-{i // 40:06x}/{i % 40:05d}",
            identity=f"id{i % 7000:05d}",
            location=f"dev/mp4/id{i % 7000:05d}/youtube-{i // 40:06x}/{i % 40:05d}.mp4",
            split=(i % 7000) % 3,
            shard=i // tracks_per_shard,
            batch=i % tracks_per_shard,
            n_frames=FRAMES_PER_TRACK,
        )
        for i in range(TRACKS)
    ]
    write_index(root / "index.arrow", rows)
    shards = [{"bytes": p.stat().st_size, "sha256": sha256(p)} for p in sorted(root.glob("shards/*"))]
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "source": {},
        "size": 256,
        "split": {},
        "index": {"bytes": (root / "index.arrow").stat().st_size},
        "shards": shards,
    }
    write_json(root / "manifest.json", manifest | {"hash": content_hash(manifest)})

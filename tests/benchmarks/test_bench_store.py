"""The track store: random frames a second on one core, and what opening a million tracks costs a process."""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.data.tracks.format import IndexRow, shard_path, write_index, write_shard
from benchmark.data.tracks.manifest import FORMAT, FORMAT_VERSION, content_hash
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore
from benchmark.files import sha256, write_json

TRACKS = 1_000_000
FRAMES_A_TRACK = 9
SHARDS = 512


@dataclass(frozen=True)
class Textures:
    """Frames with about as much detail as a face: smooth shapes under a little noise."""

    size: int = 256
    n: int = 64

    def describe(self) -> dict[str, Any]:
        return {"reader": "textures", "size": self.size, "n": self.n}

    def tracks(self) -> list[RawTrack]:
        return [RawTrack(f"id{i}", f"id{i}/t", str(i)) for i in range(self.n)]

    def read(self, track: RawTrack) -> list[Frame]:
        random = np.random.default_rng(int(track.location))
        return [Frame(str(f), self._texture(random)) for f in range(FRAMES_A_TRACK)]

    def _texture(self, random: np.random.Generator) -> np.ndarray:
        image = np.zeros((self.size, self.size, 3))
        for cells, strength in ((4, 90), (32, 40), (128, 14)):
            noise = Image.fromarray(random.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
            image += np.asarray(noise.resize((self.size, self.size), Image.Resampling.BICUBIC)) / 255.0 * strength
        return np.clip(image + 50, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TrackStore:
    root = tmp_path_factory.mktemp("store")
    TrackPacker(Textures(), root, split_seed=0).pack()
    return TrackStore(root)


def random_places(store: TrackStore, n: int = 200) -> list[tuple[int, int]]:
    random = np.random.default_rng(0)
    tracks = random.integers(0, len(store), n).tolist()
    return [(t, int(random.integers(0, FRAMES_A_TRACK))) for t in tracks]


def test_random_access(benchmark: Any, store: TrackStore):
    places = random_places(store)
    benchmark(lambda: [store.jpeg(*place) for place in places])
    benchmark.extra_info["accesses_per_second"] = len(places) / benchmark.stats["median"]


def test_random_access_and_decode_256(benchmark: Any, store: TrackStore):
    places = random_places(store)
    benchmark(lambda: [store.frame(*place) for place in places])
    benchmark.extra_info["frames_per_second"] = len(places) / benchmark.stats["median"]
    benchmark.extra_info["frames_per_second_undisturbed"] = len(places) / benchmark.stats["min"]
    benchmark.extra_info["bytes_per_frame"] = statistics.mean(len(store.jpeg(*place)) for place in places)


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


def test_open_a_million_tracks(benchmark: Any, tmp_path: Path):
    million_tracks(tmp_path)

    def open_in_a_fresh_process() -> dict[str, Any]:
        done = subprocess.run([sys.executable, "-c", OPEN, tmp_path], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    found = benchmark.pedantic(open_in_a_fresh_process, rounds=3, warmup_rounds=1)
    benchmark.extra_info |= found
    assert found["tracks"] == TRACKS
    assert found["frames"] == TRACKS * FRAMES_A_TRACK
    assert found["rss_mb"] < 300


def million_tracks(root: Path) -> None:
    """A store whose index has a million entries; its shards are empty."""
    for shard in range(SHARDS):
        write_shard(shard_path(root, shard), [])
    a_shard = -(-TRACKS // SHARDS)
    rows = [
        IndexRow(
            track=f"id{i % 7000:05d}/youtube-{i // 40:06x}/{i % 40:05d}",
            identity=f"id{i % 7000:05d}",
            location=f"dev/mp4/id{i % 7000:05d}/youtube-{i // 40:06x}/{i % 40:05d}.mp4",
            split=(i % 7000) % 3,
            shard=i // a_shard,
            batch=i % a_shard,
            n_frames=FRAMES_A_TRACK,
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

"""Cost of packing, opening and reading a track store as a function of its number of tracks.

    python -m tests.benchmarks.scale 10000 100000 1000000 1200000

Each store is packed from tracks of 7 or 8 tiny frames, with names as long as VoxCeleb's, in one process, then opened
and read at random in another. The exponents are the slopes of log cost over log tracks between the first and the last
size.
"""

import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore

SIDE = 16
READS = 20_000
MB = 1e6


@dataclass(frozen=True)
class Many:
    """``n`` tracks of 7 or 8 frames, about 160 per identity, as in VoxCeleb+."""

    n: int
    size: int = SIDE

    def describe(self) -> dict[str, Any]:
        return {"reader": "many", "n": self.n}

    def tracks(self) -> list[RawTrack]:
        tracks = []
        for i in range(self.n):
            name = f"id{i // 160:05d}/youtube-{i // 8:06x}/{i % 8:05d}"
            tracks.append(RawTrack(name[:7], f"vox2/{name}", f"vox2/dev/mp4/{name}.mp4"))
        return tracks

    def read(self, track: RawTrack) -> Iterator[Frame]:
        number = int(track.track[5 + 2 : 5 + 7]) * 160 + int(track.track[-5:])
        for f in range(7 + number % 2):
            image = np.full((SIDE, SIDE, 3), (number + f) % 256, np.uint8)
            yield Frame(f"{f:.3f} s", image, content=f"{hash((track.track, f)) % 2**64:016x}")


def measure_prepare(n: int, root: Path) -> dict[str, float]:
    """CPU time of the packing process and its two workers, and peak memory of the packing process."""
    manifest = TrackPacker(Many(n), root, split_seed=0).pack(workers=2)
    parent, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "tracks": n,
        "frames": manifest["counts"]["total"]["frames"],
        "prepare_cpu_s": parent.ru_utime + parent.ru_stime + workers.ru_utime + workers.ru_stime,
        "prepare_mib": parent.ru_maxrss / 1024,
        "index_mb": manifest["index"]["bytes"] / MB,
        "contents_mb": manifest["contents"]["bytes"] / MB,
    }


def measure_open(root: Path) -> dict[str, float]:
    """CPU time and memory to open a store, and random reads per CPU second."""
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    store = TrackStore(root)
    opened = time.process_time() - start
    grown = psutil.Process().memory_info().rss - before
    random = np.random.default_rng(0)
    lengths = store.n_frames()
    tracks = random.integers(0, len(store), READS).tolist()
    start = time.process_time()
    for track in tracks:
        store.jpeg(track, int(random.integers(lengths[track])))
    return {
        "open_cpu_ms": 1e3 * opened,
        "open_mib": grown / 2**20,
        "reads_per_cpu_s": READS / (time.process_time() - start),
    }


def main(sizes: list[int]) -> None:
    """Print one row per size, and the exponents. Times are CPU times, since the machine may be shared."""
    rows = []
    for n in sizes:
        root = Path(tempfile.mkdtemp(prefix="scale"))
        try:
            rows.append(_in_new_process("prepare", n, root / "store") | _in_new_process("open", n, root / "store"))
        finally:
            shutil.rmtree(root)
        print(
            "  ".join(
                f"{key} {value:,.4g}" if value < 1e4 else f"{key} {value:,.0f}" for key, value in rows[-1].items()
            )
        )
    first, last = rows[0], rows[-1]
    span = math.log(last["tracks"] / first["tracks"])
    print(
        "exponents  "
        + "  ".join(f"{key} {math.log(last[key] / first[key]) / span:+.2f}" for key in last if key != "tracks")
    )


def _in_new_process(step: str, n: int, root: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.scale", step, str(n), str(root)]
    costs: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return costs


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        print(json.dumps(measure_prepare(int(sys.argv[2]), Path(sys.argv[3]))))
    elif sys.argv[1:2] == ["open"]:
        print(json.dumps(measure_open(Path(sys.argv[3]))))
    else:
        main([int(word) for word in sys.argv[1:]])

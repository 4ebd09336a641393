import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmark.data.tracks.format import EncodedTrack, IndexRow, read_index, shard_path, write_index, write_shard
from benchmark.data.tracks.manifest import content_hash
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.store import TrackStore
from benchmark.data.tracks.verify import verify
from benchmark.errors import DataError
from benchmark.files import sha256, write_json
from tests.benchmark.data.drawn import Drawn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    TrackPacker(Drawn(), tmp_path, split_seed=0, slice_size=5).pack()
    return tmp_path


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


def resign(root: Path, change: Callable[[dict[str, Any]], None] = lambda manifest: None) -> None:
    """Update the checksums of an altered store, so that verification has to find the problem by other means."""
    manifest = json.loads((root / "manifest.json").read_text())
    for i, shard in enumerate(manifest["shards"]):
        path = shard_path(root, i)
        shard |= {"bytes": path.stat().st_size, "sha256": sha256(path)}
    index = root / "index.arrow"
    manifest["index"] = {"bytes": index.stat().st_size, "sha256": sha256(index)}
    change(manifest)
    manifest["hash"] = content_hash(manifest)
    write_json(root / "manifest.json", manifest)


def test_intact_store(root: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(root, progress=lambda *counts: seen.append(counts))
    assert report.ok
    assert (report.tracks, report.frames, report.shards) == (12, 36, 3)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert verify(root, deep=False).ok
    assert verify(root, workers=2).ok


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no track store"):
        verify(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 0.999])
def test_altered_byte_in_a_shard(root: Path, share: float) -> None:
    path = shard_path(root, 1)
    flip(path, int(share * path.stat().st_size))
    problems = verify(root).problems
    assert any("shard-00001.arrow: altered" in problem for problem in problems)
    assert all("shard-00001" in problem for problem in problems)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 0.999])
def test_altered_byte_in_the_index(root: Path, share: float) -> None:
    path = root / "index.arrow"
    flip(path, int(share * path.stat().st_size))
    assert any("index.arrow: " in problem for problem in verify(root).problems)


def test_truncated_shard(root: Path) -> None:
    path = shard_path(root, 2)
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = verify(root, deep=False).problems
    assert "shard-00002.arrow: truncated" in problem


def test_missing_shard_and_unknown_file(root: Path) -> None:
    shard_path(root, 0).rename(shard_path(root, 7))
    problems = verify(root).problems
    assert len(problems) == 2
    assert "shard-00000.arrow: missing" in problems[0]
    assert "shard-00007.arrow: not in the manifest" in problems[1]


def test_missing_index(root: Path) -> None:
    (root / "index.arrow").unlink()
    (problem,) = verify(root).problems
    assert "index.arrow" in problem


def test_altered_manifest(root: Path) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    write_json(root / "manifest.json", manifest | {"size": 64})
    problems = verify(root).problems
    assert "manifest was altered" in problems[0]
    assert "32 x 32 pixels in a store of 64" in problems[1]


def test_undecodable_frame(root: Path) -> None:
    store = TrackStore(root)
    tracks = [
        EncodedTrack(
            store.identity(t),
            store.name(t),
            ["00", "01", "02"],
            [bytes(store.jpeg(t, f))[: 200 if (t, f) == (6, 2) else None] for f in range(3)],
        )
        for t in range(5, 10)
    ]
    write_shard(shard_path(root, 1), tracks)
    resign(root)
    (problem,) = verify(root).problems
    assert "shard-00001.arrow: track id003/t0006 (batch 1), frame 2: JPEG does not decode" in problem


def change_index(root: Path, row: int, **values: object) -> None:
    table = read_index(root).to_pylist()
    table[row] |= values
    write_index(root / "index.arrow", [IndexRow(**entry) for entry in table])
    resign(root)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"track": "id009/t0009"}, "batch 3 is not track id009/t0009"),
        ({"n_frames": 4}, "batch 3 has 3 frames, the index says 4"),
        ({"batch": 2}, "which cannot be"),
        ({"shard": 9}, "which cannot be"),
        ({"identity": "id009"}, "batch 3 is not track id001/t0003 of id009"),
    ],
)
def test_index_inconsistent_with_its_shards(root: Path, values: dict[str, Any], expected: str) -> None:
    change_index(root, 3, **values)
    assert any(expected in problem for problem in verify(root, deep=False).problems)


def test_identity_in_two_splits(root: Path) -> None:
    split = read_index(root).to_pylist()[3]["split"]
    change_index(root, 3, split=(split + 1) % 3)
    problems = verify(root, deep=False).problems
    assert any("identity id001 is in" in problem for problem in problems)
    assert any("the manifest says" in problem for problem in problems)


def test_index_with_other_columns(root: Path) -> None:
    table = pa.table({"something": [1, 2]})
    with pa.OSFile(str(root / "index.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    resign(root)
    assert "not the index of a track store" in verify(root).problems[0]


def test_track_without_a_split(tmp_path: Path) -> None:
    TrackPacker(Drawn(), tmp_path, split_seed=0).pack()
    table = read_index(tmp_path)
    splits = pa.array([3, *table["split"].to_pylist()[1:]], pa.int8())
    columns = [splits if name == "split" else table[name] for name in table.schema.names]
    with pa.OSFile(str(tmp_path / "index.new"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=table.schema))
    (tmp_path / "index.new").replace(tmp_path / "index.arrow")
    assert any("is in no split" in problem for problem in verify(tmp_path).problems)

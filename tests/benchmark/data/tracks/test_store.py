import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.tracks.format import shard_path
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from tests.benchmark.data.drawn import Drawn, drawn


@pytest.fixture
def root(tmp_path: Path) -> Path:
    TrackPacker(Drawn(), tmp_path / "store", split_seed=0, slice_size=5).pack()
    return tmp_path / "store"


def test_frames_are_read_as_they_were_packed(root: Path) -> None:
    store = TrackStore(root)
    assert store.size == 32
    assert len(store) == 12
    assert store.n_frames().tolist() == [3] * 12
    for track in range(12):
        assert store.name(track) == f"id{track // 2:03d}/t{track:04d}"
        assert store.identity(track) == f"id{track // 2:03d}"
        for frame in range(3):
            image = store.frame(track, frame)
            assert image.shape == (32, 32, 3)
            assert image.dtype == np.uint8
            assert np.abs(image.astype(int) - drawn(track, frame, 32)).max() < 8
            assert store.source_id(track, frame) == f"{frame:02d}"


def test_splits_partition_tracks_by_identity(root: Path) -> None:
    store = TrackStore(root)
    parts = [store.tracks(split) for split in ("train", "val", "test")]
    assert sorted(np.concatenate(parts)) == list(range(12))
    names = [{store.identity(t) for t in part} for part in parts]
    assert [len(part) for part in names] == [4, 1, 1]
    assert len(set.union(*names)) == 6
    assert parts[0].dtype == np.int64


def test_jpeg_is_a_view_of_the_mapped_file(root: Path) -> None:
    jpeg = TrackStore(root).jpeg(4, 1)
    assert isinstance(jpeg, memoryview)
    assert jpeg.readonly
    assert bytes(jpeg[:2]) == b"\xff\xd8"
    assert bytes(jpeg[-2:]) == b"\xff\xd9"


def _sum(store: TrackStore) -> int:
    return int(store.frame(7, 2).sum())


def test_pickles_small_into_a_spawned_process(root: Path) -> None:
    store = TrackStore(root)
    store.frame(0, 0)
    assert len(pickle.dumps(store)) < 1000
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_sum, store).result() == _sum(store)


def test_threads_read_the_same_frames(root: Path) -> None:
    store = TrackStore(root)
    frames = [(t, f) for t in range(12) for f in range(3)] * 20
    expected = [int(store.frame(*frame).sum()) for frame in frames]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda frame: int(store.frame(*frame).sum()), frames)) == expected


@pytest.mark.parametrize(("track", "frame"), [(12, 0), (-1, 0), (0, 3), (0, -1)])
def test_missing_track_or_frame_is_an_index_error(root: Path, track: int, frame: int) -> None:
    with pytest.raises(IndexError):
        TrackStore(root).frame(track, frame)


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no track store here.*fabbench prepare"):
        TrackStore(tmp_path)


def test_unfinished_store(root: Path) -> None:
    (root / "manifest.json").unlink()
    (root / "unfinished").mkdir()
    with pytest.raises(DataError, match="unfinished"):
        TrackStore(root)


def test_missing_or_truncated_shard(root: Path) -> None:
    shard = shard_path(root, 1)
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"shard-00001.*bytes instead of"):
        TrackStore(root)
    shard.unlink()
    with pytest.raises(DataError, match=r"shard-00001.*missing"):
        TrackStore(root)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "something else", "format_version": 1}'])
def test_manifest_of_something_else(root: Path, text: str) -> None:
    (root / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json"):
        TrackStore(root)


def test_store_of_a_later_version(root: Path) -> None:
    manifest = json.loads((root / "manifest.json").read_text())
    (root / "manifest.json").write_text(json.dumps(manifest | {"format_version": 2}))
    with pytest.raises(DataError, match="version"):
        TrackStore(root)


def test_undecodable_frame_is_named(root: Path) -> None:
    jpeg = bytes(TrackStore(root).jpeg(6, 1))
    shard = shard_path(root, 1)
    shard.write_bytes(shard.read_bytes().replace(jpeg, b"\0" * len(jpeg)))
    store = TrackStore(root)
    with pytest.raises(DataError, match=r"shard-00001.*id003/t0006, frame 1"):
        store.frame(6, 1)
    store.frame(5, 1)

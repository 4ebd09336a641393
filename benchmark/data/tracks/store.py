"""Random access to the frames of a packed track store, by (track, frame)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmark.data.split import SPLITS
from benchmark.data.tracks.format import (
    INDEX,
    SHARD_SCHEMA,
    decode_jpeg,
    open_arrow,
    read_batch,
    read_index,
    shard_path,
    validated,
)
from benchmark.data.tracks.manifest import read_manifest
from benchmark.errors import DataError

FRAMES_FOLDER = "/1.6"  # in VoxCeleb1, between person and video


class TrackStore:
    """A packed track store, opened for reading; a track is addressed by its id, a frame by its position in the track.

    Opening reads no frames: files are memory-mapped, and DataLoader workers share their pages. Thread-safe. A pickled
    store holds its path alone and maps the files again when it is unpickled.

    Attributes:
        root: folder of the store.
        manifest: content of ``manifest.json``; ``manifest["hash"]`` identifies the data.
        size: side of the stored square frames, pixels.

    Raises:
        DataError: there is no store, it is unfinished, or one of its files is missing or of another length.
    """

    def __init__(self, root: Path | str):
        self.root = Path(root).absolute()
        self.manifest = read_manifest(self.root)
        self.size: int = self.manifest["size"]
        _check_length(self.root / INDEX, self.manifest["index"]["bytes"])
        for i, shard in enumerate(self.manifest["shards"]):
            _check_length(shard_path(self.root, i), shard["bytes"])
        index = read_index(self.root)
        self._names = index["track"]
        identity = cast("pa.DictionaryArray[Any, Any]", index["identity"])
        self._identity_codes = identity.indices.to_numpy()
        self._identities = identity.dictionary
        self._splits = index["split"].to_numpy()
        self._shards = index["shard"].to_numpy()
        self._batches = index["batch"].to_numpy()
        self._n_frames = index["n_frames"].to_numpy()
        self._readers: dict[int, pa.ipc.RecordBatchFileReader] = {}

    def __reduce__(self) -> tuple[Callable[[Path], Self], tuple[Path]]:
        return type(self), (self.root,)

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self._n_frames)

    def tracks(self, split: str) -> NDArray[np.int64]:
        """Ids of the tracks of a split (train, val or test), ascending."""
        return np.flatnonzero(self._splits == SPLITS.index(split))

    def n_frames(self) -> NDArray[np.int32]:
        """Number of frames of each track, shape (number of tracks,); read-only."""
        return self._n_frames

    def identity(self, track: int) -> str:
        """Identity of the person that a track shows."""
        return str(self._identities[int(self._identity_codes[self._checked(track)])].as_py())

    def identity_codes(self) -> NDArray[np.int32]:
        """A number for the identity of each track, shape (number of tracks,); read-only."""
        return self._identity_codes

    def video_codes(self) -> NDArray[np.int32]:
        """A number for the video that each track is part of, shape (number of tracks,).

        It is the folder above the track in the name that the source gave it: VIDEO in ``ID/VIDEO/TRACK``. Tracks
        of VoxCeleb1's ``NAME/1.6/VIDEO`` are videos of their own.
        """
        folders = pc.replace_substring_regex(self._names, "/[^/]*$", "")
        videos = pc.if_else(pc.ends_with(folders, FRAMES_FOLDER), self._names, folders)
        return cast("NDArray[np.int32]", videos.dictionary_encode().indices.to_numpy())

    def name(self, track: int) -> str:
        """Name of a track in its source."""
        return str(self._names[self._checked(track)].as_py())

    def source_id(self, track: int, frame: int) -> str:
        """Origin of a frame within its track: a file name, a time or a number."""
        return str(self._rows(track)["source_id"][self._checked_frame(track, frame)].as_py())

    def jpeg(self, track: int, frame: int) -> memoryview:
        """JPEG bytes of a frame, as a view of the mapped file."""
        buffer = self._rows(track)["jpeg"][self._checked_frame(track, frame)].as_buffer()
        return memoryview(buffer).toreadonly()

    def frame(self, track: int, frame: int) -> NDArray[np.uint8]:
        """Decode one frame to RGB, uint8 (size, size, 3).

        Raises:
            IndexError: no such track or frame.
            DataError: the shard or the frame cannot be read.
        """
        try:
            return decode_jpeg(bytes(self.jpeg(track, frame)), self.size)
        except ValueError as error:
            shard = shard_path(self.root, int(self._shards[track]))
            raise DataError(
                f"{shard}: track {self.name(track)}, frame {frame}: {error}; check with `fabbench verify`"
            ) from error

    def _rows(self, track: int) -> pa.RecordBatch:
        track = self._checked(track)
        shard = int(self._shards[track])
        path = shard_path(self.root, shard)
        reader = self._readers.get(shard)
        if reader is None:  # two threads may both open the shard; either reader is good
            reader = open_arrow(path)
            if reader.schema != SHARD_SCHEMA:
                raise DataError(f"{path}: not a shard of a track store; restore it or prepare the store anew")
            self._readers[shard] = reader
        rows = validated(path, read_batch(path, reader, int(self._batches[track])))
        if rows.num_rows != self._n_frames[track]:
            raise DataError(f"{path}: track {track} has {rows.num_rows} frames, the index says {self._n_frames[track]}")
        return rows

    def _checked(self, track: int) -> int:
        if not 0 <= track < len(self):
            raise IndexError(f"{self.root}: no track {track}, it has {len(self)}")
        return int(track)

    def _checked_frame(self, track: int, frame: int) -> int:
        if not 0 <= frame < self._n_frames[track]:
            raise IndexError(f"{self.root}: track {track} has {self._n_frames[track]} frames, no frame {frame}")
        return int(frame)


def _check_length(path: Path, expected: int) -> None:
    try:
        length = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: missing; restore it or prepare the store anew") from error
    if length != expected:
        raise DataError(f"{path}: {length} bytes instead of {expected}; restore it or prepare the store anew")

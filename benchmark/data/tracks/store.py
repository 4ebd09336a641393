"""The packed track store: JPEG frames in memory-mapped Arrow shards, read at random by (track, frame).

A store is a folder:

* ``manifest.json``: what it holds and where it comes from; ``hash`` identifies the data in every result.
  Written last, so a folder without it is not a store.
* ``index.arrow``: one row a track, one record batch. A track's id is its row.
* ``shards/shard-00000.arrow`` ...: uncompressed Arrow IPC files with one record batch a track and one row a
  frame, so a track is found by (shard, batch) and read without copying.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
from kornia_rs.io import ImageDecoder, decode_image_jpegturbo, encode_image_jpegturbo
from numpy.typing import NDArray

from benchmark.data.split import SPLITS
from benchmark.data.tracks.source import RawTrack
from benchmark.errors import DataError
from benchmark.files import atomic, digest, read_json

FORMAT = "fab-bench tracks"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
INDEX = "index.arrow"
TRACKS = "tracks.arrow"  # in an unfinished store: what is to be read

SHARD_SCHEMA = pa.schema(
    {"jpeg": pa.large_binary(), "source_id": pa.string(), "track": pa.string(), "identity": pa.string()}
)
INDEX_SCHEMA = pa.schema(
    {
        "track": pa.string(),
        "identity": pa.dictionary(pa.int32(), pa.string()),
        "location": pa.string(),
        "split": pa.int8(),
        "shard": pa.int32(),
        "batch": pa.int32(),
        "n_frames": pa.int32(),
    }
)


class EncodedTrack(NamedTuple):
    """A track as a shard takes it."""

    identity: str
    track: str
    source_ids: Sequence[str]
    jpegs: Sequence[bytes]


class IndexRow(NamedTuple):
    """Where a track lies, and which split it belongs to (an index into train, val, test)."""

    track: str
    identity: str
    location: str
    split: int
    shard: int
    batch: int
    n_frames: int


def shard_path(root: Path, shard: int) -> Path:
    """Path of one shard."""
    return root / "shards" / f"shard-{shard:05d}.arrow"


def encode(image: NDArray[np.uint8], quality: int) -> bytes:
    """One (S, S, 3) uint8 RGB frame as JPEG bytes (4:2:0)."""
    return encode_image_jpegturbo(np.ascontiguousarray(image), quality)


def decode(jpeg: bytes, size: int) -> NDArray[np.uint8]:
    """JPEG bytes as (size, size, 3) uint8 RGB.

    Raises:
        ValueError: the bytes are not a whole JPEG image, or one of another size.
    """
    try:
        told = ImageDecoder().read_header(jpeg)  # before a broken header asks for gigabytes
        if (told.width, told.height) != (size, size):
            raise ValueError(f"frame of {told.width} x {told.height} pixels in a store of {size}")
        return decode_image_jpegturbo(jpeg, "rgb")
    except ValueError:
        raise
    except Exception as error:  # kornia-rs raises a bare Exception
        raise ValueError("JPEG does not decode") from error


def write_shard(path: Path, tracks: Iterable[EncodedTrack]) -> None:
    """Writes one shard atomically; holds one track in memory at a time."""
    with (
        atomic(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, SHARD_SCHEMA) as writer,
    ):
        for identity, track, source_ids, jpegs in tracks:
            n = len(jpegs)
            columns = [jpegs, source_ids, [track] * n, [identity] * n]
            arrays = [pa.array(c, field.type) for c, field in zip(columns, SHARD_SCHEMA, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=SHARD_SCHEMA))


def write_index(path: Path, rows: Sequence[IndexRow]) -> None:
    """Writes the index atomically."""
    columns = zip(*rows, strict=True)
    arrays = []
    for values, field in zip(columns, INDEX_SCHEMA, strict=True):
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, field.type))
    with (
        atomic(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, INDEX_SCHEMA) as writer,
    ):
        writer.write_batch(pa.record_batch(arrays, schema=INDEX_SCHEMA))


def write_tracks(path: Path, tracks: Sequence[RawTrack]) -> None:
    """Writes the list of raw tracks atomically."""
    columns = {name: [getattr(track, name) for track in tracks] for name in ("identity", "track", "location")}
    table = pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})
    with (
        atomic(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, table.schema) as writer,
    ):
        writer.write_batch(table)


def read_tracks(path: Path, start: int, count: int) -> list[RawTrack]:
    """Some of the raw tracks, without reading the others.

    Raises:
        DataError: the list cannot be read.
    """
    batch = read_batch(path, open_arrow(path), 0).slice(start, count)
    return [RawTrack(**row) for row in batch.to_pylist()]


def content_hash(manifest: dict[str, Any]) -> str:
    """Identifies the data: source description, size, split and shard contents; no path, time or version."""
    return digest(
        {
            "source": manifest["source"],
            "size": manifest["size"],
            "split": manifest["split"],
            "shards": [shard["sha256"] for shard in manifest["shards"]],
        }
    )


def read_manifest(root: Path) -> dict[str, Any]:
    """The manifest of a complete store.

    Raises:
        DataError: there is no store, it is unfinished, or its manifest cannot be read.
    """
    path = root / MANIFEST
    if not path.is_file():
        if (root / "unfinished").is_dir():
            raise DataError(f"{root}: unfinished track store; run the same prepare again to finish it")
        raise DataError(f"{root}: no track store here (no {MANIFEST}); make one with `fabbench prepare`")
    try:
        manifest = read_json(path)
        if manifest["format"] != FORMAT or manifest["format_version"] != FORMAT_VERSION:
            raise DataError(
                f"{path}: not a track store of version {FORMAT_VERSION} "
                f"(says {manifest['format']!r} {manifest['format_version']!r}); prepare it anew"
            )
        _check_manifest(manifest)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: unreadable manifest ({error!r}); prepare the store anew") from error
    return manifest


def _check_manifest(manifest: dict[str, Any]) -> None:
    """Raises KeyError or TypeError unless what every reader of a manifest uses is there."""
    kinds = {"size": int, "source": dict, "split": dict, "hash": str, "index": dict, "shards": list}
    wrong = [key for key, kind in kinds.items() if not isinstance(manifest[key], kind)]
    wrong += [str(file) for file in (manifest["index"], *manifest["shards"]) if type(file["bytes"]) is not int]
    if wrong:
        raise TypeError(f"altered: {wrong[0]}")


def open_arrow(path: Path) -> pa.ipc.RecordBatchFileReader:
    """Memory-maps an Arrow file.

    Raises:
        DataError: it is missing, cut short or no Arrow file.
    """
    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def read_batch(path: Path, reader: pa.ipc.RecordBatchFileReader, batch: int) -> pa.RecordBatch:
    """One record batch of an opened Arrow file, without copying.

    Raises:
        DataError: it is not there or its description is broken.
    """
    try:
        return reader.get_batch(batch)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def valid(path: Path, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, once what it says of its own layout is known to be true: Arrow follows offsets unchecked.

    Raises:
        DataError: it is not.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowException as error:
        raise _unreadable(path, error) from error
    return batch


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".")
    return DataError(f"{path}: cannot be read ({reason}); restore it or prepare the store anew")


def read_index(root: Path) -> pa.RecordBatch:
    """The index of a store, memory-mapped.

    Raises:
        DataError: it is missing, unreadable, or has other columns than expected.
    """
    reader = open_arrow(root / INDEX)
    if reader.schema != INDEX_SCHEMA or reader.num_record_batches != 1:
        raise DataError(f"{root / INDEX}: not the index of a track store; prepare the store anew")
    return valid(root / INDEX, read_batch(root / INDEX, reader, 0))


class TrackStore:
    """Reads a packed store; frames are addressed by track id and position within the track.

    Nothing is loaded at opening, so workers share the pages of one copy. Thread-safe. Pickles as its path
    and maps the files again where it is unpickled.

    Attributes:
        root: the folder.
        manifest: what ``prepare`` wrote; ``manifest["hash"]`` identifies the data.
        size: side of the stored square frames, pixels.

    Raises:
        DataError: no store, an unfinished one, or a shard that is missing or has another length.
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
        self._identity_codes = index["identity"].indices.to_numpy()
        self._identities = index["identity"].dictionary
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
        """Ids of the tracks of one split, ascending; empty where the split is."""
        return np.flatnonzero(self._splits == SPLITS.index(split))

    def n_frames(self) -> NDArray[np.int32]:
        """Number of frames of every track, (number of tracks,); read-only."""
        return self._n_frames

    def identity(self, track: int) -> str:
        """Name of the person a track shows."""
        return self._identities[int(self._identity_codes[self._checked(track)])].as_py()

    def name(self, track: int) -> str:
        """A track's name in its source."""
        return self._names[self._checked(track)].as_py()

    def source_id(self, track: int, frame: int) -> str:
        """Where a frame comes from within its track: a file name, a time, a number."""
        return self._rows(track)["source_id"][self._checked_frame(track, frame)].as_py()

    def jpeg(self, track: int, frame: int) -> memoryview:
        """The JPEG bytes of a frame, a view of the mapped file."""
        buffer = self._rows(track)["jpeg"][self._checked_frame(track, frame)].as_buffer()
        return memoryview(buffer).toreadonly()

    def frame(self, track: int, frame: int) -> NDArray[np.uint8]:
        """One frame, (size, size, 3) uint8 RGB.

        Raises:
            IndexError: there is no such track or frame.
            DataError: the shard or the frame cannot be read.
        """
        try:
            return decode(bytes(self.jpeg(track, frame)), self.size)
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
        if reader is None:  # two threads may both open it; either reader will do
            reader = open_arrow(path)
            if reader.schema != SHARD_SCHEMA:
                raise DataError(f"{path}: not a shard of a track store; restore it or prepare the store anew")
            self._readers[shard] = reader
        rows = valid(path, read_batch(path, reader, int(self._batches[track])))
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

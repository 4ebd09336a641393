"""On-disk format of the packed track store: file names, Arrow schemas, and functions that read and write the files.

A store is a folder:

* ``manifest.json``: counts, settings and checksums, see `benchmark.data.tracks.manifest`. It is written last, so a
  folder without it is not a complete store.
* ``index.arrow``: one row per track, in one record batch. The row number is the track's id.
* ``shards/shard-00000.arrow`` ...: uncompressed Arrow IPC files with one record batch per track and one row per
  frame. A track is addressed by (shard, batch) and read without copying.
* ``contents.u64``: keys of the image files that were read, see `benchmark.data.tracks.leakage`.
* ``unfinished/``: plan, list of tracks and records of finished slices; only while the store is being packed.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from kornia_rs.io import ImageDecoder, decode_image_jpegturbo, encode_image_jpegturbo
from numpy.typing import NDArray

from benchmark.data.tracks.source import RawTrack
from benchmark.errors import DataError
from benchmark.files import atomic

INDEX = "index.arrow"
UNFINISHED = "unfinished"
TRACK_LIST = "tracks.arrow"  # in UNFINISHED: the raw tracks to pack

_SHARD_COLUMNS: dict[str, pa.DataType] = {
    "jpeg": pa.large_binary(),
    "source_id": pa.string(),
    "track": pa.string(),
    "identity": pa.string(),
}
_INDEX_COLUMNS: dict[str, pa.DataType] = {
    "track": pa.string(),
    "identity": pa.dictionary(pa.int32(), pa.string()),
    "location": pa.string(),
    "split": pa.int8(),
    "shard": pa.int32(),
    "batch": pa.int32(),
    "n_frames": pa.int32(),
}
SHARD_SCHEMA = pa.schema(_SHARD_COLUMNS)
INDEX_SCHEMA = pa.schema(_INDEX_COLUMNS)
TRACK_LIST_SCHEMA = pa.schema({"identity": pa.string(), "track": pa.string(), "location": pa.string()})


class EncodedTrack(NamedTuple):
    """One track to be written to a shard; ``source_ids`` and ``jpegs`` have one entry per frame."""

    identity: str
    track: str
    source_ids: Sequence[str]
    jpegs: Sequence[bytes]


class IndexRow(NamedTuple):
    """One row of the index; ``split`` is an index into `benchmark.data.split.SPLITS`."""

    track: str
    identity: str
    location: str
    split: int
    shard: int
    batch: int
    n_frames: int


def shard_path(root: Path, shard: int) -> Path:
    """Path of a shard of the store at ``root``."""
    return root / "shards" / f"shard-{shard:05d}.arrow"


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """Encode an RGB image (S, S, 3) as JPEG with 4:2:0 chroma subsampling; ``quality`` is 1 to 100."""
    jpeg: bytes = encode_image_jpegturbo(np.ascontiguousarray(image), quality)
    return jpeg


def decode_jpeg(jpeg: bytes, size: int) -> NDArray[np.uint8]:
    """Decode a JPEG to RGB, uint8 (size, size, 3).

    Raises:
        ValueError: the bytes are not a complete JPEG image of this size.
    """
    try:
        header = ImageDecoder().read_header(jpeg)  # checked first: a broken header can ask for gigabytes
        if (header.width, header.height) != (size, size):
            raise ValueError(f"frame of {header.width} x {header.height} pixels in a store of {size}")
        image: NDArray[np.uint8] = decode_image_jpegturbo(jpeg, "rgb")
    except ValueError:
        raise
    except Exception as error:  # kornia-rs raises a bare Exception
        raise ValueError("JPEG does not decode") from error
    return image


def write_shard(path: Path, tracks: Iterable[EncodedTrack]) -> None:
    """Write a shard atomically, with one track in memory at a time."""
    _write_batches(path, SHARD_SCHEMA, map(_shard_batch, tracks))


def _shard_batch(track: EncodedTrack) -> pa.RecordBatch:
    n = len(track.jpegs)
    columns = [track.jpegs, track.source_ids, [track.track] * n, [track.identity] * n]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, SHARD_SCHEMA, strict=True)]
    return pa.record_batch(arrays, schema=SHARD_SCHEMA)


def write_index(path: Path, rows: Sequence[IndexRow]) -> None:
    """Write the index atomically."""
    arrays = []
    for values, field in zip(zip(*rows, strict=True), INDEX_SCHEMA, strict=True):
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, field.type))
    _write_batches(path, INDEX_SCHEMA, [pa.record_batch(arrays, schema=INDEX_SCHEMA)])


def write_track_list(path: Path, tracks: Sequence[RawTrack]) -> None:
    """Write the list of raw tracks atomically."""
    columns = [[getattr(track, name) for track in tracks] for name in TRACK_LIST_SCHEMA.names]
    arrays = [pa.array(values, pa.string()) for values in columns]
    _write_batches(path, TRACK_LIST_SCHEMA, [pa.record_batch(arrays, schema=TRACK_LIST_SCHEMA)])


def _write_batches(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with (
        atomic(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def read_track_list(path: Path, start: int, count: int) -> list[RawTrack]:
    """Read ``count`` raw tracks from row ``start`` on, without reading the rest of the list.

    Raises:
        DataError: the list cannot be read.
    """
    batch = read_batch(path, open_arrow(path), 0).slice(start, count)
    return [RawTrack(**row) for row in batch.to_pylist()]


def read_index(root: Path) -> pa.RecordBatch:
    """Memory-map the index of a store.

    Raises:
        DataError: it is missing, unreadable, or has other columns than expected.
    """
    path = root / INDEX
    reader = open_arrow(path)
    if reader.schema != INDEX_SCHEMA or reader.num_record_batches != 1:
        raise DataError(f"{path}: not the index of a track store; prepare the store anew")
    return validated(path, read_batch(path, reader, 0))


def open_arrow(path: Path) -> pa.ipc.RecordBatchFileReader:
    """Memory-map an Arrow file.

    Raises:
        DataError: it is missing, truncated or not an Arrow file.
    """
    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def read_batch(path: Path, reader: pa.ipc.RecordBatchFileReader, batch: int) -> pa.RecordBatch:
    """Record batch number ``batch`` of an opened Arrow file, without copying.

    Raises:
        DataError: there is no such batch, or its metadata is broken.
    """
    try:
        return reader.get_batch(batch)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def validated(path: Path, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch after checking its offsets, which Arrow itself follows unchecked.

    Raises:
        DataError: the batch is not valid.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowException as error:
        raise _unreadable(path, error) from error
    return batch


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0].rstrip(".")
    return DataError(f"{path}: cannot be read ({reason}); restore it or prepare the store anew")

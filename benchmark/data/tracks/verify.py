"""Verification of a packed track store: files against the manifest, index against shards, and every frame."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchmark.data.split import SPLITS
from benchmark.data.tracks.format import (
    INDEX,
    decode_jpeg,
    open_arrow,
    read_batch,
    read_index,
    shard_path,
)
from benchmark.data.tracks.leakage import CONTENT_KEYS
from benchmark.data.tracks.manifest import content_hash, read_manifest
from benchmark.data.workers import run_parallel
from benchmark.errors import DataError
from benchmark.files import sha256

MAX_PROBLEMS = 5  # listed per shard; further ones are counted


@dataclass(frozen=True)
class Report:
    """Result of a verification.

    Attributes:
        root: folder of the store.
        tracks: number of tracks in the manifest.
        frames: number of frames in the manifest.
        shards: number of shards in the manifest.
        deep: whether checksums and frames were checked.
        problems: one line per problem; empty for an intact store.
    """

    root: Path
    tracks: int
    frames: int
    shards: int
    deep: bool
    problems: list[str]

    @property
    def ok(self) -> bool:
        return not self.problems


class _Row(NamedTuple):
    """Track as listed in the index."""

    track: str
    identity: str
    n_frames: int


def verify(
    root: Path | str,
    *,
    deep: bool = True,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check a store.

    Checks the manifest, the index, the split, and length and tables of each shard; with ``deep`` also the checksum
    of every shard and the JPEG of every frame, which reads all data.

    Args:
        root: folder of the store.
        deep: see above.
        workers: processes.
        progress: called with (shards done, shards in total).

    Raises:
        DataError: there is no store, it is unfinished, or its manifest cannot be read.
    """
    root = Path(root)
    manifest = read_manifest(root)
    _check_entries(root, manifest)
    problems = []
    if content_hash(manifest) != manifest["hash"]:
        problems.append(f"{root}: manifest was altered: its hash is not the hash of what it says")
    rows: list[list[_Row]] | None = None
    try:
        rows, index_problems = _check_index(root, manifest)
        problems += index_problems
    except DataError as error:
        problems.append(str(error))
    if (contents := manifest.get("contents")) and not _has_checksum(root / CONTENT_KEYS, contents["sha256"]):
        problems.append(f"{root / CONTENT_KEYS}: missing or altered: its sha256 is not the one in the manifest")
    problems += _check_shards(root, manifest, rows, deep, workers, progress)
    total = manifest["counts"]["total"]
    return Report(root, total["tracks"], total["frames"], len(manifest["shards"]), deep, problems)


def _check_entries(root: Path, manifest: dict[str, Any]) -> None:
    """Raise DataError unless the manifest has all entries that are checked, with the right types."""
    contents = manifest.get("contents")
    try:
        files = [manifest["index"], *manifest["shards"], *([contents] if contents else [])]
        checksums = [file["sha256"] for file in files]
        counts = [manifest["counts"][split][unit] for split in (*SPLITS, "total") for unit in ("tracks", "frames")]
    except (KeyError, TypeError) as error:
        raise DataError(f"{root}: the manifest was altered ({error!r}); prepare the store anew") from error
    wrong = [value for value in checksums if not isinstance(value, str)]
    wrong += [value for value in counts if not isinstance(value, int)]
    if wrong:
        raise DataError(f"{root}: the manifest was altered ({wrong[0]!r}); prepare the store anew")


def _has_checksum(path: Path, checksum: str) -> bool:
    return path.is_file() and sha256(path) == checksum


def _check_index(root: Path, manifest: dict[str, Any]) -> tuple[list[list[_Row]], list[str]]:
    """Check the index.

    Returns:
        The rows of each shard in the order of its batches, and the problems.

    Raises:
        DataError: the index cannot be read, or has a track without a split.
    """
    path = root / INDEX
    table = read_index(root)
    problems = []
    if sha256(path) != manifest["index"]["sha256"]:
        problems.append(f"{path}: altered: its sha256 is not the one in the manifest")
    try:
        table.validate(full=True)
        columns = {name: table[name].to_pylist() for name in table.schema.names}
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"{path}: altered: {str(error).splitlines()[0]}; prepare the store anew") from error
    rows, row_problems = _rows_by_shard(path, columns, len(manifest["shards"]))
    problems += row_problems
    problems += _check_identities(path, columns)
    problems += _check_counts(path, columns, manifest["counts"])
    return rows, problems


def _rows_by_shard(path: Path, columns: dict[str, list[Any]], n_shards: int) -> tuple[list[list[_Row]], list[str]]:
    rows: list[list[_Row]] = [[] for _ in range(n_shards)]
    problems = []
    for i in np.lexsort((columns["batch"], columns["shard"])):
        shard, batch = columns["shard"][i], columns["batch"][i]
        if not 0 <= shard < n_shards or batch != len(rows[shard]):
            problems.append(f"{path}: row {i} points to batch {batch} of shard {shard}, which cannot be")
            continue
        rows[shard].append(_Row(columns["track"][i], columns["identity"][i], columns["n_frames"][i]))
    return rows, problems


def _check_identities(path: Path, columns: dict[str, list[Any]]) -> list[str]:
    """Check that each identity is in one split."""
    splits_of: dict[str, set[int]] = {}
    for identity, split in zip(columns["identity"], columns["split"], strict=True):
        if split not in range(len(SPLITS)):
            raise DataError(f"{path}: altered: {identity} is in no split; prepare the store anew")
        splits_of.setdefault(identity, set()).add(split)
    problems = []
    for identity, splits in splits_of.items():
        if len(splits) > 1:
            names = " and ".join(SPLITS[split] for split in sorted(splits))
            problems.append(f"{path}: identity {identity} is in {names}; prepare the store anew")
    return problems


def _check_counts(path: Path, columns: dict[str, list[Any]], counts: dict[str, Any]) -> list[str]:
    """Compare tracks and frames of each split with the manifest."""
    problems = []
    for i, name in enumerate(SPLITS):
        lengths = [n for n, split in zip(columns["n_frames"], columns["split"], strict=True) if split == i]
        expected = counts[name]
        if (len(lengths), sum(lengths)) != (expected["tracks"], expected["frames"]):
            problems.append(
                f"{path}: {name} has {len(lengths)} tracks with {sum(lengths)} frames, "
                f"the manifest says {expected['tracks']} with {expected['frames']}"
            )
    return problems


def _check_shards(
    root: Path,
    manifest: dict[str, Any],
    rows: list[list[_Row]] | None,
    deep: bool,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> list[str]:
    """Problems of all shards, in their order, and of files that are not in the manifest."""
    shards: list[dict[str, Any]] = manifest["shards"]
    problems_of: list[list[str]] = [[] for _ in shards]
    calls = [(root, i, shard, manifest["size"], rows[i] if rows else None, deep) for i, shard in enumerate(shards)]
    for done, (i, problems) in enumerate(run_parallel(_check_shard, calls, workers), start=1):
        problems_of[i] = problems
        if progress:
            progress(done, len(shards))
    known = {shard_path(root, i) for i in range(len(shards))}
    unknown = [path for path in sorted((root / "shards").glob("*")) if path not in known]
    return [problem for problems in problems_of for problem in problems] + [
        f"{path}: not in the manifest" for path in unknown
    ]


def _check_shard(
    root: Path, number: int, expected: dict[str, Any], size: int, rows: list[_Row] | None, deep: bool
) -> list[str]:
    """Problems of one shard; ``expected`` is its entry in the manifest, ``rows`` its rows in the index if known."""
    path = shard_path(root, number)
    if not path.is_file():
        return [f"{path}: missing; restore it or prepare the store anew"]
    length = path.stat().st_size
    if length != expected["bytes"]:
        change = "truncated" if length < expected["bytes"] else "longer than it was"
        return [f"{path}: {change}: {length} bytes instead of {expected['bytes']}; prepare the store anew"]
    problems = []
    if deep and sha256(path) != expected["sha256"]:
        problems.append(f"{path}: altered: its sha256 is not the one in the manifest; prepare the store anew")
    table_problems = list(_table_problems(path, rows, size, deep))
    problems += table_problems[:MAX_PROBLEMS]
    if len(table_problems) > MAX_PROBLEMS:
        problems.append(f"{path}: and {len(table_problems) - MAX_PROBLEMS} problems more")
    return problems


def _table_problems(path: Path, rows: list[_Row] | None, size: int, deep: bool) -> Iterator[str]:
    """Compare the tables of a shard with the index and, with ``deep``, decode its frames."""
    try:
        reader = open_arrow(path)
    except DataError as error:
        yield str(error)
        return
    if rows is not None and reader.num_record_batches != len(rows):
        yield f"{path}: holds {reader.num_record_batches} tracks, the index says {len(rows)}"
        return
    for number in range(reader.num_record_batches):
        try:
            batch = read_batch(path, reader, number)
            batch.validate(full=True)
            table = batch.to_pydict() if deep else batch.select(["track", "identity"]).to_pydict()
        except (DataError, pa.ArrowException, UnicodeDecodeError):
            yield f"{path}: the track in batch {number} cannot be read"
            continue
        if rows is not None:
            row = rows[number]
            if {*table["track"]} != {row.track} or {*table["identity"]} != {row.identity}:
                yield f"{path}: batch {number} is not track {row.track} of {row.identity} as the index says"
            if batch.num_rows != row.n_frames:
                yield f"{path}: batch {number} has {batch.num_rows} frames, the index says {row.n_frames}"
        for frame, jpeg in enumerate(table.get("jpeg", [])):
            try:
                decode_jpeg(jpeg, size)
            except ValueError as error:
                yield f"{path}: track {table['track'][frame]} (batch {number}), frame {frame}: {error}"

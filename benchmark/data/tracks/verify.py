"""Checks a packed store against its manifest, its index against its shards, and every frame."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchmark.data.split import SPLITS
from benchmark.data.tracks.leakage import CONTENTS
from benchmark.data.tracks.store import (
    INDEX,
    content_hash,
    decode,
    open_arrow,
    read_batch,
    read_index,
    read_manifest,
    shard_path,
)
from benchmark.data.workers import run_parallel
from benchmark.errors import DataError
from benchmark.files import sha256

SHOWN = 5  # problems told of one kind in one shard; the rest are counted


@dataclass(frozen=True)
class Report:
    """What was looked at, and what is wrong with it: one line a problem, none if all is well."""

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
    """A track as the index has it."""

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
    """Checks a store.

    Always: manifest, index, split, and the length and tables of each shard. With ``deep`` also the checksum
    of every shard and every frame's JPEG, which reads everything.

    Args:
        root: folder of the store.
        deep: see above.
        workers: processes.
        progress: called with (shards done, shards in all).

    Raises:
        DataError: there is no store, it is unfinished, or its manifest cannot be read.
    """
    root = Path(root)
    manifest = read_manifest(root)
    _check_told(root, manifest)
    shards: list[dict[str, Any]] = manifest["shards"]
    problems = []
    if content_hash(manifest) != manifest["hash"]:
        problems.append(f"{root}: manifest was altered: its hash is not the hash of what it says")
    rows: list[list[_Row]] | None = None
    try:
        rows, found = _check_index(root, manifest)
        problems += found
    except DataError as error:
        problems.append(str(error))

    if (contents := manifest.get("contents")) and not _is_file_of(root / CONTENTS, contents["sha256"]):
        problems.append(f"{root / CONTENTS}: missing or altered: its sha256 is not the one in the manifest")

    by_shard: list[list[str]] = [[] for _ in shards]
    calls = [(root, i, shard, manifest["size"], rows[i] if rows else None, deep) for i, shard in enumerate(shards)]
    for done, (i, found) in enumerate(run_parallel(_check_shard, calls, workers), start=1):
        by_shard[i] = found
        if progress:
            progress(done, len(shards))
    problems += [problem for found in by_shard for problem in found]
    known = {shard_path(root, i) for i in range(len(shards))}
    problems += [f"{p}: not in the manifest" for p in sorted((root / "shards").glob("*")) if p not in known]
    total = manifest["counts"]["total"]
    return Report(root, total["tracks"], total["frames"], len(shards), deep, problems)


def _check_told(root: Path, manifest: dict[str, Any]) -> None:
    """Raises DataError unless the manifest says all that is checked."""
    try:
        files = [manifest["index"], *manifest["shards"], *([manifest["contents"]] if manifest.get("contents") else [])]
        told = [file["sha256"].lower() for file in files]
        told += [sum(manifest["counts"][name][what] for what in ("tracks", "frames")) for name in (*SPLITS, "total")]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{root}: the manifest was altered ({error!r}); prepare the store anew") from error


def _is_file_of(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _check_index(root: Path, manifest: dict[str, Any]) -> tuple[list[list[_Row]], list[str]]:
    """The rows of every shard in order of their batches, and what is wrong."""
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

    rows: list[list[_Row]] = [[] for _ in manifest["shards"]]
    order = np.lexsort((columns["batch"], columns["shard"]))
    for i in order:
        shard, batch = columns["shard"][i], columns["batch"][i]
        if not 0 <= shard < len(rows) or batch != len(rows[shard]):
            problems.append(f"{path}: row {i} points to batch {batch} of shard {shard}, which cannot be")
            continue
        rows[shard].append(_Row(columns["track"][i], columns["identity"][i], columns["n_frames"][i]))

    of_identity: dict[str, set[int]] = {}
    for identity, split in zip(columns["identity"], columns["split"], strict=True):
        if split not in range(len(SPLITS)):
            raise DataError(f"{path}: altered: {identity} is in no split; prepare the store anew")
        of_identity.setdefault(identity, set()).add(split)
    for identity, found in of_identity.items():
        if len(found) > 1:
            names = " and ".join(SPLITS[split] for split in sorted(found))
            problems.append(f"{path}: identity {identity} is in {names}; prepare the store anew")

    for i, name in enumerate(SPLITS):
        chosen = [n for n, split in zip(columns["n_frames"], columns["split"], strict=True) if split == i]
        told = manifest["counts"][name]
        if (len(chosen), sum(chosen)) != (told["tracks"], told["frames"]):
            problems.append(
                f"{path}: {name} has {len(chosen)} tracks with {sum(chosen)} frames, "
                f"the manifest says {told['tracks']} with {told['frames']}"
            )
    return rows, problems


def _check_shard(root: Path, i: int, told: dict[str, Any], size: int, rows: list[_Row] | None, deep: bool) -> list[str]:
    path = shard_path(root, i)
    if not path.is_file():
        return [f"{path}: missing; restore it or prepare the store anew"]
    length = path.stat().st_size
    if length != told["bytes"]:
        how = "cut short" if length < told["bytes"] else "longer than it was"
        return [f"{path}: {how}: {length} bytes instead of {told['bytes']}; prepare the store anew"]
    problems = []
    if deep and sha256(path) != told["sha256"]:
        problems.append(f"{path}: altered: its sha256 is not the one in the manifest; prepare the store anew")
    found = list(_table_problems(path, rows, size, deep))
    if len(found) > SHOWN:
        found = [*found[:SHOWN], f"{path}: and {len(found) - SHOWN} problems more"]
    return problems + found


def _table_problems(path: Path, rows: list[_Row] | None, size: int, deep: bool) -> Iterator[str]:
    try:
        reader = open_arrow(path)
    except DataError as error:
        yield str(error)
        return
    if rows is not None and reader.num_record_batches != len(rows):
        yield f"{path}: holds {reader.num_record_batches} tracks, the index says {len(rows)}"
        return
    for b in range(reader.num_record_batches):
        try:
            batch = read_batch(path, reader, b)
            batch.validate(full=True)
            table = batch.to_pydict() if deep else batch.select(["track", "identity"]).to_pydict()
        except (DataError, pa.ArrowException, UnicodeDecodeError):
            yield f"{path}: the track in batch {b} cannot be read"
            continue
        if rows is not None:
            row = rows[b]
            if {*table["track"]} != {row.track} or {*table["identity"]} != {row.identity}:
                yield f"{path}: batch {b} is not track {row.track} of {row.identity} as the index says"
            if batch.num_rows != row.n_frames:
                yield f"{path}: batch {b} has {batch.num_rows} frames, the index says {row.n_frames}"
        for f, jpeg in enumerate(table.get("jpeg", [])):
            try:
                decode(jpeg, size)
            except ValueError as error:
                yield f"{path}: track {table['track'][f]} (batch {b}), frame {f}: {error}"

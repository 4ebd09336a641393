"""Raw tracks in, packed store out: parallel, resumable after any interruption, the same bytes every time.

The tracks are cut into slices, each the work of one process and one shard. A slice is done when its note in
``unfinished/`` exists, which is written after its shard. When all are done the index and, last of all, the
manifest are written and ``unfinished/`` goes away.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from benchmark.data.split import FRACTIONS, SPLITS, split_identities
from benchmark.data.tracks.leakage import CONTENTS, merge_contents, write_contents
from benchmark.data.tracks.source import RawTrack, Remarks, SkippedFrame, SkipTrack, TrackSource
from benchmark.data.tracks.store import (
    FORMAT,
    FORMAT_VERSION,
    INDEX,
    MANIFEST,
    TRACKS,
    EncodedTrack,
    IndexRow,
    content_hash,
    encode,
    read_manifest,
    read_tracks,
    shard_path,
    write_index,
    write_shard,
    write_tracks,
)
from benchmark.data.workers import run_parallel
from benchmark.errors import DataError
from benchmark.files import read_json, sha256, write_json
from slurm.signals import Stopped

MIN_FRAMES = 2  # a training sample is two frames or more of one track
MAX_SHARDS = 512  # every reader keeps its shards open, and 1024 open files is a common limit
MIN_SLICE = 8
EXAMPLES = 3  # of each reason for skipping, kept in the manifest
PACKAGES = ("fab-bench", "av", "kornia-rs", "numpy", "opencv-python-headless", "pillow", "pyarrow", "torch")

Progress = Callable[[int, int, int], None]


def prepare(
    source: TrackSource,
    root: Path | str,
    *,
    split_seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
    workers: int = 1,
    jpeg_quality: int = 95,
    slice_size: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Makes the packed store of a source, or finishes it, or finds it finished; returns its manifest.

    What cannot be used is counted by reason in ``manifest["skipped"]`` and never ends the run.

    Args:
        source: where the tracks come from.
        root: folder of the store; made if it is not there, and nothing else may be in it.
        split_seed: seed of the identity-disjoint split.
        fractions: shares of the identities for train, val and test.
        workers: processes. Their number does not change the result.
        jpeg_quality: of the stored frames, 1 to 100.
        slice_size: tracks a shard; by default at least 8, and so many that there are at most 512 shards.
        progress: called with (tracks done, tracks in all, frames stored) at the start and after each slice.

    Raises:
        DataError: the source has nothing to read or nothing usable; ``root`` holds something else, a store
            made from other settings, or one that another process is writing.
    """
    root = Path(root)
    settings = _settings(source, split_seed, fractions, jpeg_quality)
    if (root / MANIFEST).is_file():
        manifest = _matching(root, settings)
        try:
            listing = _listing(source.tracks())
        except DataError:
            return manifest  # the raw data are gone, as they may be once they are packed
        if listing == manifest["listing"]:
            return manifest
        raise DataError(
            f"{root}: made from other files than the source has now; remove it to prepare it anew, "
            "or give another folder for the store"
        )
    tracks = source.tracks()
    listing = _listing(tracks)
    with _locked(root):
        if (root / MANIFEST).is_file():  # another process finished it between our look and our lock
            return _matching(root, settings)
        plan = _plan(root, settings, source, tracks, listing, slice_size)
        _run_slices(source, root, range(_slices(plan)), plan, workers, progress, lambda: False)
        return _finish(root, plan)


def prepare_part(
    source: TrackSource,
    root: Path | str,
    part: int,
    parts: int,
    *,
    split_seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
    workers: int = 1,
    jpeg_quality: int = 95,
    slice_size: int | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Does every ``parts``-th slice from ``part`` on: the work of one job of an array, on any machine.

    Jobs run at the same time and in any order; the first to come lists the tracks. Each can be killed and run
    again. When all are done, `prepare` with the same settings makes index and manifest.

    Raises:
        DataError: as `prepare`.
        Stopped: ``stop`` answered yes after a slice.
    """
    root = Path(root)
    settings = _settings(source, split_seed, fractions, jpeg_quality)
    if (plan := _listed(source, root, settings, slice_size)) is not None:
        with _locked(root, shared=True):
            if not (root / MANIFEST).is_file():  # it may have been finished while this part waited for the lock
                _run_slices(source, root, range(part, _slices(plan), parts), plan, workers, progress, stop)


def list_tracks(
    source: TrackSource,
    root: Path | str,
    *,
    split_seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
    jpeg_quality: int = 95,
) -> None:
    """Writes down what is to be done, unless it is: parts that start later need not look through all files.

    Raises:
        DataError: as `prepare`.
    """
    _listed(source, Path(root), _settings(source, split_seed, fractions, jpeg_quality), None)


def slices_done(root: Path | str) -> list[bool]:
    """Of an unfinished store, which slices are done; empty before the tracks are listed and once it is finished."""
    plan_path = Path(root) / "unfinished" / "plan.json"
    if not plan_path.is_file():
        return []
    return [_read_note(Path(root), i) is not None for i in range(_slices(read_json(plan_path)))]


def report(manifest: dict[str, Any]) -> list[str]:
    """What a store holds and what was left out of it, in a few lines for people."""
    counts = manifest["counts"]
    lines = [
        f"{name:<6} {counts[name]['identities']:>7,} identities {counts[name]['tracks']:>9,} tracks "
        f"{counts[name]['frames']:>10,} frames"
        for name in (*SPLITS, "total")
    ]
    for part, expected in manifest["source"].get("expected", {}).items():
        found = counts.get(part, {})
        here = (f"{found[what]:,} of {count:,} {what}" for what, count in expected.items() if what in found)
        lines.append(f"{part}: {', '.join(here) or 'not counted'}, as published")
    lines += [f"remark: {remark}" for remark in manifest.get("remarks", [])]
    lines += [f"warning: {warning}" for warning in manifest["warnings"]]
    for what, reasons in (
        ("skipped tracks", manifest["skipped"]["tracks"]),
        ("skipped frames", manifest["skipped"]["frames"]),
        ("converted frames", manifest["converted"]),
    ):
        for reason, found in reasons.items():
            lines.append(f"{what}: {found['count']:,} x {reason}, e.g. {found['examples'][0]}")
    return lines


def _settings(
    source: TrackSource, split_seed: int, fractions: tuple[float, float, float], jpeg_quality: int
) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "source": source.describe(),
        "size": source.size,
        "split": {"seed": split_seed, "fractions": list(fractions)},
        "jpeg": {"quality": jpeg_quality, "subsampling": "4:2:0"},
    }
    return json.loads(json.dumps(settings))  # as it will be read back, so that the two compare


def _listing(tracks: Sequence[RawTrack]) -> str:
    """Digest of all tracks; two of one name are refused."""
    result = hashlib.sha256()
    names = set()
    for track in tracks:
        if track.track in names:
            raise DataError(f"two tracks are called {track.track!r} in this source; rename one of them")
        names.add(track.track)
        result.update(json.dumps([track.identity, track.track, track.location]).encode())
    return result.hexdigest()


def _matching(root: Path, settings: dict[str, Any]) -> dict[str, Any]:
    manifest = read_manifest(root)
    _refuse_other_settings(root, manifest, settings, "a track store made with other settings")
    shutil.rmtree(root / "unfinished", ignore_errors=True)  # left if the last run was killed in its last moment
    return manifest


def _refuse_other_settings(root: Path, found: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
    found, wanted = _flat({key: found.get(key) for key in wanted}), _flat(wanted)
    changes = [
        "the source's list of tracks" if key == "listing" else f"{key} {found.get(key)!r}, now {wanted.get(key)!r}"
        for key in sorted(found | wanted)
        if found.get(key) != wanted.get(key)
    ]
    if changes:
        raise DataError(
            f"{root}: holds {what} ({'; '.join(changes)}); "
            "remove it to prepare it anew, or give another folder for the store"
        )


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}{key}.") if isinstance(item, dict) else {f"{prefix}{key}": item}
    return flat


@contextmanager
def _locked(root: Path, *, shared: bool = False, wait: bool = False) -> Iterator[None]:
    """Holds the store for this process; the system lets go when the process ends, however it does.

    ``shared``: beside others that do slices of it. ``wait``: until it is free.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("a+") as lock:
            _take(lock, root, shared, wait)
            yield
    except OSError as error:
        raise DataError(
            f"{error.filename or root}: cannot be written ({error.strerror}); "
            "make room or choose another folder, then run the same again"
        ) from error


def _take(lock: TextIO, root: Path, shared: bool, wait: bool) -> None:
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait or shared else fcntl.LOCK_NB))
    except BlockingIOError as error:
        lock.seek(0)
        raise DataError(f"{root}: {lock.read() or 'another process'} is preparing it; wait for it") from error
    except OSError:
        pass  # a file system without locks: slices are atomic and the same whoever writes them
    if not shared:
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {platform.node()}")
        lock.flush()


def _planned(root: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """The plan that is being carried out, where there is one."""
    plan_path = root / "unfinished" / "plan.json"
    if not plan_path.is_file():
        return None
    plan = read_json(plan_path)
    _refuse_other_settings(root, plan, settings, "an unfinished store of other settings or files")
    return plan


def _plan(
    root: Path,
    settings: dict[str, Any],
    source: TrackSource,
    tracks: Sequence[RawTrack],
    listing: str,
    slice_size: int | None,
) -> dict[str, Any]:
    """Writes what is to be done, the list of tracks before the plan; or goes on with the plan that is there."""
    wanted = settings | {
        "listing": listing,
        "slice_size": slice_size or max(MIN_SLICE, -(-len(tracks) // MAX_SHARDS)),
    }
    plan = _planned(root, wanted)
    if plan is None:
        if foreign := sorted(p.name for p in root.iterdir() if p.name not in (".lock", "unfinished")):
            raise DataError(
                f"{root}: holds {foreign[0]!r} and is not a track store; give an empty or a new folder for it"
            )
        plan = wanted | {"tracks": len(tracks), "remarks": source.remarks() if isinstance(source, Remarks) else []}
        write_tracks(root / "unfinished" / TRACKS, tracks)
        write_json(root / "unfinished" / "plan.json", plan)
    for torn in (*root.glob("shards/.*"), *root.glob("unfinished/.*"), *root.glob(f".{INDEX}.*")):
        torn.unlink()  # temporary files of a process that was killed
    return plan


def _listed(source: TrackSource, root: Path, settings: dict[str, Any], slice_size: int | None) -> dict[str, Any] | None:
    """The plan, made if need be; None where the store is finished. What is there is read without waiting for a lock."""
    if not (root / MANIFEST).is_file() and (plan := _planned(root, settings)) is not None:
        return plan
    with _locked(root, wait=True):
        if (root / MANIFEST).is_file():
            _matching(root, settings)
            return None
        if (plan := _planned(root, settings)) is None:
            tracks = source.tracks()
            plan = _plan(root, settings, source, tracks, _listing(tracks), slice_size)
        return plan


def _slices(plan: dict[str, Any]) -> int:
    return -(-plan["tracks"] // plan["slice_size"])


def _run_slices(
    source: TrackSource,
    root: Path,
    chosen: range,
    plan: dict[str, Any],
    workers: int,
    progress: Progress | None,
    stop: Callable[[], bool],
) -> None:
    """Does those of the chosen slices that are not done; a worker process is sent numbers, not tracks."""
    size = plan["slice_size"]
    lengths = {i: min(size, plan["tracks"] - i * size) for i in chosen}
    notes = {i: _read_note(root, i) for i in chosen}
    done = sum(lengths[i] for i, note in notes.items() if note)
    frames = sum(note["frames"] for note in notes.values() if note)
    total = sum(lengths.values())
    if progress:
        progress(done, total, frames)
    waiting = [i for i, note in notes.items() if note is None]
    calls = [(source, root, i, size, plan["jpeg"]["quality"]) for i in waiting]
    for position, stored in run_parallel(_prepare_slice, calls, workers):
        done += lengths[waiting[position]]
        frames += stored
        if progress:
            progress(done, total, frames)
        if stop() and done < total:
            raise Stopped(f"{done} of {total} tracks of its share are done")


def _note_path(root: Path, i: int) -> Path:
    return root / "unfinished" / f"slice-{i:05d}.json"


def _contents_path(root: Path, i: int) -> Path:
    return root / "unfinished" / f"contents-{i:05d}.u64"


def _read_note(root: Path, i: int) -> dict[str, Any] | None:
    path, shard = _note_path(root, i), shard_path(root, i)
    if not path.is_file() or not shard.is_file() or not _contents_path(root, i).is_file():
        return None
    note = read_json(path)
    return note if note["bytes"] == shard.stat().st_size else None


def _prepare_slice(source: TrackSource, root: Path, i: int, size: int, quality: int) -> int:
    """Writes one shard, the contents of its images, and then its note; returns the number of its frames."""
    tracks = read_tracks(root / "unfinished" / TRACKS, i * size, size)
    stored: list[tuple[str, str, str, int]] = []
    contents: list[int] = []
    skipped_tracks, skipped_frames, converted = _Tally(), _Tally(), _Tally()

    def encoded() -> Iterator[EncodedTrack]:
        for raw in tracks:
            try:
                track = _encode_track(source, raw, quality, skipped_frames, converted, contents)
            except SkipTrack as skip:
                skipped_tracks.add(str(skip), f"{raw.track}: {skip.detail}" if skip.detail else raw.track)
                continue
            stored.append((raw.identity, raw.track, raw.location, len(track.jpegs)))
            yield track

    shard = shard_path(root, i)
    write_shard(shard, encoded())
    write_contents(_contents_path(root, i), contents)
    frames = sum(row[3] for row in stored)
    note = {
        "tracks": stored,
        "frames": frames,
        "skipped_tracks": skipped_tracks.reasons,
        "skipped_frames": skipped_frames.reasons,
        "converted": converted.reasons,
        "bytes": shard.stat().st_size,
        "sha256": sha256(shard),
    }
    write_json(_note_path(root, i), note)
    return frames


def _encode_track(
    source: TrackSource,
    raw: RawTrack,
    quality: int,
    skipped: "_Tally",
    converted: "_Tally",
    contents: list[int],
) -> EncodedTrack:
    source_ids, jpegs, notes = [], [], []
    of_images = []
    for frame in source.read(raw):
        place = f"{raw.track}: {frame.source_id}"
        if isinstance(frame, SkippedFrame):
            skipped.add(frame.reason, place)
            continue
        if frame.image.shape != (source.size, source.size, 3):
            raise ValueError(f"{type(source).__name__} yields {frame.image.shape} frames at size {source.size}")
        source_ids.append(frame.source_id)
        jpegs.append(encode(frame.image, quality))
        notes += [(note, place) for note in frame.notes]
        if frame.content is not None:
            of_images.append(int(frame.content, 16))
    if len(jpegs) < MIN_FRAMES:
        raise SkipTrack(f"fewer than {MIN_FRAMES} usable frames", f"{len(jpegs)} usable")
    for note, place in notes:
        converted.add(note, place)
    contents += of_images
    return EncodedTrack(raw.identity, raw.track, source_ids, jpegs)


class _Tally:
    """Counts by reason, each with its first few examples."""

    def __init__(self) -> None:
        self.reasons: dict[str, dict[str, Any]] = {}

    def add(self, reason: str, example: str) -> None:
        self.merge({reason: {"count": 1, "examples": [example]}})

    def merge(self, reasons: dict[str, dict[str, Any]]) -> "_Tally":
        for reason, found in reasons.items():
            mine = self.reasons.setdefault(reason, {"count": 0, "examples": []})
            mine["count"] += found["count"]
            mine["examples"] = (mine["examples"] + found["examples"])[:EXAMPLES]
        return self


def _finish(root: Path, plan: dict[str, Any]) -> dict[str, Any]:
    skipped_tracks, skipped_frames, converted = _Tally(), _Tally(), _Tally()
    rows: list[IndexRow] = []
    shards = []
    for shard in range(_slices(plan)):
        note = _read_note(root, shard)
        assert note is not None
        skipped_tracks.merge(note["skipped_tracks"])
        skipped_frames.merge(note["skipped_frames"])
        converted.merge(note["converted"])
        shards.append({"bytes": note["bytes"], "sha256": note["sha256"]})
        for batch, (identity, track, location, n_frames) in enumerate(note["tracks"]):
            rows.append(IndexRow(track, sys.intern(identity), location, -1, shard, batch, n_frames))

    identities = {row.identity for row in rows}
    if not identities:
        shutil.rmtree(root)
        reasons = skipped_tracks.reasons | skipped_frames.reasons
        listed = "; ".join(f"{r['count']} x {reason} ({r['examples'][0]})" for reason, r in reasons.items())
        raise DataError(f"no usable track in the source: {listed}")
    split = split_identities(identities, plan["split"]["seed"], tuple(plan["split"]["fractions"]))
    rows = [row._replace(split=SPLITS.index(split[row.identity])) for row in rows]
    write_index(root / INDEX, rows)
    contents = merge_contents(root / CONTENTS, [_contents_path(root, i) for i in range(_slices(plan))])

    counts = _counts(rows, plan["source"].get("expected", ()))
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **{key: value for key, value in plan.items() if key != "tracks"},
        "counts": counts,
        "warnings": [
            f"{name} is empty: too few identities ({len(identities)})"
            for name, fraction in zip(SPLITS, plan["split"]["fractions"], strict=True)
            if fraction and not counts[name]["identities"]
        ],
        "skipped": {"tracks": skipped_tracks.reasons, "frames": skipped_frames.reasons},
        "converted": converted.reasons,
        "index": {"bytes": (root / INDEX).stat().st_size, "sha256": sha256(root / INDEX)},
        "contents": contents,
        "shards": shards,
        "versions": _versions(),
    }
    manifest["hash"] = content_hash(manifest)
    write_json(root / MANIFEST, manifest)
    shutil.rmtree(root / "unfinished", ignore_errors=True)
    return read_json(root / MANIFEST)


def _counts(rows: Sequence[IndexRow], parts: Iterable[str]) -> dict[str, dict[str, int]]:
    """By split, in all, and of those parts of the source whose published counts are known."""

    def count(part: Sequence[IndexRow]) -> dict[str, int]:
        return {
            "identities": len({row.identity for row in part}),
            "tracks": len(part),
            "frames": sum(row.n_frames for row in part),
        }

    by_split = {name: count([row for row in rows if row.split == i]) for i, name in enumerate(SPLITS)}
    by_part = {name: count([row for row in rows if row.track.startswith(f"{name}/")]) for name in parts}
    return by_split | {"total": count(rows)} | by_part


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found

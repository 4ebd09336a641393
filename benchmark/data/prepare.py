"""Raw tracks in, packed store out: parallel, resumable after any interruption, the same bytes every time.

The tracks are cut into slices, each the work of one process and one shard. A slice is done when its note in
``unfinished/`` exists, which is written after its shard. When all are done the index and, last of all, the
manifest are written and ``unfinished/`` goes away.
"""

import fcntl
import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from benchmark.data.sources import RawTrack, SkippedFrame, SkipTrack, TrackSource
from benchmark.data.split import FRACTIONS, SPLITS, split_identities
from benchmark.data.tracks import (
    FORMAT,
    FORMAT_VERSION,
    INDEX,
    MANIFEST,
    EncodedTrack,
    IndexRow,
    content_hash,
    encode,
    read_manifest,
    shard_path,
    write_index,
    write_shard,
)
from benchmark.data.workers import run_parallel
from benchmark.errors import DataError
from benchmark.files import digest, read_json, sha256, write_json

MIN_FRAMES = 2  # a training sample is two frames or more of one track
MAX_SHARDS = 512  # every reader keeps its shards open, and 1024 open files is a common limit
MIN_SLICE = 8
EXAMPLES = 3  # of each reason for skipping, kept in the manifest
PACKAGES = ("fab-bench", "av", "kornia-rs", "numpy", "pillow", "pyarrow", "torch")

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
    settings: dict[str, Any] = {
        "source": source.describe(),
        "size": source.size,
        "split": {"seed": split_seed, "fractions": list(fractions)},
        "jpeg": {"quality": jpeg_quality, "subsampling": "4:2:0"},
    }
    settings = json.loads(json.dumps(settings))  # as it will be read back, so that the two compare
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
    plan = settings | {
        "listing": _listing(tracks),
        "slice_size": slice_size or max(MIN_SLICE, -(-len(tracks) // MAX_SHARDS)),
    }
    with _locked(root):
        if (root / MANIFEST).is_file():  # another process finished it between our look and our lock
            return _matching(root, settings)
        _start_or_resume(root, plan)
        notes = _run_slices(source, tracks, root, plan, workers, progress)
        return _finish(root, plan, notes)


def report(manifest: dict[str, Any]) -> list[str]:
    """What a store holds and what was left out of it, in a few lines for people."""
    counts = manifest["counts"]
    lines = [
        f"{name:<6} {counts[name]['identities']:>7,} identities {counts[name]['tracks']:>9,} tracks "
        f"{counts[name]['frames']:>10,} frames"
        for name in (*SPLITS, "total")
    ]
    lines += [f"warning: {warning}" for warning in manifest["warnings"]]
    for what, reasons in (
        ("skipped tracks", manifest["skipped"]["tracks"]),
        ("skipped frames", manifest["skipped"]["frames"]),
        ("converted frames", manifest["converted"]),
    ):
        for reason, found in reasons.items():
            lines.append(f"{what}: {found['count']:,} x {reason}, e.g. {found['examples'][0]}")
    return lines


def _listing(tracks: Sequence[RawTrack]) -> str:
    names = Counter(track.track for track in tracks)
    twice = [name for name, n in names.items() if n > 1]
    if twice:
        raise DataError(f"two tracks are called {twice[0]!r} in this source; rename one of them")
    return digest([[t.identity, t.track, t.location] for t in tracks])


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
def _locked(root: Path) -> Iterator[None]:
    """Holds the store for this process; the system lets go when the process ends, however it does."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / ".lock").open("a+") as lock:
            _take(lock, root)
            yield
    except OSError as error:
        raise DataError(
            f"{error.filename or root}: cannot be written ({error.strerror}); "
            "make room or choose another folder, then run the same again"
        ) from error


def _take(lock: TextIO, root: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        raise DataError(f"{root}: {lock.read() or 'another process'} is preparing it; wait for it") from error
    except OSError:
        pass  # a file system without locks: slices are atomic and the same whoever writes them
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {platform.node()}")
    lock.flush()


def _start_or_resume(root: Path, plan: dict[str, Any]) -> None:
    plan_path = root / "unfinished" / "plan.json"
    if plan_path.is_file():
        _refuse_other_settings(root, read_json(plan_path), plan, "an unfinished store of other settings or files")
    elif foreign := sorted(p.name for p in root.iterdir() if p.name not in (".lock", "unfinished")):
        raise DataError(f"{root}: holds {foreign[0]!r} and is not a track store; give an empty or a new folder for it")
    else:
        write_json(plan_path, plan)
    for torn in (*root.glob("shards/.*"), *root.glob("unfinished/.*"), *root.glob(f".{INDEX}.*")):
        torn.unlink()  # temporary files of a process that was killed


def _run_slices(
    source: TrackSource,
    tracks: Sequence[RawTrack],
    root: Path,
    plan: dict[str, Any],
    workers: int,
    progress: Progress | None,
) -> list[dict[str, Any]]:
    size = plan["slice_size"]
    slices = [tracks[i : i + size] for i in range(0, len(tracks), size)]
    notes = [_read_note(root, i) for i in range(len(slices))]
    done = sum(len(part) for part, note in zip(slices, notes, strict=True) if note)
    frames = sum(note["frames"] for note in notes if note)
    if progress:
        progress(done, len(tracks), frames)
    waiting = [i for i, note in enumerate(notes) if note is None]
    calls = [(source, slices[i], root, i, plan["jpeg"]["quality"]) for i in waiting]
    for position, note in run_parallel(_prepare_slice, calls, workers):
        i = waiting[position]
        notes[i] = note
        done += len(slices[i])
        frames += note["frames"]
        if progress:
            progress(done, len(tracks), frames)
    return [note for note in notes if note]


def _note_path(root: Path, i: int) -> Path:
    return root / "unfinished" / f"slice-{i:05d}.json"


def _read_note(root: Path, i: int) -> dict[str, Any] | None:
    path, shard = _note_path(root, i), shard_path(root, i)
    if not path.is_file() or not shard.is_file():
        return None
    note = read_json(path)
    return note if note["bytes"] == shard.stat().st_size else None


def _prepare_slice(source: TrackSource, tracks: Sequence[RawTrack], root: Path, i: int, quality: int) -> dict[str, Any]:
    """Writes one shard and then its note, which is also returned."""
    stored: list[tuple[str, str, str, int]] = []
    skipped_tracks, skipped_frames, converted = _Tally(), _Tally(), _Tally()

    def encoded() -> Iterator[EncodedTrack]:
        for raw in tracks:
            try:
                track = _encode_track(source, raw, quality, skipped_frames, converted)
            except SkipTrack as skip:
                skipped_tracks.add(str(skip), f"{raw.track}: {skip.detail}" if skip.detail else raw.track)
                continue
            stored.append((raw.identity, raw.track, raw.location, len(track.jpegs)))
            yield track

    shard = shard_path(root, i)
    write_shard(shard, encoded())
    note = {
        "tracks": stored,
        "frames": sum(row[3] for row in stored),
        "skipped_tracks": skipped_tracks.reasons,
        "skipped_frames": skipped_frames.reasons,
        "converted": converted.reasons,
        "bytes": shard.stat().st_size,
        "sha256": sha256(shard),
    }
    write_json(_note_path(root, i), note)
    return note


def _encode_track(
    source: TrackSource, raw: RawTrack, quality: int, skipped: "_Tally", converted: "_Tally"
) -> EncodedTrack:
    source_ids, jpegs, notes = [], [], []
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
    if len(jpegs) < MIN_FRAMES:
        raise SkipTrack(f"fewer than {MIN_FRAMES} usable frames", f"{len(jpegs)} usable")
    for note, place in notes:
        converted.add(note, place)
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


def _finish(root: Path, plan: dict[str, Any], notes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    skipped_tracks, skipped_frames, converted = _Tally(), _Tally(), _Tally()
    for note in notes:
        skipped_tracks.merge(note["skipped_tracks"])
        skipped_frames.merge(note["skipped_frames"])
        converted.merge(note["converted"])

    identities = {row[0] for note in notes for row in note["tracks"]}
    if not identities:
        shutil.rmtree(root)
        reasons = skipped_tracks.reasons | skipped_frames.reasons
        listed = "; ".join(f"{r['count']} x {reason} ({r['examples'][0]})" for reason, r in reasons.items())
        raise DataError(f"no usable track in the source: {listed}")
    split = split_identities(identities, plan["split"]["seed"], tuple(plan["split"]["fractions"]))
    rows = [
        IndexRow(track, identity, location, SPLITS.index(split[identity]), shard, batch, n_frames)
        for shard, note in enumerate(notes)
        for batch, (identity, track, location, n_frames) in enumerate(note["tracks"])
    ]
    write_index(root / INDEX, rows)

    counts = _counts(rows)
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **plan,
        "counts": counts,
        "warnings": [
            f"{name} is empty: too few identities ({len(identities)})"
            for name, fraction in zip(SPLITS, plan["split"]["fractions"], strict=True)
            if fraction and not counts[name]["identities"]
        ],
        "skipped": {"tracks": skipped_tracks.reasons, "frames": skipped_frames.reasons},
        "converted": converted.reasons,
        "index": {"bytes": (root / INDEX).stat().st_size, "sha256": sha256(root / INDEX)},
        "shards": [{"bytes": note["bytes"], "sha256": note["sha256"]} for note in notes],
        "versions": _versions(),
    }
    manifest["hash"] = content_hash(manifest)
    write_json(root / MANIFEST, manifest)
    shutil.rmtree(root / "unfinished", ignore_errors=True)
    return read_json(root / MANIFEST)


def _counts(rows: Sequence[IndexRow]) -> dict[str, dict[str, int]]:
    def count(part: Sequence[IndexRow]) -> dict[str, int]:
        return {
            "identities": len({row.identity for row in part}),
            "tracks": len(part),
            "frames": sum(row.n_frames for row in part),
        }

    by_split = {name: count([row for row in rows if row.split == i]) for i, name in enumerate(SPLITS)}
    return by_split | {"total": count(rows)}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found

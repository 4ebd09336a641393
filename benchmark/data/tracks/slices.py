"""Packing of one slice of the tracks: a shard, the content keys of its images, and a record that it is done."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.data.own import frames
from benchmark.data.tracks.format import (
    TRACK_LIST,
    UNFINISHED,
    EncodedTrack,
    encode_jpeg,
    read_track_list,
    shard_path,
    write_shard,
)
from benchmark.data.tracks.leakage import write_content_keys
from benchmark.data.tracks.plan import PackPlan
from benchmark.data.tracks.source import RawTrack, SkippedFrame, SkipTrack, TrackSource
from benchmark.files import read_json, sha256, write_json

MIN_FRAMES = 2  # a training sample is two frames or more of one track
MAX_EXAMPLES = 3  # per reason, kept in the manifest

Reasons = dict[str, dict[str, Any]]
"""Reason -> {"count": int, "examples": [names of tracks or frames]}."""


@dataclass(frozen=True)
class SliceRecord:
    """What was packed and left out of one slice; the fields are keys of ``unfinished/slice-*.json``.

    Attributes:
        tracks: (identity, track, location, number of frames) of each track in the shard, in its order.
        frames: number of frames in the shard.
        skipped_tracks: tracks left out, by reason.
        skipped_frames: frames left out, by reason.
        converted: frames that were converted, by kind of conversion.
        bytes: length of the shard.
        sha256: checksum of the shard.
    """

    tracks: list[tuple[str, str, str, int]]
    frames: int
    skipped_tracks: Reasons
    skipped_frames: Reasons
    converted: Reasons
    bytes: int
    sha256: str


class Tally:
    """Counts by reason, with the first few examples of each."""

    def __init__(self) -> None:
        self.reasons: Reasons = {}

    def add(self, reason: str, example: str) -> None:
        """Count one case."""
        self.merge({reason: {"count": 1, "examples": [example]}})

    def merge(self, reasons: Reasons) -> None:
        """Add the counts and examples of another tally."""
        for reason, cases in reasons.items():
            entry = self.reasons.setdefault(reason, {"count": 0, "examples": []})
            entry["count"] += cases["count"]
            entry["examples"] = (entry["examples"] + cases["examples"])[:MAX_EXAMPLES]


def slices_done(root: Path | str) -> list[bool]:
    """For each slice of an unfinished store, whether it is done; empty before tracks are listed and once finished."""
    plan = PackPlan.read(Path(root))
    if plan is None:
        return []
    return [read_record(Path(root), number) is not None for number in range(plan.n_slices)]


def read_record(root: Path, number: int) -> SliceRecord | None:
    """Record of a slice, or None where the slice is not done or its files are incomplete."""
    path, shard = _record_path(root, number), shard_path(root, number)
    if not path.is_file() or not shard.is_file() or not content_keys_path(root, number).is_file():
        return None
    record = SliceRecord(**read_json(path))
    return record if record.bytes == shard.stat().st_size else None


def content_keys_path(root: Path, number: int) -> Path:
    """Path of the content keys of one slice."""
    return root / UNFINISHED / f"contents-{number:05d}.u64"


def _record_path(root: Path, number: int) -> Path:
    return root / UNFINISHED / f"slice-{number:05d}.json"


def pack_slice(source: TrackSource, root: Path, number: int, slice_size: int, jpeg_quality: int) -> int:
    """Write the shard of a slice, its content keys and, last, its record; return the number of frames."""
    shard = shard_path(root, number)
    packing = _SlicePacking(source, jpeg_quality)
    write_shard(shard, packing.encode(read_track_list(root / UNFINISHED / TRACK_LIST, number * slice_size, slice_size)))
    write_content_keys(content_keys_path(root, number), packing.content_keys)
    record = SliceRecord(
        tracks=packing.tracks,
        frames=sum(n_frames for *_, n_frames in packing.tracks),
        skipped_tracks=packing.skipped_tracks.reasons,
        skipped_frames=packing.skipped_frames.reasons,
        converted=packing.converted.reasons,
        bytes=shard.stat().st_size,
        sha256=sha256(shard),
    )
    write_json(_record_path(root, number), asdict(record))
    return record.frames


@dataclass
class _SlicePacking:
    """Encodes the tracks of a slice and collects what its record says."""

    source: TrackSource
    jpeg_quality: int
    tracks: list[tuple[str, str, str, int]] = field(default_factory=list)
    content_keys: list[int] = field(default_factory=list)
    skipped_tracks: Tally = field(default_factory=Tally)
    skipped_frames: Tally = field(default_factory=Tally)
    converted: Tally = field(default_factory=Tally)

    def encode(self, raw_tracks: list[RawTrack]) -> Iterator[EncodedTrack]:
        """Yield the usable tracks."""
        for raw in raw_tracks:
            try:
                track = self._encode_track(raw)
            except SkipTrack as skip:
                self.skipped_tracks.add(str(skip), f"{raw.track}: {skip.detail}" if skip.detail else raw.track)
                continue
            self.tracks.append((raw.identity, raw.track, raw.location, len(track.jpegs)))
            yield track

    def _encode_track(self, raw: RawTrack) -> EncodedTrack:
        source_ids, jpegs, conversions, content_keys = [], [], [], []
        for frame in frames(self.source, raw):
            name = f"{raw.track}: {frame.source_id}"
            if isinstance(frame, SkippedFrame):
                self.skipped_frames.add(frame.reason, name)
                continue
            self._check_shape(frame.image.shape)
            source_ids.append(frame.source_id)
            jpegs.append(encode_jpeg(frame.image, self.jpeg_quality))
            conversions += [(note, name) for note in frame.notes]
            if frame.content is not None:
                content_keys.append(int(frame.content, 16))
        if len(jpegs) < MIN_FRAMES:
            raise SkipTrack(f"fewer than {MIN_FRAMES} usable frames", f"{len(jpegs)} usable")
        for note, name in conversions:
            self.converted.add(note, name)
        self.content_keys += content_keys
        return EncodedTrack(raw.identity, raw.track, source_ids, jpegs)

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        size = self.source.size
        if shape != (size, size, 3):
            raise ValueError(f"{type(self.source).__name__} yields {shape} frames at size {size}")

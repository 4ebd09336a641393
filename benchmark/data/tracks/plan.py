"""Plan of packing a source into a store: settings, number of tracks, size of the slices.

The plan is kept in the store while it is unfinished, so that every process, on whatever machine and at whatever time,
packs the same slices, and so that a store is not finished with other settings than it was begun with.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from benchmark.data.tracks.format import INDEX, TRACK_LIST, UNFINISHED, write_track_list
from benchmark.data.tracks.lock import LOCK
from benchmark.data.tracks.source import HasRemarks, RawTrack, TrackSource
from benchmark.errors import DataError
from benchmark.files import read_json, write_json

MAX_SHARDS = 512  # every reader keeps its shards open, and 1024 open files is a common limit
MIN_SLICE = 8  # tracks

Settings = dict[str, Any]
"""What determines the content of a store, as in its manifest: source, size, split and jpeg."""


@dataclass(frozen=True)
class PackPlan:
    """Settings of a store and its division into slices; the fields are keys of ``plan.json`` and of the manifest.

    Attributes:
        source: description of the source.
        size: side of the frames, pixels.
        split: seed and fractions.
        jpeg: quality and subsampling.
        listing: digest of the list of tracks.
        slice_size: tracks per slice; the last slice may have fewer.
        tracks: number of tracks.
        remarks: notes of the source for people, one line each.
    """

    source: dict[str, Any]
    size: int
    split: dict[str, Any]
    jpeg: dict[str, Any]
    listing: str
    slice_size: int
    tracks: int
    remarks: list[str]

    @classmethod
    def read(cls, root: Path) -> Self | None:
        """The plan of an unfinished store, or None where there is none yet."""
        path = _plan_path(root)
        return cls(**read_json(path)) if path.is_file() else None

    @property
    def n_slices(self) -> int:
        """Number of slices, each of which becomes one shard."""
        return -(-self.tracks // self.slice_size)

    def slice_length(self, number: int) -> int:
        """Number of tracks in a slice."""
        return min(self.slice_size, self.tracks - number * self.slice_size)


def pack_settings(
    source: TrackSource, split_seed: int, fractions: tuple[float, float, float], jpeg_quality: int
) -> Settings:
    """Settings in the form in which they are read back from JSON, so that the two compare equal."""
    settings: Settings = json.loads(
        json.dumps(
            {
                "source": source.describe(),
                "size": source.size,
                "split": {"seed": split_seed, "fractions": list(fractions)},
                "jpeg": {"quality": jpeg_quality, "subsampling": "4:2:0"},
            }
        )
    )
    return settings


def listing_digest(tracks: Sequence[RawTrack]) -> str:
    """SHA-256 of a list of tracks.

    Raises:
        DataError: two tracks have the same name.
    """
    result = hashlib.sha256()
    names = set()
    for track in tracks:
        if track.track in names:
            raise DataError(f"two tracks are called {track.track!r} in this source; rename one of them")
        names.add(track.track)
        result.update(json.dumps([track.identity, track.track, track.location]).encode())
    return result.hexdigest()


def plan_in_progress(root: Path, settings: Settings) -> PackPlan | None:
    """The plan of an unfinished store, or None where there is none yet.

    Raises:
        DataError: it was begun with other settings.
    """
    plan = PackPlan.read(root)
    if plan is not None:
        refuse_changes(root, asdict(plan), settings, "an unfinished store of other settings or files")
    return plan


def make_plan(
    root: Path,
    settings: Settings,
    source: TrackSource,
    tracks: Sequence[RawTrack],
    listing: str,
    slice_size: int | None,
) -> PackPlan:
    """Continue with the plan in ``root`` if there is one, else write a new one; also removes torn temporary files.

    Args:
        root: folder of the store, held by this process.
        settings: see `pack_settings`.
        source: source of the tracks.
        tracks: all its tracks.
        listing: `listing_digest` of the tracks.
        slice_size: tracks per slice; None for at least ``MIN_SLICE``, and as many as give ``MAX_SHARDS`` shards.

    Raises:
        DataError: the folder holds something else, or a store that was begun with other settings or tracks.
    """
    slice_size = slice_size or max(MIN_SLICE, -(-len(tracks) // MAX_SHARDS))
    plan = plan_in_progress(root, settings | {"listing": listing, "slice_size": slice_size})
    if plan is None:
        _refuse_foreign_files(root)
        remarks = source.remarks() if isinstance(source, HasRemarks) else []
        plan = PackPlan(**settings, listing=listing, slice_size=slice_size, tracks=len(tracks), remarks=remarks)
        write_track_list(root / UNFINISHED / TRACK_LIST, tracks)
        write_json(_plan_path(root), asdict(plan))
    for torn in (*root.glob("shards/.*"), *root.glob(f"{UNFINISHED}/.*"), *root.glob(f".{INDEX}.*")):
        torn.unlink()  # temporary files of a process that was killed
    return plan


def refuse_changes(root: Path, stored: dict[str, Any], wanted: dict[str, Any], kind: str) -> None:
    """Compare settings of a store with those wanted now; ``kind`` says what the store is.

    Raises:
        DataError: a value in ``wanted`` differs from that in ``stored``.
    """
    old, new = _flat({key: stored.get(key) for key in wanted}), _flat(wanted)
    changes = [
        "the source's list of tracks" if key == "listing" else f"{key} {old.get(key)!r}, now {new.get(key)!r}"
        for key in sorted(old | new)
        if old.get(key) != new.get(key)
    ]
    if changes:
        raise DataError(
            f"{root}: holds {kind} ({'; '.join(changes)}); "
            "remove it to prepare it anew, or give another folder for the store"
        )


def _refuse_foreign_files(root: Path) -> None:
    foreign = sorted(path.name for path in root.iterdir() if path.name not in (LOCK, UNFINISHED))
    if foreign:
        raise DataError(f"{root}: holds {foreign[0]!r} and is not a track store; give an empty or a new folder for it")


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with keys such as ``split.seed``."""
    flat: dict[str, Any] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}{key}.") if isinstance(item, dict) else {f"{prefix}{key}": item}
    return flat


def _plan_path(root: Path) -> Path:
    return root / UNFINISHED / "plan.json"

"""Finishing a store whose slices are all done: identity-disjoint split, index, content keys and manifest."""

import platform
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmark.data.split import SPLITS, split_identities
from benchmark.data.tracks.format import INDEX, UNFINISHED, IndexRow, write_index
from benchmark.data.tracks.leakage import CONTENT_KEYS, merge_content_keys
from benchmark.data.tracks.manifest import FORMAT, FORMAT_VERSION, MANIFEST, content_hash
from benchmark.data.tracks.plan import PackPlan
from benchmark.data.tracks.slices import SliceRecord, Tally, content_keys_path, read_record
from benchmark.errors import DataError
from benchmark.files import read_json, sha256, write_json

PACKAGES = ("fab-bench", "av", "kornia-rs", "numpy", "opencv-python-headless", "pillow", "pyarrow", "torch")


def finish(root: Path, plan: PackPlan) -> dict[str, Any]:
    """Write the index and, last, the manifest; remove ``unfinished/`` and return the manifest.

    Raises:
        DataError: not one track could be used. The folder is removed.
    """
    records = _read_records(root, plan)
    skipped_tracks, skipped_frames, converted = Tally(), Tally(), Tally()
    for record in records:
        skipped_tracks.merge(record.skipped_tracks)
        skipped_frames.merge(record.skipped_frames)
        converted.merge(record.converted)
    if not any(record.tracks for record in records):
        shutil.rmtree(root)
        raise _nothing_usable(skipped_tracks, skipped_frames)

    rows = _index_rows(records, plan)
    write_index(root / INDEX, rows)
    contents = merge_content_keys(root / CONTENT_KEYS, [content_keys_path(root, i) for i in range(plan.n_slices)])
    counts = _counts(rows, plan.source.get("expected", ()))
    settings = asdict(plan)
    del settings["tracks"]
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **settings,
        "counts": counts,
        "warnings": [
            f"{name} is empty: too few identities ({counts['total']['identities']})"
            for name, fraction in zip(SPLITS, plan.split["fractions"], strict=True)
            if fraction and not counts[name]["identities"]
        ],
        "skipped": {"tracks": skipped_tracks.reasons, "frames": skipped_frames.reasons},
        "converted": converted.reasons,
        "index": {"bytes": (root / INDEX).stat().st_size, "sha256": sha256(root / INDEX)},
        "contents": contents,
        "shards": [{"bytes": record.bytes, "sha256": record.sha256} for record in records],
        "versions": _versions(),
    }
    manifest["hash"] = content_hash(manifest)
    write_json(root / MANIFEST, manifest)
    shutil.rmtree(root / UNFINISHED, ignore_errors=True)
    stored: dict[str, Any] = read_json(root / MANIFEST)
    return stored


def _read_records(root: Path, plan: PackPlan) -> list[SliceRecord]:
    records = [read_record(root, number) for number in range(plan.n_slices)]
    done = [record for record in records if record is not None]
    assert len(done) == len(records)
    return done


def _nothing_usable(skipped_tracks: Tally, skipped_frames: Tally) -> DataError:
    reasons = skipped_tracks.reasons | skipped_frames.reasons
    listed = "; ".join(f"{cases['count']} x {reason} ({cases['examples'][0]})" for reason, cases in reasons.items())
    return DataError(f"no usable track in the source: {listed}")


def _index_rows(records: Sequence[SliceRecord], plan: PackPlan) -> list[IndexRow]:
    identities = {identity for record in records for identity, *_ in record.tracks}
    split = split_identities(identities, plan.split["seed"], tuple(plan.split["fractions"]))
    return [
        IndexRow(track, sys.intern(identity), location, SPLITS.index(split[identity]), shard, batch, n_frames)
        for shard, record in enumerate(records)
        for batch, (identity, track, location, n_frames) in enumerate(record.tracks)
    ]


def _counts(rows: Sequence[IndexRow], parts: Iterable[str]) -> dict[str, dict[str, int]]:
    """Identities, tracks and frames per split, in total, and per part of the source that has published counts."""

    def count(rows: Sequence[IndexRow]) -> dict[str, int]:
        return {
            "identities": len({row.identity for row in rows}),
            "tracks": len(rows),
            "frames": sum(row.n_frames for row in rows),
        }

    by_split = {name: count([row for row in rows if row.split == i]) for i, name in enumerate(SPLITS)}
    by_part = {name: count([row for row in rows if row.track.startswith(f"{name}/")]) for name in parts}
    return by_split | {"total": count(rows)} | by_part


def _versions() -> dict[str, str]:
    """Versions of Python and of the packages that the stored bytes may depend on."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions

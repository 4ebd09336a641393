"""Packing raw tracks into a store: parallel, resumable after any interruption, with the same bytes every time.

The tracks are divided into slices. One process packs a slice into one shard and then writes a record to
``unfinished/``; a slice is done when its record exists. When all slices are done, the index and, last of all, the
manifest are written and ``unfinished/`` is removed.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.data.split import FRACTIONS
from benchmark.data.tracks.finish import finish
from benchmark.data.tracks.format import UNFINISHED
from benchmark.data.tracks.lock import one_part, track_listing, whole_store
from benchmark.data.tracks.manifest import MANIFEST, read_manifest
from benchmark.data.tracks.plan import (
    PackPlan,
    Settings,
    listing_digest,
    make_plan,
    pack_settings,
    plan_in_progress,
    refuse_changes,
)
from benchmark.data.tracks.slices import pack_slice, read_record
from benchmark.data.tracks.source import TrackSource
from benchmark.data.workers import run_parallel
from benchmark.errors import DataError
from slurm.signals import Stopped

Progress = Callable[[int, int, int], None]
"""Called with (tracks done, tracks in total, frames stored) at the start and after each slice."""


@dataclass(frozen=True)
class TrackPacker:
    """Packs one source into one store.

    Tracks and frames that cannot be used are counted by reason in ``manifest["skipped"]`` and never stop the run.

    Attributes:
        source: where the tracks come from.
        root: folder of the store, created where it does not exist. It may hold nothing else.
        split_seed: seed of the identity-disjoint split.
        fractions: shares of the identities for train, val and test.
        jpeg_quality: quality of the stored frames, 1 to 100.
        slice_size: tracks per shard; by default at least 8, and as many as keep the store at 512 shards or fewer.
    """

    source: TrackSource
    root: Path
    split_seed: int
    fractions: tuple[float, float, float] = FRACTIONS
    jpeg_quality: int = 95
    slice_size: int | None = None

    def pack(self, *, workers: int = 1, progress: Progress | None = None) -> dict[str, Any]:
        """Make the store, or complete an unfinished one; return its manifest. A complete store is left as it is.

        Args:
            workers: processes; their number does not change the result.
            progress: see `Progress`.

        Raises:
            DataError: the source has nothing to read or nothing usable; ``root`` holds something else or a store
                made with other settings; or another process is writing the store.
        """
        settings = self._settings()
        if (self.root / MANIFEST).is_file():
            return self._complete_store(settings)
        tracks = self.source.tracks()
        listing = listing_digest(tracks)
        with whole_store(self.root):
            if (self.root / MANIFEST).is_file():  # finished by another process before the lock was taken
                return self._matching_manifest(settings)
            plan = make_plan(self.root, settings, self.source, tracks, listing, self.slice_size)
            self._pack_slices(plan, range(plan.n_slices), workers, progress, _never)
            return finish(self.root, plan)

    def list_tracks(self) -> None:
        """Write the plan and the list of tracks, unless done before, so that parts need not scan all files.

        Raises:
            DataError: as `pack`.
        """
        self._listed_plan(self._settings())

    def pack_part(
        self,
        part: int,
        parts: int,
        *,
        workers: int = 1,
        progress: Progress | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        """Pack slices ``part``, ``part + parts``, ``part + 2 * parts`` ...: one job of an array, on any machine.

        Jobs may run at the same time and in any order; the first lists the tracks. Each can be killed and repeated.
        When all are done, `pack` writes the index and the manifest.

        Args:
            part: number of this part, from 0.
            parts: number of parts.
            workers: processes.
            progress: see `Progress`; counts the tracks of this part.
            stop: asked after each slice whether to stop.

        Raises:
            DataError: as `pack`.
            Stopped: ``stop`` returned True before the part was done.
        """
        plan = self._listed_plan(self._settings())
        if plan is None:
            return
        with one_part(self.root) as unfinished:
            if unfinished:
                self._pack_slices(plan, range(part, plan.n_slices, parts), workers, progress, stop or _never)

    def _settings(self) -> Settings:
        return pack_settings(self.source, self.split_seed, self.fractions, self.jpeg_quality)

    def _complete_store(self, settings: Settings) -> dict[str, Any]:
        """Manifest of a complete store, checked against the settings and, where the raw data exist, the tracks."""
        manifest = self._matching_manifest(settings)
        try:
            listing = listing_digest(self.source.tracks())
        except DataError:
            return manifest  # the raw data may be removed once they are packed
        if listing != manifest["listing"]:
            raise DataError(
                f"{self.root}: made from other files than the source has now; remove it to prepare it anew, "
                "or give another folder for the store"
            )
        return manifest

    def _matching_manifest(self, settings: Settings) -> dict[str, Any]:
        manifest = read_manifest(self.root)
        refuse_changes(self.root, manifest, settings, "a track store made with other settings")
        shutil.rmtree(self.root / UNFINISHED, ignore_errors=True)  # left by a process killed at its very end
        return manifest

    def _listed_plan(self, settings: Settings) -> PackPlan | None:
        """The plan, made where it is missing, or None for a complete store. An existing plan is read without a lock."""
        if not (self.root / MANIFEST).is_file() and (plan := plan_in_progress(self.root, settings)) is not None:
            return plan
        with track_listing(self.root):
            if (self.root / MANIFEST).is_file():
                self._matching_manifest(settings)
                return None
            if (plan := plan_in_progress(self.root, settings)) is not None:
                return plan
            tracks = self.source.tracks()
            return make_plan(self.root, settings, self.source, tracks, listing_digest(tracks), self.slice_size)

    def _pack_slices(
        self, plan: PackPlan, numbers: range, workers: int, progress: Progress | None, stop: Callable[[], bool]
    ) -> None:
        """Pack those of the slices that are not done. Worker processes receive slice numbers, not tracks."""
        records = {number: read_record(self.root, number) for number in numbers}
        done = sum(plan.slice_length(number) for number, record in records.items() if record)
        total = sum(plan.slice_length(number) for number in numbers)
        frames = sum(record.frames for record in records.values() if record)
        if progress:
            progress(done, total, frames)
        missing = [number for number, record in records.items() if record is None]
        calls = [(self.source, self.root, number, plan.slice_size, plan.jpeg["quality"]) for number in missing]
        for position, stored in run_parallel(pack_slice, calls, workers):
            done += plan.slice_length(missing[position])
            frames += stored
            if progress:
                progress(done, total, frames)
            if stop() and done < total:
                raise Stopped(f"{done} of {total} tracks of this part are done")


def _never() -> bool:
    return False

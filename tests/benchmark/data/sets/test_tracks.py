"""The labelled set made of the people in a track store whom no method is trained on."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.config.sets import TrackFaces
from benchmark.data import catalogue
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from tests.benchmark.conftest import disc


@dataclass(frozen=True)
class Recordings:
    """Sixteen people, each in several tracks; no two frames are alike."""

    tracks_each: int
    frames: int = 8
    size: int = 32

    def describe(self) -> dict[str, Any]:
        return {"reader": "recordings", "tracks": self.tracks_each, "frames": self.frames, "size": self.size}

    def tracks(self) -> list[RawTrack]:
        numbers = [(person, track) for person in range(16) for track in range(self.tracks_each)]
        return [RawTrack(f"id{person:02}", f"id{person:02}/{track}", f"{person} {track}") for person, track in numbers]

    def read(self, track: RawTrack) -> Iterator[Frame]:
        random = np.random.default_rng([int(number) for number in track.location.split()])
        for number in range(self.frames):
            yield Frame(str(number), disc(self.size, random.uniform(0.3, 0.7, 2), random.integers(0, 256, (2, 3))))


def made(folder: Path, source: Recordings) -> tuple[LabelledSet, TrackStore]:
    """The set of a store of these tracks."""
    TrackPacker(source, folder / "store", split_seed=0).pack()
    settings = TrackFaces(store=str(folder / "store"), size=source.size)
    path = catalogue.make_set("heldout", settings, str(folder / "cache"), 1, lambda *_: None)
    return LabelledSet.load(path), TrackStore(folder / "store")


def test_the_people_are_those_of_val_and_test_and_no_track_is_in_two_splits(tmp_path: Path) -> None:
    faces, store = made(tmp_path, Recordings(4))
    held_out = {store.identity(track) for split in ("val", "test") for track in store.tracks(split)}
    assert set(faces.targets["identity"].names) == held_out
    assert faces.identity is not None
    names = np.array(faces.targets["identity"].names)[faces.targets["identity"].values]
    assert names.tolist() == faces.identity.tolist()
    splits_of: dict[str, set[str]] = defaultdict(set)
    splits_of_person: dict[str, set[str]] = defaultdict(set)
    for name, split, person in zip(faces.image_ids, faces.split, faces.identity, strict=True):
        track = name.partition("#")[0]
        assert track.startswith(f"{person}/")
        splits_of[track].add(split)
        splits_of_person[person].add(split)
    assert all(len(splits) == 1 for splits in splits_of.values())
    assert all(splits == {"train", "val", "test"} for splits in splits_of_person.values())
    assert faces.protocol["split"]["by"] == "track"


def test_with_few_tracks_the_frames_of_a_track_are_divided_in_their_order(tmp_path: Path) -> None:
    faces, _ = made(tmp_path, Recordings(1))
    assert faces.protocol["split"]["by"] == "position in the track"
    order = {"train": 0, "val": 1, "test": 2}
    of_track: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name, split in zip(faces.image_ids, faces.split, strict=True):
        track, _, position = name.partition("#")
        of_track[track].append((int(position), order[split]))
    for frames in of_track.values():
        splits = [split for _, split in sorted(frames)]
        assert splits == sorted(splits)
        assert [splits.count(split) for split in (0, 1, 2)] == [5, 1, 2]


def test_a_frame_is_the_stored_one(tmp_path: Path) -> None:
    faces, store = made(tmp_path, Recordings(3))
    name, _, position = faces.image_ids[0].partition("#")
    track = next(track for track in range(len(store)) if store.name(track) == name)
    assert np.abs(faces.frames[0].astype(int) - store.frame(track, int(position))).max() <= 1


def test_the_set_follows_its_store(tmp_path: Path) -> None:
    made(tmp_path, Recordings(3))
    TrackPacker(Recordings(4), tmp_path / "other", split_seed=0).pack()
    files = {
        catalogue.set_file("heldout", TrackFaces(store=str(tmp_path / name)), str(tmp_path))
        for name in ("store", "other")
    }
    assert len(files) == 2


def test_tracks_too_short_to_divide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 people of its val and test identities have 3 tracks or one of 4 frames"):
        made(tmp_path, Recordings(1, frames=3))

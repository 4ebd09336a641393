"""People of the pre-training data whom no method is trained on, to ask which of them a frame shows: identity leakage.

Files: a packed track store. Its identities are divided into train, val and test; those of val and test are the people.

Protocol: the tracks of each person are divided among train, val and test, so that telling a person needs more than one
recording's light, clothes and background. In a store where fewer than two people have `TRACKS` tracks, each track is
divided by the position of its frames instead, the last ones being test: neighbours are alike, and scores much higher.
All numbers here are ours; the paper has no such task.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.config.sets import TrackFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import Target
from benchmark.data.faces.people import FACES, IDENTITY, PEOPLE, TEST, VAL
from benchmark.data.sets.squares import middle_square
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError

VERSION = 1
TRACKS = 3  # of a person at least, to divide them: one to train on, one of val and one of test
MOST = {"train": 25, "val": 5, "test": 10}  # frames of a person: of a hundred people, 4,000


class StoreFiles(NamedTuple):
    """The store that a set is made from."""

    store: TrackStore

    def fingerprint(self) -> list[object]:
        """The store's hash."""
        return [self.store.manifest["hash"]]


class _Frame(NamedTuple):
    person: str
    track: int
    position: int
    split: str


def find(config: TrackFaces) -> StoreFiles:
    """The store.

    Raises:
        DataError: it is not there, or unfinished.
    """
    assert config.store is not None, "catalogue.set_config gives sets without a store that of the benchmark"
    return StoreFiles(TrackStore(Path(config.store)))


def read(config: TrackFaces) -> RawFaces:
    """Frames of at most `PEOPLE` people.

    Raises:
        DataError: fewer than two people have enough tracks or frames.
    """
    store = find(config).store
    rng = np.random.default_rng(config.seed)
    tracks_of = _tracks_of_people(store)
    by_track = {person: tracks for person, tracks in tracks_of.items() if len(tracks) >= TRACKS}
    divided_by = "track" if len(by_track) >= 2 else "position in the track"
    people = sorted(by_track if divided_by == "track" else tracks_of)
    if len(people) < 2:
        raise DataError(
            f"{store.root}: {len(people)} people of its val and test identities have {TRACKS} tracks or one of {FACES} "
            "frames; telling people apart needs two"
        )
    if len(people) > PEOPLE:
        people = sorted(rng.choice(people, PEOPLE, replace=False).tolist())
    divide = _by_track if divided_by == "track" else _by_position
    frames = [frame for person in people for frame in _at_most(divide(store, person, tracks_of[person], rng), rng)]
    numbers = {person: number for number, person in enumerate(people)}
    values = np.array([numbers[frame.person] for frame in frames], np.int64)
    return RawFaces(
        ids=[f"{store.name(frame.track)}#{frame.position}" for frame in frames],
        content=lambda row: bytes(store.jpeg(frames[row].track, frames[row].position)),
        square=middle_square,
        targets={IDENTITY: Target("identity", values, np.ones(len(frames), np.bool_), tuple(people))},
        split=np.array([frame.split for frame in frames]),
        identity=np.array([frame.person for frame in frames]),
        shares_people=True,
        duplicates="drop",
        protocol={
            "source": "val and test identities of a track store",
            "store": store.manifest["hash"],
            "crop": {"square": "the stored frame"},
            "people": len(people),
            "split": {"of": "each person's frames", "by": divided_by, "seed": config.seed},
        },
    )


def _tracks_of_people(store: TrackStore) -> dict[str, list[int]]:
    """The held-out tracks of each person who has enough of them, or one with enough frames."""
    found: dict[str, list[int]] = {}
    for track in [*store.tracks("val").tolist(), *store.tracks("test").tolist()]:
        found.setdefault(store.identity(track), []).append(track)
    counts = store.n_frames()
    return {
        person: tracks
        for person, tracks in found.items()
        if len(tracks) >= TRACKS or max(counts[track] for track in tracks) >= FACES
    }


def _by_track(store: TrackStore, person: str, tracks: list[int], rng: np.random.Generator) -> Iterator[_Frame]:
    """A person's frames, those of a track in one split."""
    order = rng.permutation(tracks).tolist()
    for track, split in zip(order, _splits(len(order)), strict=True):
        for position in range(int(store.n_frames()[track])):
            yield _Frame(person, track, position, split)


def _by_position(store: TrackStore, person: str, tracks: list[int], rng: np.random.Generator) -> Iterator[_Frame]:
    """A person's frames, the first of each track in train and the last in test; short tracks are left out."""
    for track in tracks:
        n = int(store.n_frames()[track])
        if n >= FACES:
            for position, split in enumerate(reversed(_splits(n))):
                yield _Frame(person, track, position, split)


def _splits(n: int) -> list[str]:
    """The split of each of ``n`` things: test first, then val, then train."""
    n_test, n_val = (max(1, round(share * n)) for share in (TEST, VAL))
    return ["test"] * n_test + ["val"] * n_val + ["train"] * (n - n_test - n_val)


def _at_most(frames: Iterator[_Frame], rng: np.random.Generator) -> Iterator[_Frame]:
    """A person's frames, `MOST` of each split, drawn at random."""
    everything = list(frames)
    for split, most in MOST.items():
        of_split = [frame for frame in everything if frame.split == split]
        chosen: NDArray[np.intp] = rng.permutation(len(of_split))[:most]
        yield from (of_split[k] for k in sorted(chosen.tolist()))

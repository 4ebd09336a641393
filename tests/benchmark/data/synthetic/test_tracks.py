import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.data.synthetic import SyntheticTracks
from benchmark.data.synthetic.produce import make_person
from benchmark.errors import UsageError


@pytest.fixture(scope="module")
def source() -> SyntheticTracks:
    return SyntheticTracks(size=32, identities=3, tracks_per_identity=2, frames_per_track=4)


def frames(source: SyntheticTracks, number: int) -> NDArray[np.uint8]:
    return np.stack([frame.image for frame in source.read(source.tracks()[number])])


def test_tracks_are_listed_person_by_person(source: SyntheticTracks) -> None:
    tracks = source.tracks()
    assert [t.identity for t in tracks] == [f"face0000{i}" for i in (0, 0, 1, 1, 2, 2)]
    assert len({t.track for t in tracks}) == 6


def test_size_of_frames(source: SyntheticTracks) -> None:
    images = frames(source, 0)
    assert images.shape == (4, 32, 32, 3)
    assert images.dtype == np.uint8


def test_frames_do_not_depend_on_what_was_read_before(source: SyntheticTracks) -> None:
    first = frames(source, 3)
    frames(source, 0)
    make_person.cache_clear()
    assert np.array_equal(first, frames(pickle.loads(pickle.dumps(source)), 3))


def test_frames_of_a_track_share_person_light_and_background(source: SyntheticTracks) -> None:
    """Frames of one track have much the same mean colour; tracks differ."""
    colours = np.stack([frames(source, i).mean((1, 2)) for i in range(6)])  # (track, frame, 3)
    within, between = colours.std(1).mean(), colours.mean(1).std(0).mean()
    assert between > 1.5 * within


def test_frames_of_a_track_differ(source: SyntheticTracks) -> None:
    images = frames(source, 2).astype(float)
    assert np.abs(np.diff(images, axis=0)).mean((1, 2, 3)).min() > 2


def test_another_seed_gives_other_people(source: SyntheticTracks) -> None:
    other = SyntheticTracks(size=32, identities=1, tracks_per_identity=1, frames_per_track=4, seed=1)
    assert np.abs(frames(source, 0).astype(float) - frames(other, 0)).mean() > 10


def test_description_has_version_and_head(source: SyntheticTracks) -> None:
    description = json.loads(json.dumps(source.describe()))
    assert description["version"] == "2"
    assert len(description["head"]) == 64
    assert description["identities"] == 3


def test_versions_are_told_apart_and_show_the_same_people(source: SyntheticTracks) -> None:
    first = replace(source, version=1)
    assert first.describe() == {**source.describe(), "version": "1"}
    assert not np.array_equal(frames(first, 2), frames(source, 2))
    assert first.tracks() == source.tracks()


@pytest.mark.parametrize("bad", [{"identities": 0}, {"frames_per_track": 1}, {"size": -1}, {"version": 3}])
def test_numbers_out_of_range_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="built-in"):
        SyntheticTracks(**bad)

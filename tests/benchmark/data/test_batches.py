import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmark.config.data import Sampling
from benchmark.data.batches import LabelledBatches, TrackBatches
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from tests.benchmark.conftest import SIDE, Discs


class Spy(TrackBatches):
    """Batches that record which frames are read."""

    def __init__(
        self,
        store: TrackStore,
        split: str,
        frames: int,
        batch: int,
        seed: tuple[int, ...] = (0,),
        sampling: Sampling = "track",
    ):
        super().__init__(store, split, frames, batch, seed, sampling=sampling)
        self.read: list[tuple[int, int]] = []
        self.inner, self.store = store, self  # type: ignore[assignment]

    def frame(self, track: int, frame: int) -> NDArray[np.uint8]:
        self.read.append((track, frame))
        return self.inner.frame(track, frame)

    def drawn(self, step: int) -> NDArray[np.int64]:
        """Tracks and frames of batch ``step``, (B, k, 2)."""
        self.read.clear()
        self[step]
        return np.array(self.read).reshape(self.batch, self.frames, 2)


def test_a_batch_is_uint8_frames(store: TrackStore) -> None:
    (frames,) = TrackBatches(store, "train", 2, 5, (0,))[0]
    assert frames.shape == (5, 2, 3, SIDE, SIDE)
    assert frames.dtype == torch.uint8


def test_batch_depends_on_seed_and_step_alone(store: TrackStore) -> None:
    first, again = (TrackBatches(store, "train", 2, 4, (3, 0)) for _ in range(2))
    later = again[5][0]
    again[0], again[1]
    assert torch.equal(first[5][0], later), "independent of what was drawn before"
    assert not torch.equal(first[5][0], first[6][0])
    assert not torch.equal(first[5][0], TrackBatches(store, "train", 2, 4, (4, 0))[5][0])
    assert not torch.equal(first[5][0], TrackBatches(store, "train", 2, 4, (3, 1))[5][0])


def test_pixels_are_those_of_the_store(store: TrackStore) -> None:
    spy = Spy(store, "train", 2, 3)
    drawn = spy.drawn(0)
    frames = spy[0][0].permute(0, 1, 3, 4, 2).numpy()
    for sample, places in zip(frames, drawn, strict=True):
        for image, (track, frame) in zip(sample, places, strict=True):
            assert np.array_equal(image, store.frame(int(track), int(frame)))


def test_frames_of_a_sample_are_distinct_and_of_one_track(store: TrackStore) -> None:
    spy = Spy(store, "train", 4, 8)
    for step in range(10):
        drawn = spy.drawn(step)
        assert (drawn[:, :, 0] == drawn[:, :1, 0]).all()
        assert all(len(set(sample)) == 4 for sample in drawn[:, :, 1].tolist())


def test_tracks_do_not_depend_on_the_number_of_frames(store: TrackStore) -> None:
    one, two = Spy(store, "train", 1, 16), Spy(store, "train", 2, 16)
    for step in range(5):
        assert (one.drawn(step)[:, 0, 0] == two.drawn(step)[:, 0, 0]).all()


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_tracks_are_drawn_uniformly_from_their_split_alone(store: TrackStore, split: str) -> None:
    spy = Spy(store, split, 1, 64)
    tracks = Counter(int(track) for step in range(60) for track in spy.drawn(step)[:, 0, 0])
    assert set(tracks) == set(store.tracks(split).tolist())
    expected = 60 * 64 / len(tracks)
    assert all(abs(count - expected) < 5 * expected**0.5 for count in tracks.values())
    others = {store.identity(int(t)) for name in ("train", "val", "test") if name != split for t in store.tracks(name)}
    assert not others & {store.identity(track) for track in tracks}


def test_frames_are_drawn_uniformly(store: TrackStore) -> None:
    spy = Spy(store, "train", 1, 64)
    frames = Counter(int(frame) for step in range(60) for frame in spy.drawn(step)[:, 0, 1])
    expected = 60 * 64 / 4
    assert set(frames) == {0, 1, 2, 3}
    assert all(abs(count - expected) < 5 * expected**0.5 for count in frames.values())


class Recordings(Discs):
    """Every other person has three videos, of one, two and three tracks; the others have one track each."""

    def tracks(self) -> list[RawTrack]:
        tracks = []
        for number, track in enumerate(super().tracks()):
            n_videos = 3 if number % 2 else 1
            names = [f"{track.identity}/{video}/{n}" for video in range(n_videos) for n in range(video + 1)]
            tracks += [RawTrack(track.identity, name, track.location) for name in names]
        return tracks


def test_sampling_by_identity_draws_a_person_then_a_video_then_a_track(tmp_path: Path) -> None:
    TrackPacker(Recordings(), tmp_path / "store", split_seed=0).pack()
    store = TrackStore(tmp_path / "store")
    spy = Spy(store, "train", 1, 64, sampling="identity")
    drawn = Counter(store.name(int(track)) for step in range(80) for track in spy.drawn(step)[:, 0, 0])
    names = [store.name(int(track)) for track in store.tracks("train")]
    assert {name.count("/2/") for name in names} == {0, 1}, "both kinds of people should be there"
    for name in names:
        person, video, _ = name.split("/")
        n_people = len({other.split("/")[0] for other in names})
        n_videos = len({other.split("/")[1] for other in names if other.startswith(f"{person}/")})
        n_tracks = sum(other.startswith(f"{person}/{video}/") for other in names)
        expected = 80 * 64 / n_people / n_videos / n_tracks
        assert abs(drawn[name] - expected) < 5 * expected**0.5, name


def test_tracks_of_voxceleb1_are_videos_of_their_own(tmp_path: Path) -> None:
    class Vox1(Discs):
        def tracks(self) -> list[RawTrack]:
            return [
                RawTrack(track.identity, f"vox1/{track.identity}/1.6/v{n}", track.location)
                for n, track in enumerate(super().tracks())
            ]

    TrackPacker(Vox1(identities=4), tmp_path / "store", split_seed=0).pack()
    store = TrackStore(tmp_path / "store")
    assert len(set(store.video_codes().tolist())) == len(store)
    assert len(set(store.identity_codes().tolist())) == 4


def test_short_tracks_are_left_out(tmp_path: Path) -> None:
    class Uneven(Discs):
        def read(self, track: RawTrack) -> Iterator[Frame]:
            frames = list(super().read(track))
            return iter(frames[: 2 + int(track.location) % 3])

    TrackPacker(Uneven(identities=12), tmp_path / "store", split_seed=0).pack()
    store = TrackStore(tmp_path / "store")
    spy = Spy(store, "train", 3, 32)
    counts = store.n_frames()
    assert {int(counts[track]) for track in spy.drawn(0)[:, 0, 0]} == {3, 4}


def test_split_without_long_enough_tracks_is_refused(store: TrackStore) -> None:
    with pytest.raises(DataError, match=r"no track of the val split has the 5 frames .* longest has 4"):
        TrackBatches(store, "val", 5, 4, (0,))


def test_batches_pickle_for_workers(store: TrackStore) -> None:
    batches = TrackBatches(store, "train", 2, 4, (0,))
    assert torch.equal(pickle.loads(pickle.dumps(batches))[3][0], batches[3][0])


# -- labelled faces ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["landmarks", "pose", "classes", "aus"])
def test_labels_belong_to_their_faces(faces: LabelledSet, kind: str) -> None:
    target = faces.targets[kind]
    images, values, known = LabelledBatches(faces, target, "train", 8, (0,))[2]
    assert images.shape == (8, 1, 3, SIDE, SIDE)
    assert images.dtype == torch.uint8
    assert known.all()
    for image, value in zip(images[:, 0].permute(0, 2, 3, 1).numpy(), values.numpy(), strict=True):
        rows = [row for row in faces.indices("train") if np.array_equal(faces.frames[row], image)]
        assert any(np.array_equal(target.values[row], value) for row in rows)


def test_labelled_batch_depends_on_seed_and_step_alone(faces: LabelledSet) -> None:
    target = faces.targets["pose"]
    first, again = (LabelledBatches(faces, target, "train", 8, (1, 0)) for _ in range(2))
    again[0]
    assert all(torch.equal(a, b) for a, b in zip(first[4], again[4], strict=True))
    assert not torch.equal(first[4][1], first[5][1])
    assert not torch.equal(first[4][1], LabelledBatches(faces, target, "train", 8, (2, 0))[4][1])


def test_only_faces_with_a_known_value_are_drawn(faces: LabelledSet) -> None:
    classes, aus = faces.targets["classes"], faces.targets["aus"]
    some = np.arange(len(faces.frames)) % 4 == 0
    rows = LabelledBatches(faces, replace(classes, known=some), "train", 8, (0,)).rows
    assert rows.tolist() == [row for row in faces.indices("train") if some[row]]
    partly = np.stack([some, np.zeros_like(some)], 1)
    batches = LabelledBatches(faces, replace(aus, known=partly), "train", 8, (0,))
    assert batches.rows.tolist() == rows.tolist(), "one known unit is enough"
    assert batches[0][2].tolist() == [[True, False]] * 8


def test_split_without_known_labels_is_refused(faces: LabelledSet) -> None:
    none = replace(faces.targets["pose"], known=np.zeros(len(faces.frames), bool))
    with pytest.raises(DataError, match="set discs: no train face has a known label"):
        LabelledBatches(faces, none, "train", 8, (0,))

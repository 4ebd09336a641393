"""Training batches addressed by step: batch n depends on (seed, n) alone, so a resumed run sees the same data.

In distributed training, each process reads only its ``shard`` of every batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from benchmark.config.data import SAMPLING, Sampling
from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError

ALL = slice(None)


class TrackBatches(Dataset[tuple[Tensor]]):
    """Batches of unlabelled frames, uint8 (B, k, 3, S, S): B random tracks, k distinct random frames of each.

    The tracks of batch n do not depend on k, unless some tracks are too short for it. With ``sampling="identity"`` a
    sample is drawn as FAb-Net's released code does: a person, one of the person's videos, one of its tracks, each
    uniformly; people with many or long recordings are then seen no more often than others.

    Args:
        store: packed tracks.
        split: train, val or test.
        frames: k, the number of frames per sample.
        batch: B, the number of samples per batch, over all processes.
        seed: seed of the batches.
        shard: the samples of each batch that this process reads.
        sampling: ``track``, or ``identity``.

    Raises:
        DataError: no track of the split has enough frames.
    """

    def __init__(
        self,
        store: TrackStore,
        split: str,
        frames: int,
        batch: int,
        seed: Sequence[int],
        shard: slice = ALL,
        sampling: Sampling = SAMPLING,
    ):
        counts = store.n_frames()
        tracks = store.tracks(split)
        self.tracks = tracks[counts[tracks] >= frames]
        if len(self.tracks) == 0:
            longest = int(counts[tracks].max(initial=0))
            raise DataError(
                f"no track of the {split} split has the {frames} frames a sample needs (the longest has {longest})"
            )
        self.store, self.counts, self.frames, self.batch = store, counts, frames, batch
        self.seed, self.shard = tuple(seed), shard
        self.people = _People.of(store, self.tracks) if sampling == "identity" else None

    def __getitem__(self, step: int) -> tuple[Tensor]:
        random = np.random.default_rng([*self.seed, step])
        if self.people is not None:
            tracks = self.people.draw(random, self.batch).tolist()
        else:
            tracks = self.tracks[random.integers(len(self.tracks), size=self.batch)].tolist()
        samples = [(track, self._draw_frames(random, track)) for track in tracks][self.shard]
        images = [[self.store.frame(track, frame) for frame in frames.tolist()] for track, frames in samples]
        return (torch.from_numpy(np.array(images)).permute(0, 1, 4, 2, 3),)

    def _draw_frames(self, random: np.random.Generator, track: int) -> NDArray[np.int64]:
        return random.choice(int(self.counts[track]), size=self.frames, replace=False)


@dataclass(frozen=True)
class _People:
    """Tracks grouped by video, and videos by person, for drawing.

    Attributes:
        tracks: sorted by person and video.
        videos: (V + 1,) where the tracks of each video begin, and where the last ends.
        people: (P + 1,) where the videos of each person begin, and where the last ends.
    """

    tracks: NDArray[np.int64]
    videos: NDArray[np.int64]
    people: NDArray[np.int64]

    @classmethod
    def of(cls, store: TrackStore, tracks: NDArray[np.int64]) -> "_People":
        person, video = store.identity_codes()[tracks], store.video_codes()[tracks]
        order = np.lexsort((tracks, video, person))
        person, video = person[order], video[order]
        new_person = np.diff(person, prepend=-1) != 0
        new_video = new_person | (np.diff(video, prepend=-1) != 0)
        videos = np.flatnonzero(new_video)
        people = np.flatnonzero(new_person[videos])
        return cls(tracks[order], np.append(videos, len(tracks)), np.append(people, len(videos)))

    def draw(self, random: np.random.Generator, n: int) -> NDArray[np.int64]:
        """``n`` tracks: of a uniformly drawn person a video, and of that a track."""
        video = _draw_member(random, self.people, random.integers(len(self.people) - 1, size=n))
        return self.tracks[_draw_member(random, self.videos, video)]


def _draw_member(
    random: np.random.Generator, starts: NDArray[np.int64], groups: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A uniformly drawn member of each of ``groups``, whose members are numbered from ``starts[group]`` on."""
    return random.integers(starts[groups], starts[groups + 1])


class LabelledBatches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Batches of random labelled faces: images uint8 (B, 1, 3, S, S), values (B, ...), and which values are known.

    Args:
        faces: labelled set.
        target: target of the set; faces without any known value of it are left out.
        split: train, val or test.
        batch: B, the number of faces per batch, over all processes.
        seed: seed of the batches.
        shard: the faces of each batch that this process reads.

    Raises:
        DataError: no face of the split has a known value.
    """

    def __init__(
        self, faces: LabelledSet, target: Target, split: str, batch: int, seed: Sequence[int], shard: slice = ALL
    ):
        rows = faces.indices(split)
        known = target.known[rows]
        self.rows = rows[known if known.ndim == 1 else known.any(1)]
        if len(self.rows) == 0:
            raise DataError(f"set {faces.name}: no {split} face has a known label to train on")
        self.faces, self.target, self.batch = faces, target, batch
        self.seed, self.shard = tuple(seed), shard

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        random = np.random.default_rng([*self.seed, step])
        rows = self.rows[random.integers(len(self.rows), size=self.batch)][self.shard]
        images = torch.from_numpy(self.faces.frames[rows]).permute(0, 3, 1, 2)[:, None]
        return images, torch.from_numpy(self.target.values[rows]), torch.from_numpy(self.target.known[rows])

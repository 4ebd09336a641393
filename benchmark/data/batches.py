"""Training batches, drawn by step: batch n is a function of (seed, n) alone, so a resumed run sees the same data.

Of several processes that train together, each reads its ``share`` of every batch alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError

WHOLE = slice(None)


class TrackBatches(Dataset[tuple[Tensor]]):
    """Batch n: ``batch`` random tracks, ``frames`` distinct random frames of each, as uint8 (B, k, 3, S, S).

    The tracks of batch n are the same whatever ``frames`` is, unless some tracks are too short for it.
    """

    def __init__(
        self, store: TrackStore, split: str, frames: int, batch: int, seed: Sequence[int], share: slice = WHOLE
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
        self.seed, self.share = tuple(seed), share

    def __getitem__(self, step: int) -> tuple[Tensor]:
        random = np.random.default_rng([*self.seed, step])
        tracks = self.tracks[random.integers(len(self.tracks), size=self.batch)]
        drawn = [(int(track), self._draw(random, int(track))) for track in tracks][self.share]
        samples = [[self.store.frame(track, int(frame)) for frame in frames] for track, frames in drawn]
        return (torch.from_numpy(np.array(samples)).permute(0, 1, 4, 2, 3),)

    def _draw(self, random: np.random.Generator, track: int) -> Any:
        return random.choice(int(self.counts[track]), size=self.frames, replace=False)


class LabelledBatches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Batch n: ``batch`` random labelled faces, as uint8 (B, 1, 3, S, S), their values and which are known."""

    def __init__(
        self, faces: LabelledSet, target: Target, split: str, batch: int, seed: Sequence[int], share: slice = WHOLE
    ):
        rows = faces.indices(split)
        known = target.known[rows]
        self.rows = rows[known if known.ndim == 1 else known.any(1)]
        if len(self.rows) == 0:
            raise DataError(f"set {faces.name}: no {split} face has a known label to train on")
        self.faces, self.target, self.batch = faces, target, batch
        self.seed, self.share = tuple(seed), share

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        random = np.random.default_rng([*self.seed, step])
        rows = self.rows[random.integers(len(self.rows), size=self.batch)][self.share]
        frames = torch.from_numpy(self.faces.frames[rows]).permute(0, 3, 1, 2)[:, None]
        return frames, torch.from_numpy(self.target.values[rows]), torch.from_numpy(self.target.known[rows])

"""k nearest neighbours: a read-out without training, which tells how a space is arranged rather than what is linear.

Distances are Euclidean between standardised features, so that no feature counts more for its unit alone, as in the
other heads. All neighbours count alike. k is chosen on val from a grid. Grid and distance are ours; the
paper has no such head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..coding import Coding
from ..head import Features, Fitted, Head, Split, best, joined, standardiser
from ..registry import register_head
from ..target import CATEGORICAL, REGRESSION, Labels

CHUNK = 1024  # faces whose distances to all training faces are computed at a time


@dataclass(frozen=True)
class Grid:
    """Numbers of neighbours to choose from; those above the number of training faces are left out."""

    k: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200)

    def __post_init__(self) -> None:
        if not self.k or min(self.k) < 1:
            raise ValueError(f"k={list(self.k)} must be one or more numbers of 1 or more")


@register_head("knn", version=1)
class NearestNeighbours(Head):
    """The mean of the labels of the k nearest training faces, k chosen on val."""

    title = "k nearest neighbours"
    Options = Grid

    def fit(self, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        n = len(train.labels)
        ks = [k for k in self.options.k if k <= n] or [n]
        space = _Space.of(train, coding)
        outputs = space.outputs(val.features, ks)
        index, _, choice = best([{"k": k} for k in ks], outputs, coding, val.labels)
        protocol = {"distance": "Euclidean, of standardised features", "weights": "equal", "k": ks}
        return _Neighbours(space, ks[index], choice, protocol)

    def refit(self, fitted: Fitted, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        space = _Space.of(joined(train, val), coding)
        return _Neighbours(space, fitted.choice["k"], fitted.choice, {**fitted.protocol, "refit": True})


@dataclass(frozen=True)
class _Space:
    """The training faces: standardised features and labels.

    Attributes:
        mean: (1, D) of the features.
        scale: (1, D), their standard deviation.
        points: (N, D).
        codes: (N, T), encoded labels; 1 for a face's class and 0 for the others.
        known: (N, T).
        prior: (T,), training frequencies; None for landmarks and pose.
        kind: of the target.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    points: Tensor
    codes: Tensor
    known: Tensor
    prior: Tensor | None
    kind: str

    @classmethod
    def of(cls, train: Split, coding: Coding) -> "_Space":
        mean, scale = standardiser(train.features)
        codes, known = _votes(train.labels, coding)
        prior = torch.from_numpy(coding.decode(coding.base)) if train.labels.kind not in REGRESSION else None
        points = torch.from_numpy(((train.features - mean) / scale).astype(np.float32))
        return cls(mean, scale, points, codes, known, prior, train.labels.kind)

    def outputs(self, features: Features, ks: Sequence[int]) -> NDArray[np.float32]:
        """Outputs (K, N, T) by each number of neighbours."""
        x = torch.from_numpy(((features - self.mean) / self.scale).astype(np.float32))
        parts = [self._outputs(chunk, ks) for chunk in x.split(CHUNK)]
        joined: NDArray[np.float32] = torch.cat(parts, 1).numpy()
        return joined

    def _outputs(self, x: Tensor, ks: Sequence[int]) -> Tensor:
        distances = self.points.square().sum(1) - 2 * x @ self.points.T  # less |x|^2, which moves no neighbour
        nearest = distances.topk(max(ks), largest=False).indices
        votes, known = self.codes[nearest], self.known[nearest]  # (N, K, T)
        sums, counts = (votes * known).cumsum(1), known.cumsum(1)
        return torch.stack([self._output(sums[:, k - 1], counts[:, k - 1]) for k in ks])

    def _output(self, sums: Tensor, counts: Tensor) -> Tensor:
        """Outputs (N, T) that decode into the mean of the known labels.

        Frequencies are shrunk towards those of the training faces as by one more neighbour, so that none is 0 or 1.
        """
        if self.prior is None:
            return sums / counts.clamp(min=1)
        frequencies = (sums + self.prior) / (counts + 1)
        return frequencies.log() if self.kind in CATEGORICAL else frequencies.logit()


@dataclass(frozen=True)
class _Neighbours:
    """The fitted head: the training faces and the number of neighbours."""

    space: _Space = field(repr=False)
    k: int
    choice: Mapping[str, Any]
    protocol: Mapping[str, Any]

    def __call__(self, features: Features) -> NDArray[np.float32]:
        """Outputs (N, T) of features (N, D)."""
        outputs: NDArray[np.float32] = self.space.outputs(features, [self.k])[0]
        return outputs


def _votes(labels: Labels, coding: Coding) -> tuple[Tensor, Tensor]:
    """Encoded labels and which are known, both (N, T) float32."""
    codes, known = (torch.from_numpy(each) for each in coding.encode(labels))
    votes = torch.nn.functional.one_hot(codes, coding.width) if labels.kind in CATEGORICAL else codes
    mask = known if known.ndim == 2 else known[:, None].expand(votes.shape)
    return votes.float(), mask.float()

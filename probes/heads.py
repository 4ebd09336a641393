"""Common parts of the heads: a fitted head is an affine map, selected on val."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .coding import Coding
from .metrics import HEADLINE, headline
from .target import Labels

Features = NDArray[np.float32]  # (R, N, D): R runs of the same N faces


@dataclass(frozen=True)
class Affine:
    """A fitted head for R runs: outputs = features @ weight + bias, in the encoded space of the targets.

    Attributes:
        weight: (R, D, T).
        bias: (R, 1, T).
        choice: for each run, the selected hyper-parameters and their score on val.
        protocol: how the head was fitted.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    choice: list[dict[str, Any]]
    protocol: dict[str, Any]

    def __call__(self, features: Features) -> NDArray[np.float64]:
        """Outputs (R, N, T) of features (R, N, D)."""
        return features @ self.weight + self.bias


@dataclass(frozen=True)
class Split:
    """Features (R, N, D) and labels of one split; every face has at least one known label."""

    features: Features
    labels: Labels


def standardiser(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation (R, 1, D) of each feature.

    The deviation of a constant feature is infinite, so that it is 0 once standardised.
    """
    mean = features.mean(1, keepdims=True, dtype=np.float64)
    scale = features.std(1, keepdims=True, dtype=np.float64)
    rounding = np.finfo(np.float32).eps * np.abs(mean)
    return mean, np.where(scale > rounding, scale, np.inf)


def best(
    candidates: Sequence[dict[str, Any]], outputs: NDArray[Any], coding: Coding, val: Labels
) -> tuple[int, float, dict[str, Any]]:
    """Select the best of K candidates by their outputs on val (K, N, T).

    Candidates are compared by the headline metric of the task, or by the loss if that metric is undefined on val (no
    class has both positives and negatives).

    Returns:
        The index, the score (higher is better), and the candidate's description with the metric and its value.
    """
    by, sign = HEADLINE[val.kind]
    scores = [headline(val, coding.decode(each)) for each in outputs]
    if None in scores:
        by, sign = "loss", -1
        codes, known = (torch.from_numpy(part) for part in coding.encode(val))
        scores = [-coding.loss(torch.from_numpy(each), codes, known).mean().item() for each in outputs]
    index = int(np.argmax(np.array(scores, float)))
    score = scores[index]
    assert score is not None
    return index, score, {**candidates[index], "by": by, "val": sign * score}

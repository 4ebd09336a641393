"""Encode targets as training values, compute the loss of a head's outputs, and decode outputs into predictions.

A coding depends on the training labels alone. Probes and supervised training use the same three steps:

    coding = coding_for(take(target, train_rows))
    codes, known = coding.encode(labels)                          # arrays, once
    loss = coding.loss(outputs, codes[batch], known[batch])       # torch, per sample, differentiable
    predictions = coding.decode(outputs)                          # arrays, in the units of the target
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor

from .errors import ProbeError
from .target import CATEGORICAL, MASKED, REGRESSION, Labels


@dataclass(frozen=True)
class Decoding:
    """From a head's outputs to predictions in the units of the target; needs no training labels.

    Attributes:
        kind: of the target.
        shape: of one prediction.
        mean: (T,), training mean of landmarks, pose or numbers; None for other kinds.
        scale: (T,), training standard deviation, likewise.
    """

    kind: str
    shape: tuple[int, ...]
    mean: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None

    def __call__(self, outputs: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions for outputs (..., T): landmarks (..., L, 2), angles, numbers, or probabilities (..., C or A)."""
        if self.kind in CATEGORICAL:
            return softmax(outputs, axis=-1).astype(np.float32)
        if self.kind == "aus":
            return expit(outputs).astype(np.float32)
        assert self.mean is not None
        assert self.scale is not None
        values = outputs * self.scale + self.mean
        return values.reshape(*outputs.shape[:-1], *self.shape).astype(np.float32)


class Coding(ABC):
    """The mapping between targets and the T outputs of a head, from statistics of the training labels.

    Outputs are standardised values for landmarks, pose and numbers, logits of a softmax for classes and identity, and
    logits of a sigmoid for each action unit.

    Attributes:
        width: T, the number of outputs.
        base: (T,), the constant outputs of the mean floor.
        decoding: from outputs to predictions.
        notes: classes or units that cannot be learnt from the training labels.
    """

    width: int
    base: NDArray[np.float32]
    decoding: Decoding
    notes: tuple[str, ...] = ()

    @abstractmethod
    def encode(self, labels: Labels) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return training values and a mask of the known ones; unknown values are 0.

        Values are standardised, float32 (N, T), for landmarks, pose and numbers; 0 or 1, float32 (N, T), for action
        units; indices of classes, int64 (N,), for classes and identity. The mask is (N, T) for action units and
        numbers, (N,) otherwise.
        """

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions for outputs (..., T): landmarks (..., L, 2), angles, numbers, or probabilities (..., C or A)."""
        return self.decoding(outputs)

    @abstractmethod
    def loss(self, outputs: Tensor, codes: Tensor, known: Tensor) -> Tensor:
        """Losses (..., N) of outputs (..., N, T); unknown labels contribute 0."""


class Regression(Coding):
    """Landmarks and pose: mean squared error on values standardised by the training mean and standard deviation."""

    def __init__(self, train: Labels) -> None:
        values = train.values[train.known].reshape(train.known.sum(), -1).astype(np.float64)
        self.mean, self.scale = values.mean(0), values.std(0)
        rounding = np.finfo(np.float32).eps * np.abs(self.mean)
        self.scale[self.scale <= rounding] = 1  # a constant coordinate is predicted by its mean
        self.width = len(self.mean)
        self.decoding = Decoding(train.kind, train.values.shape[1:], self.mean, self.scale)
        self.base = np.zeros(self.width, np.float32)

    def encode(self, labels: Labels) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        values = labels.values.reshape(len(labels), -1)
        codes = np.where(labels.known[:, None], (values - self.mean) / self.scale, 0)
        return codes.astype(np.float32), labels.known

    def loss(self, outputs: Tensor, codes: Tensor, known: Tensor) -> Tensor:
        return (outputs - codes).square().mean(-1) * known


class Numbers(Coding):
    """Numbers of any unit: mean squared error on each, standardised by its known training values.

    The loss of a face is the sum over its known numbers divided by their count A in the target.
    """

    def __init__(self, train: Labels) -> None:
        self.width = len(train.names)
        counts = train.known.sum(0)
        values = np.where(train.known, train.values, 0).astype(np.float64)
        self.mean = values.sum(0) / np.maximum(counts, 1)
        squares = np.where(train.known, (values - self.mean) ** 2, 0)
        self.scale = np.sqrt(squares.sum(0) / np.maximum(counts, 1))
        rounding = np.finfo(np.float32).eps * np.abs(self.mean)
        if (self.scale <= rounding).all():
            raise ProbeError("the known training values do not vary")
        self.scale[self.scale <= rounding] = 1
        self.notes = _unseen(train.names, counts > 0, "no training face has a known")
        self.decoding = Decoding(train.kind, (self.width,), self.mean, self.scale)
        self.base = np.zeros(self.width, np.float32)

    def encode(self, labels: Labels) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        codes = np.where(labels.known, (labels.values - self.mean) / self.scale, 0)
        return codes.astype(np.float32), labels.known

    def loss(self, outputs: Tensor, codes: Tensor, known: Tensor) -> Tensor:
        return ((outputs - codes).square() * known).mean(-1)


class Classes(Coding):
    """One of C classes: cross-entropy, each class weighted by its inverse frequency in training.

    The weights n / (classes seen * n_c) average to 1 over the training faces.
    """

    def __init__(self, train: Labels) -> None:
        self.width = len(train.names)
        self.decoding = Decoding(train.kind, (self.width,))
        counts = np.bincount(train.values[train.known].astype(np.int64), minlength=self.width)
        if (counts > 0).sum() < 2:
            raise ProbeError("fewer than two classes among the known training labels")
        self.weights = inverse_frequency(counts)
        self.notes = _unseen(train.names, counts > 0, "no training face of")
        # A class without training faces gets the frequency of half a face.
        self.base = np.log(np.maximum(counts, 0.5) / counts.sum()).astype(np.float32)

    def encode(self, labels: Labels) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        return np.where(labels.known, labels.values, 0).astype(np.int64), labels.known

    def loss(self, outputs: Tensor, codes: Tensor, known: Tensor) -> Tensor:
        weights = torch.as_tensor(self.weights, dtype=outputs.dtype, device=outputs.device)
        index = codes.expand(outputs.shape[:-1]).unsqueeze(-1)
        return -F.log_softmax(outputs, -1).gather(-1, index).squeeze(-1) * weights[codes] * known


class ActionUnits(Coding):
    """A binary units: binary cross-entropy per unit, on and off weighted by inverse frequency.

    The loss of a face is the sum over its known units divided by A, so that every known label has the same weight.
    """

    def __init__(self, train: Labels) -> None:
        self.width = len(train.names)
        self.decoding = Decoding(train.kind, (self.width,))
        on = ((train.values == 1) & train.known).sum(0)
        off = train.known.sum(0) - on
        if not ((on > 0) & (off > 0)).any():
            raise ProbeError("no action unit is both on and off among the known training labels")
        self.notes = _unseen(train.names, (on > 0) & (off > 0), "all or no training faces show")
        self.weights = np.stack([inverse_frequency(counts) for counts in np.stack([off, on], 1)], 1)
        self.base = np.log(np.maximum(on, 0.5) / np.maximum(off, 0.5)).astype(np.float32)

    def encode(self, labels: Labels) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        return np.where(labels.known, labels.values, 0).astype(np.float32), labels.known

    def loss(self, outputs: Tensor, codes: Tensor, known: Tensor) -> Tensor:
        off, on = torch.as_tensor(self.weights, dtype=outputs.dtype, device=outputs.device)
        weights = torch.where(codes > 0.5, on, off) * known
        targets = codes.to(outputs.dtype).expand_as(outputs)
        return (F.binary_cross_entropy_with_logits(outputs, targets, reduction="none") * weights).mean(-1)


def coding_for(train: Labels) -> Coding:
    """Return the coding for the kind of target, with statistics of the known training labels.

    Raises:
        ProbeError: no known training labels, or fewer than two distinct values among them.
    """
    if not train.known.any():
        raise ProbeError("no known training labels")
    if train.kind in REGRESSION:
        return Numbers(train) if train.kind in MASKED else Regression(train)
    return Classes(train) if train.kind in CATEGORICAL else ActionUnits(train)


def inverse_frequency(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Weights n / (k n_v) for counts n_v, with n their sum and k the number of values that occur; 0 if n_v is 0."""
    counts = np.asarray(counts, np.float64)
    weights = np.zeros_like(counts)
    np.divide(counts.sum(), (counts > 0).sum() * counts, out=weights, where=counts > 0)
    return weights


def _unseen(names: tuple[str, ...], seen: NDArray[np.bool_], note: str) -> tuple[str, ...]:
    unseen = [name for name, is_seen in zip(names, seen, strict=True) if not is_seen]
    return (f"{note} {', '.join(unseen)}",) if unseen else ()

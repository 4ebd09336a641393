"""The interface of a head: features and labels of one task to a read-out, with every choice made on val."""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from plugins import did_you_mean

from .coding import Coding
from .errors import ProbeError
from .scores import HEADLINE, headline
from .target import Labels

Features = NDArray[np.float32]  # (R, N, D): R runs of the same N faces, or (N, D) of one run


@dataclass(frozen=True)
class Split:
    """Features (R, N, D) or (N, D), and labels of one split; every face has at least one known label."""

    features: Features
    labels: Labels

    def of_run(self, run: int) -> "Split":
        """The features (N, D) of one run."""
        return Split(self.features[run], self.labels)


class Fitted(Protocol):
    """A head fitted on the features of one run.

    Attributes:
        choice: the selected hyper-parameters and their score on val, as `best` returns them; JSON values.
        protocol: how the head was fitted; JSON values.
    """

    @property
    def choice(self) -> Mapping[str, Any]: ...
    @property
    def protocol(self) -> Mapping[str, Any]: ...

    def __call__(self, features: Features) -> NDArray[Any]:
        """Outputs (N, T) of features (N, D), in the encoded space of the targets (`coding`)."""


@dataclass(frozen=True)
class Affine:
    """A fitted head that is an affine map: outputs = features @ weight + bias. Such heads are saved with a run.

    Attributes:
        weight: (D, T).
        bias: (T,).
        choice: see `Fitted`.
        protocol: see `Fitted`.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    choice: Mapping[str, Any]
    protocol: Mapping[str, Any]

    def __call__(self, features: Features) -> NDArray[np.float64]:
        """Outputs (N, T) of features (N, D)."""
        return features @ self.weight + self.bias


@dataclass(frozen=True)
class AffineRuns:
    """Affine heads of R runs that were fitted together.

    Attributes:
        weight: (R, D, T).
        bias: (R, 1, T).
        choice: one for each run.
        protocol: how the heads were fitted.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    choice: list[dict[str, Any]]
    protocol: dict[str, Any]

    def __call__(self, features: Features) -> NDArray[np.float64]:
        """Outputs (R, N, T) of features (R, N, D)."""
        return features @ self.weight + self.bias

    def refitted(self, fitted: Fitted) -> Affine:
        """The only run, fitted again on train and val with the choices of ``fitted``."""
        (again,) = self.runs()
        return replace(again, choice=fitted.choice, protocol={**fitted.protocol, "refit": True})

    def runs(self) -> list[Affine]:
        """The head of each run."""
        return [Affine(*each, self.protocol) for each in zip(self.weight, self.bias[:, 0], self.choice, strict=True)]


@dataclass(frozen=True)
class NoOptions:
    """Options of a head that has none."""


class Head(ABC):
    """Base class of heads; a subclass is registered by `registry.register_head` and implements ``fit``.

    Attributes:
        name: set by ``@register_head``; the head's name in settings, records and tables.
        version: set by ``@register_head``.
        title: what it is, in a few words, for the captions of tables.
        Options: dataclass of its options, all with defaults; ``self.options`` holds their values.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    title: ClassVar[str]
    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Stores the validated options.

        Raises:
            ProbeError: an option is unknown or of the wrong type.
        """
        self.options = self.parse_options(options or {})

    def fit(self, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        """Fit on the features (N, D) and labels of one run.

        Args:
            train: to fit on.
            val: to make choices on.
            coding: encodes labels as training values, gives the loss of outputs, and decodes outputs into predictions;
                `Coding` says which values and outputs each kind of target has.
            seed: of all randomness; the same seed gives the same head.
        """
        raise NotImplementedError

    def fit_runs(self, train: Split, val: Split, coding: Coding, seed: int) -> Sequence[Fitted]:
        """Fit on the features (R, N, D) of R runs: one after the other, unless a subclass fits them together."""
        return [self.fit(train.of_run(run), val.of_run(run), coding, seed) for run in range(len(train.features))]

    def refit(self, fitted: Fitted, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        """Fit on train and val of one run together, with the choices made before: nothing is chosen anew.

        Args:
            fitted: what was fitted on train, with its choices.
            train: features (N, D) and labels of one run.
            val: likewise.
            coding: of the labels of both.
            seed: as in `fit`.

        Raises:
            ProbeError: this head has no such method of its own.
        """
        raise ProbeError(f"head {self.name} cannot be fitted again on train and val; define refit, or set refit=false")

    @property
    def can_refit(self) -> bool:
        """Whether the head has a `refit` of its own."""
        return type(self).refit is not Head.refit

    @classmethod
    def parse_options(cls, options: Mapping[str, Any]) -> Any:
        """The ``Options`` with these values, the others at their defaults.

        Raises:
            ProbeError: an option is unknown or of the wrong type or out of range.
        """
        default = cls.Options()
        known = {option.name: getattr(default, option.name) for option in fields(cls.Options)}
        values = {}
        for key, value in options.items():
            if key not in known:
                raise ProbeError(f"head {cls.name} has no option {key!r}; {did_you_mean(key, known)}")
            values[key] = _as_type_of(known[key], value, f"head {cls.name}: option {key!r}")
        try:
            return cls.Options(**values)
        except ValueError as error:
            raise ProbeError(f"head {cls.name}: {error}") from error

    def own_options(self) -> dict[str, Any]:
        """The options whose values are not the defaults."""
        default = asdict(self.Options())
        return {key: value for key, value in asdict(self.options).items() if value != default[key]}


def _as_type_of(default: Any, value: Any, where: str) -> Any:
    """A value of the type of an option's default; an int passes for a float, and a list for a tuple of numbers.

    Raises:
        ProbeError: it is of another type.
    """
    expected = type(default)
    if isinstance(default, tuple) and default and isinstance(value, (list, tuple)):
        return tuple(_as_type_of(default[0], each, where) for each in value)
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if default is not None and (not isinstance(value, expected) or isinstance(value, bool) != (expected is bool)):
        expectation = "a list" if expected is tuple else expected.__name__
        raise ProbeError(f"{where} must be {expectation}, not {value!r}")
    return value


def joined(train: Split, val: Split) -> Split:
    """The faces of two splits as one; features (N, D) or (R, N, D)."""
    features = np.concatenate([train.features, val.features], -2)
    values = np.concatenate([train.labels.values, val.labels.values])
    known = np.concatenate([train.labels.known, val.labels.known])
    return Split(features, replace(train.labels, values=values, known=known))


def standardiser(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each feature: (R, 1, D) of (R, N, D), and (1, D) of (N, D).

    The deviation of a constant feature is infinite, so that it is 0 once standardised.
    """
    mean = features.mean(-2, keepdims=True, dtype=np.float64)
    scale = features.std(-2, keepdims=True, dtype=np.float64)
    rounding = np.finfo(np.float32).eps * np.abs(mean)
    return mean, np.where(scale > rounding, scale, np.inf)


def best(
    candidates: Sequence[Mapping[str, Any]], outputs: NDArray[Any], coding: Coding, val: Labels
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

"""The interface of a metric: predictions and known targets to a value, or None with the reason."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from . import jackknife
from .target import Target, take

LOWER, HIGHER = -1, 1


@dataclass(frozen=True)
class Value:
    """A value, None or NaN if it is undefined, and the number of images or labels behind it."""

    value: float | None
    n: int

    @property
    def known(self) -> float | None:
        """The value as a float; None if it is undefined."""
        return None if self.value is None or np.isnan(self.value) else float(self.value)


@dataclass(frozen=True)
class Measured:
    """What a metric says of one set of predictions.

    Attributes:
        values: the metric's own by its name, and others that belong to it, such as one for each angle.
        notes: one line for each value that is undefined, or images that were left out.
    """

    values: dict[str, Value]
    notes: Sequence[str] = field(default_factory=tuple)


class Metric(ABC):
    """Base class of metrics; a subclass is registered by `registry.register_metric`.

    It implements ``per_image``, if its value is the mean over images, or ``measure``.

    Attributes:
        name: set by ``@register_metric``; the metric's name in records and tables.
        version: set by ``@register_metric``.
        kinds: of target that it applies to: landmarks, pose, classes or aus.
        unit: of its values.
        better: `LOWER` or `HIGHER`.
        digits: after the point, in tables.
        label: heading of its column; default: its name.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[tuple[str, ...]]
    unit: ClassVar[str]
    better: ClassVar[int]
    digits: ClassVar[int] = 3
    label: ClassVar[str] = ""

    def per_image(self, target: Target, predictions: NDArray[Any]) -> NDArray[Any] | None:
        """The value (N,) of each image, NaN where it is undefined; None if images have no values of their own.

        Args:
            target: of N faces, each with at least one known label.
            predictions: landmarks (N, L, 2) in crop sides, angles (N, 3) in degrees, or probabilities (N, C or A).
        """
        return None

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        """The value over all images: by default, the mean of those that ``per_image`` defines."""
        values = self.per_image(target, predictions)
        assert values is not None
        defined = values[~np.isnan(values)]
        left_out = len(values) - len(defined)
        notes = [f"{self.name}: {left_out} images left out, for which it is undefined"] if left_out else []
        return Measured({self.name: Value(defined.mean() if len(defined) else None, len(defined))}, notes)

    def without(self, target: Target, predictions: NDArray[Any], units: jackknife.Rows) -> dict[str, jackknife.Values]:
        """The values (U,) without each unit of the test set, for intervals and tests (`probes.jackknife`).

        By default from the values of the images if their mean is the value, else by measuring anew without each unit.

        Args:
            target: as in `measure`.
            predictions: as in `measure`.
            units: (N,) number of each image's unit.
        """
        if type(self).measure is Metric.measure:
            values = self.per_image(target, predictions)
            assert values is not None
            return {self.name: jackknife.mean(values, units)}
        names = self.measure(target, predictions).values

        def left(rows: jackknife.Rows) -> dict[str, float | None]:
            measured = self.measure(take(target, rows), predictions[rows]).values
            return {name: value.known for name, value in measured.items()}

        return jackknife.recompute(left, units, list(names))

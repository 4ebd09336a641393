"""Errors of predicted numbers such as valence, arousal or age, each over the faces whose value is known.

Each metric gives one value for each number, as ``metric_NAME``, and their mean where that means something: CCC and R2
have no unit; errors of numbers of different units are not averaged.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metric import HIGHER, LOWER, Measured, Metric, Value
from ..registry import register_metric
from ..target import Target

Values = NDArray[np.float64]


class _OfNumbers(Metric):
    """A measure of each number, from its true and predicted values (n,)."""

    kinds = ("regression",)

    @abstractmethod
    def of(self, true: Values, predicted: Values) -> float:
        """The measure; NaN if it is undefined."""

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        each = {}
        for index, name in enumerate(target.names):
            known = target.known[:, index]
            true, predicted = (values[known, index].astype(np.float64) for values in (target.values, predictions))
            each[name] = Value(self.of(true, predicted) if len(true) else None, len(true))
        defined = [value.known for value in each.values() if value.known is not None]
        has_mean = defined and (self.unit == self.name or len(each) == 1)
        mean = Value(float(np.mean(defined)) if has_mean else None, max(value.n for value in each.values()))
        missing = [name for name, value in each.items() if value.known is None]
        notes = [f"{self.name} is undefined for {', '.join(missing)}"] if missing else []
        return Measured({self.name: mean, **{f"{self.name}_{name}": value for name, value in each.items()}}, notes)


@register_metric("ccc", version=1)
class Concordance(_OfNumbers):
    """Concordance correlation coefficient (Lin 1989): 1 if predictions equal the truth, 0 without relation."""

    unit = "ccc"
    better = HIGHER

    def of(self, true: Values, predicted: Values) -> float:
        covariance = np.mean((true - true.mean()) * (predicted - predicted.mean()))
        spread = true.var() + predicted.var() + (true.mean() - predicted.mean()) ** 2
        return float(2 * covariance / spread) if spread > 0 else float("nan")


@register_metric("absolute_error", version=1)
class AbsoluteError(_OfNumbers):
    """Mean absolute error in the unit of the label."""

    unit = "label's unit"
    better = LOWER
    label = "MAE"

    def of(self, true: Values, predicted: Values) -> float:
        return float(np.abs(predicted - true).mean())


@register_metric("rmse", version=1)
class RootMeanSquareError(_OfNumbers):
    """Root of the mean squared error in the unit of the label."""

    unit = "label's unit"
    better = LOWER
    label = "RMSE"

    def of(self, true: Values, predicted: Values) -> float:
        return float(np.sqrt(np.square(predicted - true).mean()))


@register_metric("r2", version=1)
class Determination(_OfNumbers):
    """Coefficient of determination: share of the variance that is predicted; below 0 if the mean would do better."""

    unit = "r2"
    better = HIGHER
    label = "R2"

    def of(self, true: Values, predicted: Values) -> float:
        total = np.square(true - true.mean()).sum()
        return float(1 - np.square(predicted - true).sum() / total) if total > 0 else float("nan")

"""Metrics of the class with the highest probability, as scikit-learn defines them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score

from .. import jackknife
from ..jackknife import Rows, Values
from ..metric import HIGHER, Measured, Metric, Value
from ..registry import register_metric
from ..target import Target


@register_metric("accuracy", version=1)
class Accuracy(Metric):
    """Share of images whose most probable class is right."""

    kinds = ("classes",)
    unit = "fraction"
    better = HIGHER

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        n = len(target.values)
        return Measured({self.name: Value(accuracy_score(target.values, predictions.argmax(1)) if n else None, n)})

    def without(self, target: Target, predictions: NDArray[Any], units: Rows) -> dict[str, Values]:
        return {self.name: jackknife.mean((target.values == predictions.argmax(1)).astype(np.float64), units)}


@register_metric("f1", version=1)
class MacroF1(Metric):
    """F1 averaged over the classes that the scored images have."""

    kinds = ("classes",)
    unit = "macro F1"
    better = HIGHER

    def measure(self, target: Target, predictions: NDArray[Any]) -> Measured:
        values, n = target.values, len(target.values)
        choice, present = predictions.argmax(1), np.unique(values)
        f1 = f1_score(values, choice, labels=present, average="macro", zero_division=0) if n else None
        return Measured({self.name: Value(f1, n)})

    def without(self, target: Target, predictions: NDArray[Any], units: Rows) -> dict[str, Values]:
        classes = np.unique(target.values)
        return {self.name: jackknife.macro_f1(predictions.argmax(1), target.values, units, classes)}


@register_metric("identified", version=1)
class Identified(Accuracy):
    """Share of images whose person is told: of all people of the task, the most probable one is right."""

    kinds = ("identity",)

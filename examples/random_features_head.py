"""A probe head in one file: the exact linear head on random ReLU features (Rahimi and Recht, NeurIPS 2007)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.coding import Coding
from probes.head import Affine, Features, Head, Split, standardiser
from probes.heads.exact import fit_exact
from probes.registry import register_head


@dataclass(frozen=True)
class Fitted:
    """Features (N, D) to outputs (N, T)."""

    hidden: Affine  # standardises the features and projects them
    linear: Affine

    def __call__(self, features: Features) -> NDArray[np.float64]:
        return self.linear(np.maximum(self.hidden(features), 0).astype(np.float32))

    @property
    def choice(self) -> dict[str, object]:
        return dict(self.linear.choice)  # the penalty, chosen on val

    @property
    def protocol(self) -> dict[str, object]:
        return {"hidden": len(self.linear.weight), **self.linear.protocol}


@register_head("random_features", version=1)
class RandomFeatures(Head):
    """Reads what is in an embedding, but not linearly."""

    title = "linear on random ReLU features"

    @dataclass(frozen=True)
    class Options:
        """Set by probe.options.random_features.hidden=512, for example."""

        hidden: int = 128

    def fit(self, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        mean, scale = standardiser(train.features)
        shape = (train.features.shape[1], self.options.hidden)
        weight = np.random.default_rng(seed).normal(size=shape) / scale.T
        hidden = Affine(weight, -(mean @ weight)[0], {}, {})
        inner = [
            Split(np.maximum(hidden(each.features), 0)[None].astype(np.float32), each.labels) for each in (train, val)
        ]
        return Fitted(hidden, fit_exact(inner[0], inner[1], coding).runs()[0])

"""Small targets of each kind with features that partly tell them, made from a seed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.target import Labels

KINDS = ("landmarks", "pose", "classes", "aus")


def example(
    kind: str, n: int = 240, dim: int = 12, seed: int = 0
) -> tuple[Labels, NDArray[np.str_], NDArray[np.float32]]:
    """A target with unknown labels, a split and features (n, dim) whose scales differ widely."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(n, 4))
    signal = cause @ rng.normal(size=(4, dim)) + rng.normal(size=(n, dim))
    features = (signal * 10 ** rng.uniform(-3, 3, dim) + rng.normal(size=dim)).astype(np.float32)
    known = rng.random(n) < 0.9
    split = np.array(["train", "train", "val", "test"])[rng.integers(0, 4, n)]
    names: tuple[str, ...] = ()
    values: NDArray[Any]
    if kind == "landmarks":
        points = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
        values = (points + 0.03 * cause[:, :2][:, None] + 0.01 * rng.normal(size=(n, 5, 2))).astype(np.float32)
        return Labels(kind, values, known, names, (0, 1)), split, features
    if kind == "pose":
        values = (10 * cause[:, :3] + rng.normal(size=(n, 3))).astype(np.float32)
        return Labels(kind, values, known, ("roll", "pitch", "yaw")), split, features
    if kind == "classes":
        values = (cause[:, :3] + rng.normal(size=(n, 3)) + [0.8, 0, -0.3]).argmax(1)
        return Labels(kind, values, known, ("neutral", "happy", "sad")), split, features
    values = (cause[:, :3] + rng.normal(size=(n, 3)) > [0, 0.5, 1]).astype(np.float32)
    return Labels(kind, values, rng.random((n, 3)) < 0.8, ("AU1", "AU2", "AU12")), split, features

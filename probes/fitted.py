"""Fitted heads on disk: applied to the features of any face, without training labels.

heads = load_heads(Path("results/runs/default/synthetic/fabnet/seed0-.../probes/synthetic-pose.head.safetensors"))
angles = heads["exact"].predict(features)  # (N, D) -> (N, 3), degrees
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .coding import Decoding
from .errors import ProbeError
from .target import KINDS, REGRESSION

SCHEMA = 1


@dataclass(frozen=True)
class FittedHead:
    """One head of one run.

    Attributes:
        names: of the angles, classes, action units or landmarks, as in the target.
        weight: (D, T). The normalisation of the features is part of weight and bias.
        bias: (T,).
        decoding: from outputs to predictions.
    """

    names: tuple[str, ...]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    decoding: Decoding

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predictions in the units of the target.

        Args:
            features: (N, D), of the encoder the head was fitted on.

        Returns:
            Landmarks (N, L, 2) in crop sides, angles (N, 3) in degrees, or probabilities (N, C or A).
        """
        return self.decoding(features @ self.weight + self.bias)


def save_heads(heads: Mapping[str, FittedHead], path: Path) -> None:
    """Writes the heads of one task to a safetensors file."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, head in heads.items():
        values = {
            "weight": head.weight,
            "bias": head.bias,
            "mean": head.decoding.mean,
            "scale": head.decoding.scale,
        }
        arrays |= {f"{name}.{key}": np.ascontiguousarray(value) for key, value in values.items() if value is not None}
    about = {
        name: {"names": head.names, "kind": head.decoding.kind, "shape": head.decoding.shape}
        for name, head in heads.items()
    }
    save_file(arrays, path, metadata={"heads": json.dumps({"schema": SCHEMA, "heads": about})})


def load_heads(path: Path) -> dict[str, FittedHead]:
    """Reads the heads of one task by name, such as ``linear`` and ``exact``.

    Raises:
        ProbeError: the file is missing, broken, or holds no heads.
    """
    try:
        with safe_open(path, "np") as file:
            content = json.loads(file.metadata()["heads"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']!r}")
        return {name: _head(name, about, arrays) for name, about in content["heads"].items()}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ProbeError(f"{path}: missing, broken, or no fitted heads of this version") from error


def _head(name: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FittedHead:
    if about["kind"] not in KINDS:
        raise ValueError(f"unknown kind {about['kind']!r}")
    decoding = Decoding(about["kind"], tuple(about["shape"]), arrays.get(f"{name}.mean"), arrays.get(f"{name}.scale"))
    weight, bias = arrays[f"{name}.weight"], arrays[f"{name}.bias"]
    vectors = [bias, *(values for values in (decoding.mean, decoding.scale) if values is not None)]
    if weight.ndim != 2 or any(values.shape != weight.shape[1:] for values in vectors):
        raise ValueError("shapes that disagree")
    if about["kind"] in REGRESSION and (len(vectors) < 3 or np.prod(decoding.shape) != len(bias)):
        raise ValueError("no mean and standard deviation of each output")
    return FittedHead(tuple(about["names"]), weight, bias, decoding)

"""Frozen features: embeddings of every face of a labelled set by a trained method."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from benchmark.errors import DataError
from benchmark.files import atomic
from benchmark.train.augment import scale_to_unit
from methods.base import Method

BATCH = 256  # frames


def embed(method: Method, frames: NDArray[np.uint8], device: torch.device) -> NDArray[np.float32]:
    """Embeddings by a method in evaluation mode and float32, without augmentation.

    Args:
        method: with its trained weights.
        frames: (N, S, S, 3), uint8. They are resized where the encoder takes another size, as a pretrained one may.
        device: to compute on.

    Returns:
        Embeddings (N, D).

    Raises:
        DataError: an embedding is not finite.
    """
    method.to(device).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(frames), BATCH):
            images = torch.from_numpy(frames[start : start + BATCH].copy()).to(device).permute(0, 3, 1, 2)
            parts.append(method.embed(resize(scale_to_unit(images), method.spec.size)).float().cpu().numpy())
    features = np.concatenate(parts)
    if not np.isfinite(features).all():
        n_broken = int((~np.isfinite(features)).any(1).sum())
        raise DataError(
            f"{method.name}: {n_broken} of {len(features)} embeddings are not finite; its weights are broken"
        )
    return features


def resize(images: Tensor, side: int) -> Tensor:
    """Square images (B, 3, H, H) resized to (B, 3, side, side), bilinear with antialiasing."""
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)


def save_features(features: NDArray[np.float32], path: Path) -> None:
    """Writes features atomically."""
    with atomic(path) as temporary:
        save_file({"features": features}, temporary)


def load_features(path: Path, count: int) -> NDArray[np.float32]:
    """Features (N, D) of a file by `save_features`.

    Args:
        path: of the file.
        count: N, faces of the labelled set.

    Raises:
        DataError: the file is broken, or its features are not those of so many faces.
    """
    remedy = "remove it and run the benchmark again"
    try:
        features = load_file(path)["features"]
    except (SafetensorError, KeyError) as error:
        raise DataError(f"{path}: cut short or altered; {remedy}") from error
    if features.ndim != 2 or len(features) != count or features.dtype != np.float32:
        raise DataError(f"{path}: holds {features.dtype} {features.shape}, not float32 ({count}, D); {remedy}")
    if not np.isfinite(features).all():
        raise DataError(f"{path}: holds values that are not finite; {remedy}")
    return features

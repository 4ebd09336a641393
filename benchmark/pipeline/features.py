"""Frozen features: every face of a labelled set through a trained method, once."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from benchmark.errors import DataError
from benchmark.files import atomic
from benchmark.train.augment import scale_to_unit
from methods.base import Method

BATCH = 256


def embed(method: Method, frames: NDArray[np.uint8], device: torch.device) -> NDArray[np.float32]:
    """Embeddings (N, D) of uint8 frames (N, S, S, 3), without jitter, in float32 and evaluation mode.

    Frames of another size than the method's encoder takes, as a pretrained one's may be, are resized.

    Raises:
        DataError: an embedding is not finite.
    """
    method.to(device).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(frames), BATCH):
            images = torch.from_numpy(frames[start : start + BATCH].copy()).to(device).permute(0, 3, 1, 2)
            parts.append(method.embed(fitted(scale_to_unit(images), method.spec.size)).float().cpu().numpy())
    features = np.concatenate(parts)
    if not np.isfinite(features).all():
        bad = int((~np.isfinite(features)).any(1).sum())
        raise DataError(f"{method.name}: {bad} of {len(features)} embeddings are not finite; its weights are broken")
    return features


def fitted(images: Tensor, side: int) -> Tensor:
    """Images (B, 3, H, W) as an encoder of ``side`` pixels takes them."""
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False, antialias=True)


def save_features(features: NDArray[np.float32], path: Path) -> None:
    """Writes features atomically."""
    with atomic(path) as temporary:
        save_file({"features": features}, temporary)


def load_features(path: Path) -> NDArray[np.float32]:
    """Reads what `save_features` wrote."""
    return load_file(path)["features"]

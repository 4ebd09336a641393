"""Crop jitter on the device: every frame shifted and scaled a little, each with its own draw."""

import torch
from kornia.augmentation import RandomAffine
from torch import Tensor

from benchmark.config.schema import AugmentConfig

WHOLE = slice(None)


class CropJitter:
    """uint8 frames to jittered float frames in [0, 1].

    A shift and an isotropic zoom about the centre, uniform and independent for each frame, with the border
    pixel repeated outside: the crop jitter of the paper (its only augmentation), centred on the crop that
    the probes see. Draws come from torch's global generator.
    """

    def __init__(self, config: AugmentConfig):
        self.identity = config.translate == 0 and config.scale == 0
        self.warp = RandomAffine(
            degrees=0.0,
            translate=(config.translate, config.translate),
            scale=(1 - config.scale, 1 + config.scale),
            padding_mode="border",
            p=1.0,
        )

    def __call__(
        self, frames: Tensor, points: Tensor | None = None, *, share: slice = WHOLE, samples: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Jitters ``frames`` and moves ``points`` with them.

        Args:
            frames: uint8 (B, k, 3, S, S).
            points: (B, L, 2) in crop sides, x then y; k must be 1.
            share: where ``frames`` are a part of a batch, which part; they are jittered as they would be in it.
            samples: in the whole batch.

        Returns:
            float32 (B, k, 3, S, S) in [0, 1], and the points on the jittered crop.
        """
        images = scaled(frames)
        if self.identity:
            return images, points
        flat, k = images.flatten(0, 1), images.shape[1]
        drawn = self.warp.forward_parameters(torch.Size([k * (samples or len(images)), *flat.shape[1:]]))
        shape = torch.tensor(flat.shape)
        own = slice(share.start * k, share.stop * k) if share.stop else share
        drawn = {name: shape if name == "forward_input_shape" else value[own] for name, value in drawn.items()}
        warped = self.warp(flat, params=drawn)
        if points is not None:
            points = _move(points, self.warp.transform_matrix, frames.shape[-1])
        return warped.view_as(images), points


def scaled(frames: Tensor) -> Tensor:
    """uint8 to float32 in [0, 1]."""
    return frames.to(torch.float32) / 255


def _move(points: Tensor, matrix: Tensor, side: int) -> Tensor:
    """Points in crop sides through a pixel-coordinate matrix (B, 3, 3); pixel centres are at whole numbers."""
    pixels = points * side - 0.5
    moved = pixels @ matrix[:, :2, :2].mT + matrix[:, None, :2, 2]
    return (moved + 0.5) / side

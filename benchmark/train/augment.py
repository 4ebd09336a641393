"""Crop jitter on the device: a random shift and zoom of every frame, the only augmentation of Wiles et al. 2018."""

import torch
from kornia.augmentation import RandomAffine
from torch import Tensor

from benchmark.config.schema import AugmentConfig


class CropJitter:
    """Random shift and isotropic zoom about the centre, uniform and independent for each frame.

    Pixels from outside the frame repeat its border. The range is centred on the crop that the probes see. Parameters
    are drawn from torch's global generator.
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
        self,
        frames: Tensor,
        points: Tensor | None = None,
        *,
        shard: slice | None = None,
        batch_size: int | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Jitters frames, and moves points on them accordingly.

        Args:
            frames: uint8 (B, k, 3, S, S).
            points: (B, L, 2), x then y, in units of the frame's side; k must be 1.
            shard: the samples of a batch that ``frames`` are, if other processes have the rest. They are jittered
                as they would be within the whole batch.
            batch_size: samples in the whole batch; needed with ``shard``.

        Returns:
            Jittered frames, float32 (B, k, 3, S, S) in [0, 1], and the moved points.
        """
        images = scale_to_unit(frames)
        if self.identity:
            return images, points
        flat, k = images.flatten(0, 1), images.shape[1]
        batch_size = batch_size or len(images)
        shard = shard or slice(0, batch_size)
        parameters = self.warp.forward_parameters(torch.Size([batch_size * k, *flat.shape[1:]]))
        parameters = {name: values[shard.start * k : shard.stop * k] for name, values in parameters.items()}
        parameters["forward_input_shape"] = torch.tensor(flat.shape)
        warped: Tensor = self.warp(flat, params=parameters)
        if points is not None:
            points = _transform(points, self.warp.transform_matrix, frames.shape[-1])
        return warped.view_as(images), points


def scale_to_unit(frames: Tensor) -> Tensor:
    """Converts uint8 to float32 in [0, 1]."""
    return frames.to(torch.float32) / 255


def _transform(points: Tensor, matrix: Tensor, side: int) -> Tensor:
    """Moves points (B, L, 2) by affine matrices (B, 3, 3) in pixels.

    Points are in units of the side; pixel centres are at whole numbers of pixels.
    """
    pixels = points * side - 0.5
    moved = pixels @ matrix[:, :2, :2].mT + matrix[:, None, :2, 2]
    return (moved + 0.5) / side

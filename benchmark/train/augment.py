"""Random crops on the device: the only augmentation of Wiles et al. 2018, and what RotNet's authors use."""

import torch
from kornia.augmentation import RandomAffine
from torch import Tensor

from benchmark.config.schema import AugmentConfig

ATTEMPTS = 10  # windows drawn for a resized crop, of which the first that fits is used; as in torchvision

Parameters = dict[str, Tensor]


class CropJitter:
    """Random crop of frames, as `AugmentConfig` says: a jitter about the centre, or a resized crop within the frame.

    Jitter is a shift and isotropic zoom about the centre. Pixels from outside the frame repeat its border, and the
    range is centred on the crop that the probes see. Parameters are drawn from torch's global generator.
    """

    def __init__(self, config: AugmentConfig):
        self.config = config
        self.identity = config.kind == "jitter" and config.translate == 0 and config.scale == 0 and not config.flip
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
        """Crops frames, and moves points on them accordingly.

        Args:
            frames: uint8 (B, k, 3, S, S).
            points: (B, L, 2), x then y, in units of the frame's side; k must be 1.
            shard: the samples of a batch that ``frames`` are, if other processes have the rest. They are cropped
                as they would be within the whole batch.
            batch_size: samples in the whole batch; needed with ``shard``.

        Returns:
            Cropped frames, float32 (B, k, 3, S, S) in [0, 1], and the moved points.
        """
        images = scale_to_unit(frames)
        if self.identity:
            return images, points
        flat, k = images.flatten(0, 1), images.shape[1]
        batch_size = batch_size or len(images)
        shard = shard or slice(0, batch_size)
        parameters = self._draw(batch_size, k, flat.shape[1:])
        parameters = {name: values[shard.start * k : shard.stop * k] for name, values in parameters.items()}
        parameters["forward_input_shape"] = torch.tensor(flat.shape)
        warped: Tensor = self.warp(flat, params=parameters)
        if points is not None:
            points = _transform(points, self.warp.transform_matrix, frames.shape[-1])
        return warped.view_as(images), points

    def _draw(self, batch_size: int, k: int, shape: torch.Size) -> Parameters:
        """Parameters of the affine warps of all frames of a batch, (batch_size * k, ...)."""
        parameters: Parameters = self.warp.forward_parameters(torch.Size([batch_size * k, *shape]))
        if self.config.kind == "resized_crop":
            window = self._windows(batch_size, k)
            # A window of `window` sides about its centre c fills the frame: x -> (x - c) / window.
            slack = (1 - window) / 2
            offset = (2 * torch.rand(batch_size * k, 2) - 1) * slack
            parameters["scale"] = 1 / window
            parameters["translations"] = -offset / window * shape[-1]
        elif self.config.shared_scale:
            parameters["scale"] = _of_first_frame(parameters["scale"], k)
        if self.config.flip:
            mirrored = (torch.rand(batch_size) < 0.5).repeat_interleave(k)
            sign = torch.where(mirrored, -1.0, 1.0)
            parameters["scale"] = parameters["scale"] * torch.stack([sign, torch.ones_like(sign)], 1)
            parameters["translations"] = parameters["translations"] * torch.stack([sign, torch.ones_like(sign)], 1)
        return parameters

    def _windows(self, batch_size: int, k: int) -> Tensor:
        """Width and height of each frame's window, in sides of the frame, (batch_size * k, 2)."""
        n = batch_size * (1 if self.config.shared_scale else k)
        (low, high), limit = self.config.area, torch.tensor(self.config.stretch).log()
        area = low + (high - low) * torch.rand(ATTEMPTS, n)
        stretch = ((2 * torch.rand(ATTEMPTS, n) - 1) * limit).exp()
        windows = torch.stack([(area * stretch).sqrt(), (area / stretch).sqrt()], 2)
        fits = (windows <= 1).all(2)
        first = fits.float().argmax(0)
        chosen = windows[first, torch.arange(n)]
        chosen = torch.where(fits.any(0)[:, None], chosen, 1.0)  # the whole frame
        return chosen.repeat_interleave(k, 0) if self.config.shared_scale else chosen


def scale_to_unit(frames: Tensor) -> Tensor:
    """Converts uint8 to float32 in [0, 1]."""
    return frames.to(torch.float32) / 255


def _of_first_frame(values: Tensor, k: int) -> Tensor:
    """Values (B * k, ...) with those of each sample's first frame repeated for the others."""
    return values[::k].repeat_interleave(k, 0)


def _transform(points: Tensor, matrix: Tensor, side: int) -> Tensor:
    """Moves points (B, L, 2) by affine matrices (B, 3, 3) in pixels.

    Points are in units of the side; pixel centres are at whole numbers of pixels.
    """
    pixels = points * side - 0.5
    moved = pixels @ matrix[:, :2, :2].mT + matrix[:, None, :2, 2]
    return (moved + 0.5) / side

"""Split-brain autoencoder: one half of the network predicts colour from lightness, the other the reverse.

Source: Zhang, Isola and Efros, "Split-brain autoencoders: unsupervised learning by cross-channel
prediction", CVPR 2017, section 3; the regression (L2) loss of section 3.1 for both halves, as Wiles,
Koepke and Zisserman (BMVC 2018) used it for their baseline. (The authors' released model is the
classification variant.) Chosen here, for neither paper fixes it: each half is the common encoder and
decoder at half width with half the embedding, so that the joined one has the common length; it costs less
than one encoder of full width.
"""

from collections.abc import Mapping
from typing import Any

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor, nn

from methods.base import Method, MethodOutput
from methods.decoder import Decoder
from methods.encoder import Encoder, EncoderSpec
from methods.registry import register


@register("split_brain", version=1)
class SplitBrain(Method):
    """The loss is the mean squared error of colour from lightness plus that of lightness from colour."""

    summary = "predicts colour from lightness and lightness from colour, each by half of the network"
    paper = "Zhang et al., CVPR 2017"
    year = 2017

    encoder: "SplitEncoder"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        half = encoder.halved()
        self.encoder = SplitEncoder(half)
        self.to_colour = Decoder(half, in_dim=half.dim, out_channels=2)
        self.to_lightness = Decoder(half, in_dim=half.dim, out_channels=1)

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, 1, 3, H, W) in [0, 1] to the sum of both halves' mean squared errors."""
        lab = to_lab(frames[:, 0])
        lightness, colour = lab[:, :1], lab[:, 1:]
        seen_lightness, seen_colour = self.encoder.encode(lab).chunk(2, dim=1)
        drawn_colour = self.to_colour(seen_lightness).float()
        drawn_lightness = self.to_lightness(seen_colour).float()
        colour_losses = (drawn_colour - colour).square().mean((1, 2, 3))
        lightness_losses = (drawn_lightness - lightness).square().mean((1, 2, 3))
        scalars = {
            "colour_l2": colour_losses.detach().mean(),
            "lightness_l2": lightness_losses.detach().mean(),
        }
        losses = colour_losses + lightness_losses
        if self.training:
            return MethodOutput(losses, scalars)
        pictures = {
            "frame": frames[:, 0],
            "colour_drawn": to_rgb(torch.cat([lightness, drawn_colour], dim=1)),
            "lightness_drawn": to_rgb(torch.cat([drawn_lightness, colour], dim=1)),
        }
        return MethodOutput(losses, scalars, {key: image.detach() for key, image in pictures.items()})


class SplitEncoder(nn.Module):
    """RGB images (B, 3, H, W) to embeddings (B, 2 * half.dim): first what lightness shows, then colour."""

    def __init__(self, half: EncoderSpec):
        super().__init__()
        self.lightness = Encoder(half, in_channels=1)
        self.colour = Encoder(half, in_channels=2)

    def forward(self, images: Tensor) -> Tensor:
        """Encodes RGB images in [0, 1]."""
        return self.encode(to_lab(images))

    def encode(self, lab: Tensor) -> Tensor:
        """Encodes images in the scale of ``to_lab``."""
        return torch.cat([self.lightness(lab[:, :1]), self.colour(lab[:, 1:])], dim=1)


def to_lab(images: Tensor) -> Tensor:
    """RGB in [0, 1] to L / 50 - 1, a / 25 and b / 25 of CIE Lab (D65), float32 even under autocast.

    On photographs of faces L spreads by about 20 and a and b by about 10 (standard deviations), so all
    three channels, and with them the two halves' losses, are of one size.
    """
    with torch.autocast(images.device.type, enabled=False):  # it would cost two units of Lab in bfloat16
        lightness, colour = rgb_to_lab(images.float()).split([1, 2], dim=1)
    return torch.cat([lightness / 50 - 1, colour / 25], dim=1)


def to_rgb(lab: Tensor) -> Tensor:
    """The inverse of ``to_lab``, clipped to colours that RGB has."""
    lightness, colour = lab.split([1, 2], dim=1)
    with torch.autocast(lab.device.type, enabled=False):
        return lab_to_rgb(torch.cat([(lightness + 1) * 50, colour * 25], dim=1), clip=True)

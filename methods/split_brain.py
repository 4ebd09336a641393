"""Split-brain autoencoder: one half of the network predicts colour from lightness, the other lightness from colour.

Source: Zhang, Isola and Efros, "Split-brain autoencoders: unsupervised learning by cross-channel prediction", CVPR
2017, section 3. The loss is the regression (L2) loss of section 3.1 for both halves, as in the baseline of Wiles,
Koepke and Zisserman, BMVC 2018, section 5; the model that the authors released has the classification loss. Chosen
here, since neither paper says: each half is the common encoder and decoder with half the embedding, so that the
concatenated embedding has the common length. At half width the two halves cost less than one full encoder, at full
width each has its capacity.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor, nn

from methods.base import Method, MethodOutput
from methods.decoder import Decoder
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.registry import register


@dataclass(frozen=True)
class SplitBrainOptions:
    """Options of the split-brain autoencoder."""

    width: str = field(default="half", metadata={"help": "of each half's encoder and decoder: half or full"})

    def __post_init__(self) -> None:
        if self.width not in ("half", "full"):
            raise MethodError(f"split_brain: width={self.width} must be half or full")


@register("split_brain", version=1)
class SplitBrain(Method):
    """Cross-channel prediction in CIE Lab; the loss is the sum of both halves' mean squared errors."""

    summary = "predicts colour from lightness and lightness from colour, each by half of the network"
    paper = "Zhang et al., CVPR 2017"
    year = 2017
    Options = SplitBrainOptions

    encoder: "SplitEncoder"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        half = encoder.halved()
        if self.options.width == "full":
            half = replace(half, width=encoder.width)
        self.encoder = SplitEncoder(half)
        self.to_colour = Decoder(half, in_dim=half.dim, out_channels=2)
        self.to_lightness = Decoder(half, in_dim=half.dim, out_channels=1)

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, 1, 3, H, W) in [0, 1] to losses (B,), averaged over channels and pixels."""
        lab = to_lab(frames[:, 0])
        lightness, colour = lab[:, :1], lab[:, 1:]
        lightness_code, colour_code = self.encoder.encode_lab(lab).chunk(2, dim=1)
        predicted_colour = self.to_colour(lightness_code).float()
        predicted_lightness = self.to_lightness(colour_code).float()
        colour_losses = (predicted_colour - colour).square().mean((1, 2, 3))
        lightness_losses = (predicted_lightness - lightness).square().mean((1, 2, 3))
        losses = colour_losses + lightness_losses
        scalars = {
            "colour_l2": colour_losses.detach().mean(),
            "lightness_l2": lightness_losses.detach().mean(),
        }
        if self.training:
            return MethodOutput(losses, scalars)
        pictures = {
            "frame": frames[:, 0],
            "colour_drawn": to_rgb(torch.cat([lightness, predicted_colour], dim=1)),
            "lightness_drawn": to_rgb(torch.cat([predicted_lightness, colour], dim=1)),
        }
        return MethodOutput(losses, scalars, {key: image.detach() for key, image in pictures.items()})


class SplitEncoder(nn.Module):
    """Two encoders side by side: RGB images (B, 3, H, W) to embeddings (B, 2 * half.dim), lightness first."""

    def __init__(self, half: EncoderSpec):
        super().__init__()
        self.lightness = half.build(in_channels=1)
        self.colour = half.build(in_channels=2)

    def forward(self, images: Tensor) -> Tensor:
        """Encodes RGB images in [0, 1]."""
        return self.encode_lab(to_lab(images))

    def encode_lab(self, lab: Tensor) -> Tensor:
        """Encodes the scaled Lab images of ``to_lab``."""
        return torch.cat([self.lightness(lab[:, :1]), self.colour(lab[:, 1:])], dim=1)


def to_lab(images: Tensor) -> Tensor:
    """RGB (B, 3, H, W) in [0, 1] to scaled CIE Lab (D65): L / 50 - 1, a / 25 and b / 25, in float32.

    On photographs of faces L has a standard deviation of about 20, a and b of about 10. The scale makes the channels,
    and with them the losses of the two halves, of similar size.
    """
    with torch.autocast(images.device.type, enabled=False):  # bfloat16 would round by up to two units of Lab
        lightness, colour = rgb_to_lab(images.float()).split([1, 2], dim=1)
    return torch.cat([lightness / 50 - 1, colour / 25], dim=1)


def to_rgb(lab: Tensor) -> Tensor:
    """The inverse of ``to_lab``, clipped to [0, 1]."""
    lightness, colour = lab.split([1, 2], dim=1)
    with torch.autocast(lab.device.type, enabled=False):
        return lab_to_rgb(torch.cat([(lightness + 1) * 50, colour * 25], dim=1), clip=True)

"""FAb-Net: generate one frame of a track from another, by a flow read off the two embeddings.

Source: Wiles, Koepke and Zisserman, "Self-supervised learning of a facial attribute embedding from video",
BMVC 2018 (arXiv 1808.06882), section 3, single source frame; authors' code github.com/oawiles/FAb-Net.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from kornia.color import hsv_to_rgb
from kornia.geometry.transform import remap
from torch import Tensor

from methods.base import Method, MethodOutput
from methods.decoder import Decoder
from methods.encoder import Encoder, EncoderSpec
from methods.registry import register


@register("fabnet", version=1)
class FabNet(Method):
    """Frame 0 is the source, frame 1 the target; the loss is L1 between the moved source and the target.

    The two embeddings, source first, are decoded to a flow: a tanh offset for every pixel, x then y, in
    coordinates that run from -1 to 1 over the image. Both frames are encoded in one batch, so they share
    batch norm statistics.
    """

    frames = 2
    summary = "moves a source frame onto a target frame by a flow read off their embeddings"
    paper = "Wiles et al., BMVC 2018"
    year = 2018

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = Encoder(encoder)
        self.decoder = Decoder(encoder, in_dim=2 * encoder.dim, out_channels=2)

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, 2, 3, H, W) in [0, 1] to L1 losses, averaged over channels and pixels."""
        embeddings = self.encoder(frames.flatten(0, 1)).unflatten(0, (-1, 2))
        offset = self.decoder(embeddings.flatten(1)).float().tanh()
        source, target = frames[:, 0].detach(), frames[:, 1]
        generated = sample(source, offset)
        losses = (generated - target).abs().mean((1, 2, 3))
        scalars = {
            "copy_l1": (source - target).abs().mean(),  # the loss of no motion at all
            "offset": offset.detach().abs().mean(),
        }
        if self.training:
            return MethodOutput(losses, scalars)
        pictures = {"source": source, "target": target, "generated": generated, "flow": colour(offset)}
        return MethodOutput(losses, scalars, {key: image.detach() for key, image in pictures.items()})


def sample(source: Tensor, offset: Tensor) -> Tensor:
    """Reads ``source`` (B, 3, H, W) at every pixel's own place plus ``offset`` (B, 2, H, W), bilinearly.

    -1 and 1 are the centres of the first and last pixel (corner alignment, the sampler's behaviour when
    the paper was written), so that no offset returns the source itself. Places are clamped to the image.
    """
    height, width = source.shape[-2:]
    x = torch.linspace(-1, 1, width, device=source.device)
    y = torch.linspace(-1, 1, height, device=source.device)[:, None]
    map_x, map_y = (x + offset[:, 0]).clamp(-1, 1), (y + offset[:, 1]).clamp(-1, 1)
    return remap(source, map_x, map_y, mode="bilinear", align_corners=True, normalized_coordinates=True)


def colour(offset: Tensor) -> Tensor:
    """Paints offsets (B, 2, H, W): hue is the direction, saturation the length against the longest one."""
    x, y = offset[:, 0], offset[:, 1]
    length = torch.hypot(x, y)
    hue = torch.atan2(y, x) % (2 * math.pi)
    saturation = length / length.amax((1, 2), keepdim=True).clamp(min=1e-6)
    return hsv_to_rgb(torch.stack([hue, saturation, torch.ones_like(hue)], dim=1)).clamp(0, 1)

"""FAb-Net: generate one frame of a track from others, by flows read off the embeddings.

Source: Wiles, Koepke and Zisserman, "Self-supervised learning of a facial attribute embedding from video",
BMVC 2018 (arXiv 1808.06882), section 3; authors' code github.com/oawiles/FAb-Net. (The curriculum of section 3.3
belongs to the training loop.)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from kornia.color import hsv_to_rgb
from kornia.geometry.transform import remap
from torch import Tensor

from methods.base import Method, MethodOutput
from methods.decoder import Decoder
from methods.encoder import Encoder, EncoderSpec
from methods.errors import MethodError
from methods.registry import register


@dataclass(frozen=True)
class FabNetOptions:
    """Where paper and released code read differently, the defaults are the code's."""

    sources: int = field(default=1, metadata={"help": "source frames; from two on they are blended by confidence"})
    confidence: str = field(
        default="tanh", metadata={"help": "tanh, bounded as in the released code, or linear, as the paper's formula"}
    )
    freeze_flow: bool = field(
        default=True, metadata={"help": "with several sources, leave the flow decoder as it is (the released code)"}
    )

    def __post_init__(self) -> None:
        if self.sources < 1:
            raise MethodError(f"fabnet: sources={self.sources} must be 1 or more")
        if self.confidence not in ("tanh", "linear"):
            raise MethodError(f"fabnet: confidence={self.confidence} must be tanh or linear")


@register("fabnet", version=1)
class FabNet(Method):
    """The last frame is the target, those before it are sources; the loss is L1 between the target and its remake.

    The embeddings of a source and the target, source first, are decoded to a flow: a tanh offset for every pixel, x
    then y, in coordinates that run from -1 to 1 over the image. With several sources each also has a confidence map,
    decoded from the same two embeddings; a soft-max over the sources at every pixel blends the moved sources, and one
    L1 is taken of the blend. All frames are encoded in one batch, so they share batch norm statistics.

    Several sources with a frozen flow decoder refine a trained model: they need one to start from. The frozen
    decoder's batch norm statistics go on moving, as in the released code.
    """

    frames = 2
    summary = "moves source frames onto a target frame by flows read off their embeddings"
    paper = "Wiles et al., BMVC 2018"
    year = 2018
    Options = FabNetOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.frames = self.options.sources + 1
        self.encoder = Encoder(encoder)
        self.decoder = Decoder(encoder, in_dim=2 * encoder.dim, out_channels=2)
        self.needs_start = False
        if self.options.sources > 1:
            self.confidence = Decoder(encoder, in_dim=2 * encoder.dim, out_channels=1)
            self.needs_start = self.options.freeze_flow
            self.decoder.requires_grad_(not self.options.freeze_flow)

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, sources + 1, 3, H, W) in [0, 1] to L1 losses, averaged over channels and pixels."""
        n = self.options.sources
        sources, target = frames[:, :-1].detach(), frames[:, -1]
        embeddings = self.encoder(frames.flatten(0, 1)).unflatten(0, (-1, n + 1))
        pairs = torch.cat([embeddings[:, :-1], embeddings[:, -1:].expand(-1, n, -1)], 2).flatten(0, 1)
        offset = self.decoder(pairs).float().tanh()
        moved = sample(sources.flatten(0, 1), offset).unflatten(0, (-1, n))
        weights = self._weights(pairs)
        generated = moved[:, 0] if weights is None else (moved * weights).sum(1)
        losses = (generated - target).abs().mean((1, 2, 3))
        scalars = {
            "copy_l1": (sources[:, 0] - target).abs().mean(),  # the loss of no motion at all
            "offset": offset.detach().abs().mean(),
        }
        if self.training:
            return MethodOutput(losses, scalars)
        flows = colour(offset).unflatten(0, (-1, n))
        pictures = {
            **_columns("source", sources),
            "target": target,
            "generated": generated,
            **_columns("flow", flows),
            **({} if weights is None else _columns("confidence", weights.expand_as(moved))),
        }
        return MethodOutput(losses, scalars, {key: image.detach() for key, image in pictures.items()})

    def _weights(self, pairs: Tensor) -> Tensor | None:
        """Shares (B, sources, 1, H, W) of each source at every pixel; None for one source, which has it all."""
        if self.options.sources == 1:
            return None
        confidence = self.confidence(pairs).float()
        if self.options.confidence == "tanh":
            confidence = confidence.tanh()
        return confidence.unflatten(0, (-1, self.options.sources)).softmax(1)


def _columns(name: str, images: Tensor) -> dict[str, Tensor]:
    """Images (B, n, 3, H, W) as n named ones."""
    n = images.shape[1]
    return {name if n == 1 else f"{name} {i + 1}": images[:, i] for i in range(n)}


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

"""FAb-Net: generate a frame of a track from other frames, by flows decoded from the embeddings.

Source: Wiles, Koepke and Zisserman, "Self-supervised learning of a facial attribute embedding from video", BMVC 2018
(arXiv 1808.06882), section 3, and the authors' code (github.com/oawiles/FAb-Net). The curriculum of section 4 is an
option of the training loop.
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
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.registry import register


@dataclass(frozen=True)
class FabNetOptions:
    """Options of FAb-Net; where the paper and the released code differ, the defaults are those of the code."""

    sources: int = field(default=1, metadata={"help": "number of source frames; several are blended by confidence"})
    confidence: str = field(
        default="tanh", metadata={"help": "tanh, bounded as in the released code, or linear, as in the paper's formula"}
    )
    freeze_flow: bool = field(
        default=True, metadata={"help": "with several sources, do not train the flow decoder, as in the released code"}
    )

    def __post_init__(self) -> None:
        if self.sources < 1:
            raise MethodError(f"fabnet: sources={self.sources} must be 1 or more")
        if self.confidence not in ("tanh", "linear"):
            raise MethodError(f"fabnet: confidence={self.confidence} must be tanh or linear")


@register("fabnet", version=1)
class FabNet(Method):
    """FAb-Net with one or several source frames; the loss is L1 between the target and the generated frame.

    The last frame of a sample is the target, the others are sources. For each source, its embedding and the target's
    are concatenated, source first, and decoded to a flow: for every pixel a tanh offset (x, y), in coordinates from -1
    to 1 over the image, at which the source is sampled. With several sources a second decoder gives each a confidence
    map from the same two embeddings; a soft-max over the sources at every pixel weights their sum, and one L1 loss is
    taken of it. All frames are encoded in one batch, so they share batch-norm statistics.

    Several sources with a frozen flow decoder refine a trained model, so they need initial weights. The batch-norm
    statistics of the frozen decoder keep changing, as in the released code.
    """

    frames = 2
    summary = "generates a frame from others of its track, by flows decoded from their embeddings"
    paper = "Wiles et al., BMVC 2018"
    year = 2018
    Options = FabNetOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.frames = self.options.sources + 1
        self.encoder = encoder.build()
        self.decoder = Decoder(encoder, in_dim=2 * encoder.dim, out_channels=2)
        if self.options.sources > 1:
            self.confidence = Decoder(encoder, in_dim=2 * encoder.dim, out_channels=1)
            self.needs_initial_weights = self.options.freeze_flow
            self.decoder.requires_grad_(not self.options.freeze_flow)

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, sources + 1, 3, H, W) in [0, 1] to L1 losses (B,), averaged over channels and pixels."""
        n = self.options.sources
        sources, target = frames[:, :-1].detach(), frames[:, -1]
        embeddings = self.encoder(frames.flatten(0, 1)).unflatten(0, (-1, n + 1))
        pairs = torch.cat([embeddings[:, :-1], embeddings[:, -1:].expand(-1, n, -1)], 2).flatten(0, 1)
        offsets = self.decoder(pairs).float().tanh()
        warped = warp(sources.flatten(0, 1), offsets).unflatten(0, (-1, n))
        confidences = self._confidences(pairs)
        generated = warped[:, 0] if confidences is None else (warped * confidences).sum(1)
        losses = (generated - target).abs().mean((1, 2, 3))
        scalars = {
            "copy_l1": (sources[:, 0] - target).abs().mean(),  # the loss of copying the source
            "offset": offsets.detach().abs().mean(),
        }
        if self.training:
            return MethodOutput(losses, scalars)
        pictures = {
            **_numbered("source", sources),
            "target": target,
            "generated": generated,
            **_numbered("flow", flow_to_rgb(offsets).unflatten(0, (-1, n))),
        }
        if confidences is not None:
            pictures |= _numbered("confidence", confidences.expand_as(warped))
        return MethodOutput(losses, scalars, {key: image.detach() for key, image in pictures.items()})

    def _confidences(self, pairs: Tensor) -> Tensor | None:
        """Weights of the sources at every pixel.

        Args:
            pairs: (B * sources, 2 * dim), embeddings of source and target.

        Returns:
            (B, sources, 1, H, W), which sum to 1 over the sources; None for a single source.
        """
        if self.options.sources == 1:
            return None
        scores: Tensor = self.confidence(pairs).float()
        if self.options.confidence == "tanh":
            scores = scores.tanh()
        scores = scores.unflatten(0, (-1, self.options.sources))
        return scores.softmax(1)


def warp(source: Tensor, offset: Tensor) -> Tensor:
    """Samples ``source`` (B, 3, H, W) bilinearly at each pixel's coordinates plus ``offset`` (B, 2, H, W).

    Coordinates of -1 and 1 are the centres of the first and last pixel (corner alignment, the sampler's behaviour when
    the paper was written), so a zero offset gives the source itself. Coordinates are clamped to the image.
    """
    height, width = source.shape[-2:]
    x = torch.linspace(-1, 1, width, device=source.device)
    y = torch.linspace(-1, 1, height, device=source.device)[:, None]
    map_x, map_y = (x + offset[:, 0]).clamp(-1, 1), (y + offset[:, 1]).clamp(-1, 1)
    return remap(source, map_x, map_y, mode="bilinear", align_corners=True, normalized_coordinates=True)


def flow_to_rgb(offset: Tensor) -> Tensor:
    """Colours for offsets (B, 2, H, W): hue is the direction, saturation the length relative to the image's longest."""
    x, y = offset[:, 0], offset[:, 1]
    length = torch.hypot(x, y)
    hue = torch.atan2(y, x) % (2 * math.pi)
    saturation = length / length.amax((1, 2), keepdim=True).clamp(min=1e-6)
    return hsv_to_rgb(torch.stack([hue, saturation, torch.ones_like(hue)], dim=1)).clamp(0, 1)


def _numbered(name: str, images: Tensor) -> dict[str, Tensor]:
    """Images (B, n, 3, H, W) as n pictures with numbered names."""
    n = images.shape[1]
    if n == 1:
        return {name: images[:, 0]}
    return {f"{name} {number + 1}": images[:, number] for number in range(n)}

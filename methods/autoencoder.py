"""Autoencoder: draw the frame again from its own embedding, the plainest self-supervised baseline.

Named as a baseline by Wiles, Koepke and Zisserman, BMVC 2018, section 4, on FAb-Net's architecture; the
paper does not fix the rest. Chosen here: FAb-Net's decoder layers on one embedding, three output channels
through a sigmoid, and FAb-Net's own loss, L1, so that the two differ in the task alone.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from methods.base import Method, MethodOutput
from methods.decoder import Decoder
from methods.encoder import Encoder, EncoderSpec
from methods.registry import register


@register("autoencoder", version=1)
class Autoencoder(Method):
    """The loss is L1 between a frame and its reconstruction."""

    summary = "reconstructs a frame from its embedding"
    paper = "baseline of Wiles et al., BMVC 2018"
    year = 2018

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = Encoder(encoder)
        self.decoder = Decoder(encoder, in_dim=encoder.dim, out_channels=3)

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, 1, 3, H, W) in [0, 1] to L1 losses, averaged over channels and pixels."""
        images = frames[:, 0]
        drawn = self.decoder(self.encoder(images)).float().sigmoid()
        losses = (drawn - images).abs().mean((1, 2, 3))
        if self.training:
            return MethodOutput(losses)
        return MethodOutput(losses, pictures={"frame": images.detach(), "reconstruction": drawn.detach()})

"""Autoencoder: reconstruct a frame from its embedding.

A baseline of Wiles, Koepke and Zisserman, BMVC 2018, section 5, with FAb-Net's architecture. The paper gives no further
details. Chosen here: FAb-Net's decoder with three output channels and a sigmoid, and FAb-Net's L1 loss, so that the
two methods differ in the task alone.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from methods.base import Method, MethodOutput
from methods.decoder import Decoder
from methods.encoder import EncoderSpec
from methods.registry import register


@register("autoencoder", version=1)
class Autoencoder(Method):
    """Autoencoder with an L1 loss."""

    summary = "reconstructs a frame from its embedding"
    paper = "baseline of Wiles et al., BMVC 2018"
    year = 2018

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = encoder.build()
        self.decoder = Decoder(encoder, in_dim=encoder.dim, out_channels=3)

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, 1, 3, H, W) in [0, 1] to L1 losses (B,), averaged over channels and pixels."""
        images = frames[:, 0]
        reconstructions = self.decoder(self.encoder(images)).float().sigmoid()
        losses = (reconstructions - images).abs().mean((1, 2, 3))
        if self.training:
            return MethodOutput(losses)
        return MethodOutput(losses, pictures={"frame": images.detach(), "reconstruction": reconstructions.detach()})

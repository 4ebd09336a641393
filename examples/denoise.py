"""A denoising autoencoder: a whole method in one file."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from methods.base import Method, MethodOutput
from methods.decoder import Decoder
from methods.encoder import EncoderSpec
from methods.registry import register


@register("denoise", version=1)
class Denoise(Method):
    """The loss is L1 between a frame and its reconstruction from a noisy copy."""

    frames = 1  # frames of a track in one sample
    summary = "restores a frame from a noisy one"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(encoder, options)
        self.encoder = encoder.build()
        self.decoder = Decoder(encoder, in_dim=encoder.dim, out_channels=3)

    def forward(self, frames: Tensor) -> MethodOutput:  # (B, 1, 3, H, W) in [0, 1]
        image = frames[:, 0]
        noisy = image + 0.1 * torch.randn_like(image)
        restored = self.decoder(self.encoder(noisy)).float().sigmoid()
        return MethodOutput((restored - image).abs().mean((1, 2, 3)))

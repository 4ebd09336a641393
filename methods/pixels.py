"""The floor of raw pixels: a thumbnail of the image as its embedding."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import register


@register("pixels", version=1)
class Pixels(Method):
    """The image at 16 x 16 RGB, (B, 768); each value is the mean over its area."""

    kind = "floor"
    trained = False
    summary = "the image itself at 16 x 16 RGB, 768 numbers"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = nn.Sequential(nn.AdaptiveAvgPool2d(16), nn.Flatten())

"""The lowest floor: an embedding that says nothing about the image, so that a probe predicts the mean."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import register


@register("mean", version=1)
class Mean(Method):
    """Every image embeds to the same single number, 1; what a probe makes of it is the training mean."""

    kind = "floor"
    trained = False
    scored_by = "mean"
    summary = "reads nothing: the probe can only predict the training mean"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = Constant()


class Constant(nn.Module):
    """Images (B, 3, H, W) to ones (B, 1)."""

    def forward(self, images: Tensor) -> Tensor:
        """Looks at the number of images only."""
        return images.new_ones(len(images), 1)

"""The lowest floor: a constant embedding, from which a probe can only predict the training mean."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import register


@register("mean", version=1)
class Mean(Method):
    """The constant embedding (B, 1), equal to 1 for every image."""

    kind = "floor"
    trained = False
    scored_by = "mean"
    summary = "a constant embedding: the probe can only predict the training mean"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = Constant()


class Constant(nn.Module):
    """Images (B, 3, H, W) to ones (B, 1)."""

    def forward(self, images: Tensor) -> Tensor:
        """Depends on the number of images only."""
        return images.new_ones(len(images), 1)

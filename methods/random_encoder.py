"""The untrained floor: the common encoder with its initial weights."""

from collections.abc import Mapping
from typing import Any

from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import register


@register("random", version=1)
class RandomEncoder(Method):
    """The common encoder with random weights, and with batch-norm statistics of training frames."""

    kind = "floor"
    trained = False
    needs_statistics = True
    summary = "the common encoder untrained, batch norm statistics set on training frames"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = encoder.build()

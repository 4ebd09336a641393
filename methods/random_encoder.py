"""The floor of no training: the common encoder as it was initialised."""

from collections.abc import Mapping
from typing import Any

from methods.base import Method
from methods.encoder import Encoder, EncoderSpec
from methods.registry import register


@register("random", version=1)
class RandomEncoder(Method):
    """No weight is learnt; batch norm statistics are set on training frames, as for every trained encoder."""

    kind = "floor"
    trained = False
    needs_statistics = True
    summary = "the common encoder untrained, batch norm statistics set on training frames"

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = Encoder(encoder)

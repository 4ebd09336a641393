"""The ceiling: the common encoder trained end to end on a task's own labels."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from methods.base import Method, MethodOutput
from methods.encoder import Encoder, EncoderSpec
from methods.registry import register

TaskLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Outputs (B, T) float32, values and known as the task stores them, to per-sample losses (B,)."""


@register("supervised", version=1)
class Supervised(Method):
    """The common encoder and a linear head, with the task's loss given from outside.

    ``embed`` gives the head's T outputs, so that the task's probe reads the trained prediction itself.
    """

    kind = "ceiling"
    scored_by = "identity"
    summary = "the common encoder trained end to end on the labels of each task"

    def __init__(
        self,
        encoder: EncoderSpec,
        options: Mapping[str, Any] | None = None,
        *,
        outputs: int,
        loss: TaskLoss,
    ):
        """Builds the network for one task.

        Args:
            encoder: the common encoder.
            options: none.
            outputs: T, the numbers that the task's loss takes for each image.
            loss: maps outputs (B, T), values and known to per-sample losses (B,).
        """
        super().__init__(encoder, options)
        self.encoder = Encoder(encoder)
        self.head = nn.Linear(encoder.dim, outputs)
        self.loss = loss

    def forward(self, frames: Tensor, values: Tensor, known: Tensor) -> MethodOutput:  # type: ignore[override]
        """Maps frames (B, 1, 3, H, W) or (B, 3, H, W) in [0, 1] and their labels to the task's losses."""
        images = frames[:, 0] if frames.ndim == 5 else frames
        return MethodOutput(self.loss(self.embed(images), values, known))

    def embed(self, images: Tensor) -> Tensor:
        """Maps images (B, 3, H, W) in [0, 1] to the task's outputs (B, T), float32."""
        return self.head(self.encoder(images)).float()

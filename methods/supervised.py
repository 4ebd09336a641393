"""The ceiling: the common encoder trained end to end on the labels of a task."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from methods.base import Method, MethodOutput
from methods.encoder import EncoderSpec
from methods.registry import register

TaskLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Outputs (B, T) float32, labels, and which labels are known, to per-sample losses (B,)."""


@register("supervised", version=1)
class Supervised(Method):
    """The common encoder and a linear head, trained with the loss of one task.

    ``embed`` gives the head's T outputs, so that the prediction itself is scored.
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
            loss: of the task.
        """
        super().__init__(encoder, options)
        self.encoder = encoder.build()
        self.head = nn.Linear(encoder.dim, outputs)
        self.loss = loss

    def forward(self, frames: Tensor, values: Tensor, known: Tensor) -> MethodOutput:  # type: ignore[override]
        """Maps frames (B, 1, 3, H, W) or (B, 3, H, W) in [0, 1] and their labels to losses (B,)."""
        images = frames[:, 0] if frames.ndim == 5 else frames
        return MethodOutput(self.loss(self.embed(images), values, known))

    def embed(self, images: Tensor) -> Tensor:
        """Maps images (B, 3, H, W) in [0, 1] to the task's outputs (B, T), float32."""
        outputs: Tensor = self.head(self.encoder(images))
        return outputs.float()

"""RotNet: predict by how many quarter turns an image has been rotated.

Source: Gidaris, Singh and Komodakis, "Unsupervised representation learning by predicting image rotations", ICLR 2018,
section 3, equations 2 and 3. All four rotations of an image enter the batch, as in the authors' code
(github.com/gidariss/FeatureLearningRotNet). Chosen here: the head is ReLU and one linear layer, since the encoder's
last layer is linear.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.base import Method, MethodOutput
from methods.encoder import EncoderSpec
from methods.registry import register


@register("rotation", version=1)
class Rotation(Method):
    """Classification of four rotations; the loss is the cross-entropy, averaged over an image's rotations."""

    summary = "classifies which of four rotations an image has"
    paper = "Gidaris et al., ICLR 2018"
    year = 2018

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None):
        super().__init__(encoder, options)
        self.encoder = encoder.build()
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(encoder.dim, 4))

    def forward(self, frames: Tensor) -> MethodOutput:
        """Maps frames (B, 1, 3, H, W) in [0, 1] to cross-entropies (B,) in nats."""
        rotated, labels = all_rotations(frames[:, 0])
        logits = self.head(self.encoder(rotated)).float()
        losses = F.cross_entropy(logits, labels, reduction="none").unflatten(0, (4, -1)).mean(0)
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        return MethodOutput(losses, {"accuracy": accuracy})


def all_rotations(images: Tensor) -> tuple[Tensor, Tensor]:
    """Rotates images (B, C, S, S) by 0, 1, 2 and 3 quarter turns counter-clockwise.

    Returns:
        Images (4 B, C, S, S), first all of rotation 0, then all of rotation 1, and so on; and the rotations (4 B,).
    """
    rotated = torch.cat([torch.rot90(images, quarters, (2, 3)) for quarters in range(4)])
    return rotated, torch.arange(4, device=images.device).repeat_interleave(len(images))

"""BYOL (Grill et al., NeurIPS 2020): predict a slow copy's projection of one view from another view of the frame."""

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.base import Method, MethodOutput, TrainSettings
from methods.encoder import EncoderSpec
from methods.registry import register


@dataclass(frozen=True)
class ByolOptions:
    tau: float = field(default=0.99, metadata={"help": "share of the target kept at the first step; rises to 1"})
    hidden: int = field(default=512, metadata={"help": "hidden units of projector and predictor"})


@register("byol", version=1)
class Byol(Method):
    """The loss is 2 - 2 cos, both ways, between a prediction and the target's projection of the other view."""

    views = 2  # crops of each frame, drawn by the training loop
    summary = "predicts a slow copy's projection of one view from another"
    paper = "Grill et al., NeurIPS 2020"
    year = 2020
    Options = ByolOptions

    def __init__(self, encoder: EncoderSpec, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(encoder, options)
        self.encoder = encoder.build()
        self.projector = mlp(encoder.dim, self.options.hidden)
        self.predictor = mlp(encoder.dim, self.options.hidden)
        self.target = deepcopy(nn.Sequential(self.encoder, self.projector)).requires_grad_(False)

    def forward(self, frames: Tensor) -> MethodOutput:  # (B, 2, 3, H, W) in [0, 1]: two views of one frame
        views = light(frames).flatten(0, 1)
        predictions = self.predictor(self.projector(self.encoder(views))).unflatten(0, (-1, 2))
        with torch.no_grad():
            targets = self.target(views).unflatten(0, (-1, 2)).flip(1)
        losses = (2 - 2 * F.cosine_similarity(predictions.float(), targets.float(), dim=-1)).sum(1)
        return MethodOutput(losses, {"tau": torch.tensor(self.tau)})

    @property
    def tau(self) -> float:
        """Rises from ``options.tau`` to 1 by a cosine over the run (section 3.2)."""
        start: float = self.options.tau
        return 1 - (1 - start) * (1 + math.cos(math.pi * self.step / self.total_steps)) / 2

    def after_step(self) -> None:
        online = nn.Sequential(self.encoder, self.projector)
        for slow, fast in zip(self.target.parameters(), online.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.tau)

    def parameter_groups(self, train: TrainSettings) -> list[dict[str, Any]]:
        """No weight decay for biases and batch norm (appendix C.1)."""
        trained = [weight for weight in self.parameters() if weight.requires_grad]
        decayed, others = ([weight for weight in trained if (weight.ndim > 1) == kept] for kept in (True, False))
        return [{"params": decayed}, {"params": others, "weight_decay": 0.0}]


def mlp(dim: int, hidden: int) -> nn.Module:
    return nn.Sequential(nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, dim))


def light(frames: Tensor) -> Tensor:
    """Random brightness and contrast, for each view on its own."""
    contrast, brightness = (torch.rand(2, *frames.shape[:2], 1, 1, 1, device=frames.device) - 0.5) * 0.8
    return torch.clamp((frames - 0.5) * (1 + contrast) + 0.5 + brightness, 0, 1)

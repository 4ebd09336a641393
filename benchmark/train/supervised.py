"""Training end to end on a task's labels: what the ceiling of a table is made of."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.data.faces.labelled_set import LabelledSet, Target
from probes.coding import Coding, Regression, coding_for
from probes.target import take


def task_coding(faces: LabelledSet, target: Target) -> Coding:
    """The coding of a task, its statistics taken from the training split as the probes do."""
    return coding_for(take(target, faces.indices("train")))


def task_loss(coding: Coding) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Per-sample losses from outputs, values in the target's own units, and which of them are known.

    Values are encoded here and not beforehand, since crop jitter moves landmarks.
    """

    def loss(outputs: Tensor, values: Tensor, known: Tensor) -> Tensor:
        if isinstance(coding, Regression):
            mean, scale = (
                torch.as_tensor(x, dtype=torch.float32, device=values.device) for x in (coding.mean, coding.scale)
            )
            codes = torch.where(known[:, None], (values.flatten(1) - mean) / scale, 0)
        else:
            codes = torch.where(known, values, 0)
        return coding.loss(outputs, codes, known)

    return loss

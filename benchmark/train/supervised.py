"""Loss of the supervised ceiling: a task's own coding and loss, applied to images whose landmarks move with jitter."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.data.faces.labelled_set import LabelledSet, Target
from probes.coding import Coding, Numbers, Regression, coding_for
from probes.target import take


def task_coding(faces: LabelledSet, target: Target) -> Coding:
    """The coding of a task's labels, with the statistics of the training split, as the probes use it."""
    return coding_for(take(target, faces.indices("train")))


def task_loss(coding: Coding) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The loss of a task.

    Returns:
        A function of outputs (B, T), labels as the target stores them, and which of them are known, to per-sample
        losses (B,). It codes the labels itself, since crop jitter moves landmarks at every step.
    """

    def loss(outputs: Tensor, values: Tensor, known: Tensor) -> Tensor:
        if isinstance(coding, Regression | Numbers):
            mean = torch.as_tensor(coding.mean, dtype=torch.float32, device=values.device)
            scale = torch.as_tensor(coding.scale, dtype=torch.float32, device=values.device)
            mask = known if known.ndim == 2 else known[:, None]
            codes = torch.where(mask, (values.flatten(1) - mean) / scale, 0)
        else:
            codes = torch.where(known, values, 0)
        return coding.loss(outputs, codes, known)

    return loss

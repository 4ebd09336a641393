"""Validation: the mean loss on a fixed number of batches, and a sheet of sample pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmark.config.schema import TrainConfig
from benchmark.layout import PICTURES
from benchmark.train.distributed import ProcessGroup
from benchmark.train.stream import Batch, Batches, stream
from benchmark.viz.samples import sample_sheet
from methods.base import Method


@dataclass(frozen=True)
class ValidationResult:
    """Result of one validation.

    Attributes:
        loss: mean over all validation samples and processes.
        pictures: named images (B, 3, H, W) in [0, 1] of the first batch; empty if the method gives none.
    """

    loss: float
    pictures: dict[str, Tensor]


def validate(
    method: Method,
    batches: Batches,
    config: TrainConfig,
    inputs: Callable[[int, Batch], Batch],
    device: torch.device,
    group: ProcessGroup,
) -> ValidationResult:
    """Evaluates a method on the first ``config.val_samples`` validation samples, in float32.

    Args:
        method: in training or not; it is in evaluation mode afterwards.
        batches: this process's shard of the validation batches.
        config: number of samples, batch size and workers.
        inputs: from the number of a batch and the batch to what the method is called with, on the device.
        device: of the method.
        group: the processes that share each batch.
    """
    method.eval()
    n_batches = -(-config.val_samples // config.batch_size)  # rounded up
    losses: list[Tensor] = []
    pictures: dict[str, Tensor] = {}
    with torch.no_grad():
        for number, batch in enumerate(stream(batches, range(n_batches), config.workers, device)):
            output = method(*inputs(number, batch))
            losses.append(group.all_gather(output.losses.float()))
            pictures = pictures or output.pictures
    return ValidationResult(float(torch.cat(losses).mean()), pictures)


def save_pictures(method: Method, pictures: dict[str, Tensor], step: int, folder: Path) -> None:
    """Draws validation samples as ``pictures/stepNNNNNN.png`` in a run folder."""
    path = folder / PICTURES / f"step{step:06d}.png"
    sample_sheet(pictures, path, f"{method.name}, step {step}: validation samples")

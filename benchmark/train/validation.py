"""Validation: the mean loss on a fixed number of batches, and a sheet of sample pictures."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmark.config.schema import TrainConfig
from benchmark.layout import PICTURES
from benchmark.train.augment import CropJitter, scale_to_unit
from benchmark.train.distributed import ProcessGroup
from benchmark.train.step import seed_step, views_of
from benchmark.train.stream import Batches, stream
from benchmark.viz.samples import sample_sheet
from methods.base import Method

VIEWS_SEED = 0  # of the views that validation draws, the same in every validation of every run


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
    method: Method, batches: Batches, config: TrainConfig, device: torch.device, group: ProcessGroup, jitter: CropJitter
) -> ValidationResult:
    """Evaluates a method on the first ``config.val_samples`` validation samples in float32.

    Frames are not jittered, unless the method compares several views of a frame, which would be equal without.
    """
    method.eval()
    n_batches = -(-config.val_samples // config.batch_size)  # rounded up
    losses: list[Tensor] = []
    pictures: dict[str, Tensor] = {}
    with torch.no_grad():
        for number, batch in enumerate(stream(batches, range(n_batches), config.workers, device)):
            frames, *labels = (part.to(device, non_blocking=True) for part in batch)
            if method.views > 1:
                seed_step(VIEWS_SEED, number)
                shard = group.shard(config.batch_size)
                images, _ = jitter(views_of(frames, method.views), shard=shard, batch_size=config.batch_size)
            else:
                images = scale_to_unit(frames)
            output = method(images, *labels)
            losses.append(group.all_gather(output.losses.float()))
            pictures = pictures or output.pictures
    return ValidationResult(float(torch.cat(losses).mean()), pictures)


def save_pictures(method: Method, pictures: dict[str, Tensor], step: int, folder: Path) -> None:
    """Draws validation samples as ``pictures/stepNNNNNN.png`` in a run folder."""
    path = folder / PICTURES / f"step{step:06d}.png"
    sample_sheet(pictures, path, f"{method.name}, step {step}: validation samples")

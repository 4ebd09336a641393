"""Batch-norm statistics of an encoder that is not trained."""

import torch
from torch import nn

from benchmark.config.schema import AugmentConfig, TrainConfig
from benchmark.train.augment import CropJitter
from benchmark.train.step import seed_step
from benchmark.train.stream import Batches, stream
from methods.base import Method

STEPS = 50  # batches averaged over


def set_batch_norm_statistics(
    method: Method,
    batches: Batches,
    *,
    config: TrainConfig,
    augment: AugmentConfig,
    seed: int,
    device: torch.device,
) -> None:
    """Sets running means and variances to averages over jittered training frames; no weight changes."""
    for module in method.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # a cumulative average
    jitter = CropJitter(augment)
    method.train()
    with torch.no_grad():
        for step, batch in enumerate(stream(batches, range(STEPS), config.workers, device)):
            seed_step(seed, step)
            frames, _ = jitter(batch[0].to(device))
            method.embed(frames.flatten(0, 1))

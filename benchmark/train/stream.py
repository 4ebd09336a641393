"""Batches in the order of steps, read ahead by worker processes."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from slurm.signals import ignore

Batch = tuple[Tensor, ...]
"""uint8 frames (B, k, 3, S, S), then the labels, if any."""

PREFETCHED = 4  # batches that each worker reads ahead


class Batches(Protocol):
    """Random access to batches: the batch of a step depends on nothing but the step's number."""

    def __getitem__(self, step: int, /) -> Batch: ...


def stream(batches: Batches, steps: range, workers: int, device: torch.device) -> Iterator[Batch]:
    """The batches of ``steps`` in order.

    Args:
        batches: where they are read from.
        steps: numbers of the steps.
        workers: processes that read ahead; 0 reads in this process.
        device: where the batches will be used; for a GPU they are put into pinned memory.
    """
    return iter(
        DataLoader(
            _StepDataset(batches),
            batch_size=None,
            sampler=steps,
            num_workers=workers,
            pin_memory=device.type == "cuda",
            prefetch_factor=PREFETCHED if workers else None,
            worker_init_fn=_ignore_stop_signals,
        )
    )


def _ignore_stop_signals(_worker: int) -> None:
    """DataLoader workers ignore stop signals.

    Slurm sends them to every process of a job at once, and the loop still needs batches until it has saved itself.
    """
    ignore()


class _StepDataset(Dataset[Batch]):
    def __init__(self, batches: Batches):
        self.batches = batches

    def __getitem__(self, step: int) -> Batch:
        return self.batches[step]

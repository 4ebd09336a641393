"""The paper's probe: batch norm, then a fully connected layer without bias, trained by Adam on frozen features.

Wiles et al. 2018, section 4 and the released demo. The losses are theirs (`coding`). What their text does not
give is set here: Adam's default betas, a grid of learning rates, and a number of steps, of which val chooses.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .coding import Coding
from .heads import Affine, Split, best, standardiser


@dataclass(frozen=True)
class Budget:
    """Adam's steps, samples a step, learning rates tried side by side, and steps between two looks at val."""

    steps: int = 1000
    batch: int = 256
    rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3)
    every: int = 50


def fit_linear(train: Split, val: Split, coding: Coding, seed: int, budget: Budget) -> Affine:
    """Trains all runs, learning rates and targets as one batched problem.

    The batch of the norm is the whole training set, so that its statistics are exact and the same in training
    as afterwards; its gain and shift are learnt. The layer starts at zero. All runs see the same samples in
    the same order, drawn from ``seed``. Each run keeps the learning rate and step of its best score on val.
    """
    mean, scale = standardiser(train.features)
    x, x_val = (torch.from_numpy(((each.features - mean) / scale).astype(np.float32)) for each in (train, val))
    codes, known = (torch.from_numpy(each) for each in coding.encode(train.labels))
    runs, n, dim = x.shape
    heads = [_Head(runs, dim, coding.width) for _ in budget.rates]
    adam = torch.optim.Adam(
        [{"params": head.parameters(), "lr": rate} for head, rate in zip(heads, budget.rates, strict=True)],
        fused=True,
    )

    def outputs(x: Tensor) -> Tensor:
        """(R, rates, B, T), by one product over all rates."""
        weight, bias = (torch.cat(parts, -1) for parts in zip(*(head.affine() for head in heads), strict=True))
        return torch.baddbmm(bias, x, weight).unflatten(-1, (len(heads), -1)).transpose(1, 2)

    weight, bias = np.zeros((runs, dim, coding.width)), np.zeros((runs, 1, coding.width))
    choice: list[dict[str, Any]] = [{} for _ in range(runs)]
    record = np.full(runs, -np.inf)
    for step, rows in enumerate(_batches(n, budget, seed), 1):
        adam.zero_grad()
        coding.loss(outputs(x[:, rows]), codes[rows], known[rows]).mean(-1).sum().backward()
        adam.step()
        if step % budget.every and step < budget.steps:
            continue
        candidates = [{"lr": rate, "step": step} for rate in budget.rates]
        with torch.no_grad():
            for run, each in enumerate(outputs(x_val).numpy()):
                index, score, chosen = best(candidates, each, coding, val.labels)
                if score > record[run]:
                    record[run], choice[run] = score, chosen
                    weight[run], bias[run] = (part[run] for part in heads[index].affine())
    weight /= scale.swapaxes(1, 2)  # from standardised features back to features
    return Affine(weight, bias - mean @ weight, choice, asdict(budget))


class _Head(torch.nn.Module):
    """Gain and shift of a norm, and the layer after it, for R runs."""

    def __init__(self, runs: int, dim: int, width: int) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(runs, dim, 1))
        self.shift = torch.nn.Parameter(torch.zeros(runs, 1, dim))
        self.layer = torch.nn.Parameter(torch.zeros(runs, dim, width))

    def affine(self) -> tuple[Tensor, Tensor]:
        """The two as one map, (R, D, T) and (R, 1, T)."""
        return self.gain * self.layer, self.shift @ self.layer


def _batches(n: int, budget: Budget, seed: int) -> Iterator[Tensor]:
    """Rows of each step: pass after pass over a fresh permutation."""
    generator = torch.Generator().manual_seed(seed)
    size = min(budget.batch, n)
    passes = -(-budget.steps * size // n)
    order = torch.cat([torch.randperm(n, generator=generator) for _ in range(passes)])
    yield from order[: budget.steps * size].view(budget.steps, size)

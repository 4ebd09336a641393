"""The paper's probe: batch norm and a linear layer without bias, trained by Adam on frozen features.

Wiles et al. 2018, section 5, and the released demo; the losses are theirs (`coding`). The paper does not state Adam's
betas, the learning rate or the number of steps: here betas are PyTorch's defaults, and rate and step are chosen on val.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..coding import Coding
from ..head import AffineRuns, Fitted, Head, Split, best, standardiser
from ..registry import register_head


@dataclass(frozen=True)
class Budget:
    """Adam's steps, batch size, learning rates trained in parallel, and steps between two evaluations on val."""

    steps: int = 1000
    batch: int = 256
    rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3)
    every: int = 50


@register_head("linear", version=1)
class Linear(Head):
    """Batch norm and a linear layer without bias, trained by Adam: the paper's head."""

    title = "linear, trained by Adam"
    Options = Budget

    def fit_runs(self, train: Split, val: Split, coding: Coding, seed: int) -> Sequence[Fitted]:
        return fit_linear(train, val, coding, seed, self.options).runs()


def fit_linear(train: Split, val: Split, coding: Coding, seed: int, budget: Budget) -> AffineRuns:
    """Train all runs, learning rates and targets as one batched problem.

    Batch norm uses the statistics of the whole training set, so that they are the same in training and evaluation; its
    gain and shift are learnt. The linear layer is initialised to zero. All runs see the same samples in the same order,
    drawn from ``seed``. Each run keeps the learning rate and step with the best score on val.
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
        """Outputs (R, rates, B, T) of all learning rates, by one matrix product."""
        weight, bias = (torch.cat(parts, -1) for parts in zip(*(head.affine() for head in heads), strict=True))
        stacked: Tensor = torch.baddbmm(bias, x, weight).unflatten(-1, (len(heads), -1))
        return stacked.transpose(1, 2)

    weight, bias = np.zeros((runs, dim, coding.width)), np.zeros((runs, 1, coding.width))
    choice: list[dict[str, Any]] = [{} for _ in range(runs)]
    best_score = np.full(runs, -np.inf)
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
                if score > best_score[run]:
                    best_score[run], choice[run] = score, chosen
                    weight[run], bias[run] = (part[run] for part in heads[index].affine())
    weight /= scale.swapaxes(1, 2)  # from standardised features back to features
    return AffineRuns(weight, bias - mean @ weight, choice, asdict(budget))


class _Head(torch.nn.Module):
    """Gain and shift of batch norm, and the linear layer after it, for R runs."""

    def __init__(self, runs: int, dim: int, width: int) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(runs, dim, 1))
        self.shift = torch.nn.Parameter(torch.zeros(runs, 1, dim))
        self.layer = torch.nn.Parameter(torch.zeros(runs, dim, width))

    def affine(self) -> tuple[Tensor, Tensor]:
        """Weight (R, D, T) and bias (R, 1, T) of both as one affine map."""
        return self.gain * self.layer, self.shift @ self.layer


def _batches(n: int, budget: Budget, seed: int) -> Iterator[Tensor]:
    """Rows of each step; every pass over the data uses a new permutation."""
    generator = torch.Generator().manual_seed(seed)
    size = min(budget.batch, n)
    passes = -(-budget.steps * size // n)
    order = torch.cat([torch.randperm(n, generator=generator) for _ in range(passes)])
    yield from order[: budget.steps * size].view(budget.steps, size)

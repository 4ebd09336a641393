"""The paper's probe: batch norm and a linear layer without bias, trained by Adam on frozen features.

Wiles et al. 2018, section 5, and the released demo; the losses are theirs (`coding`). The paper states neither Adam's
betas nor the learning rate nor when training ends: here betas are PyTorch's defaults, the rate is chosen on val, and
training ends when val has not improved for a number of passes over the training faces.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..coding import Coding
from ..head import AffineRuns, Fitted, Head, Split, best, joined, standardiser
from ..registry import register_head


@dataclass(frozen=True)
class Budget:
    """When Adam stops, its batch size, and the learning rates trained in parallel.

    Attributes:
        patience: passes without a better score on val, by any rate, after which training ends.
        patience_steps: steps that must have gone by without one, too: a pass over a small set is a step or two.
        passes: cap; a run that reaches it says so in its notes.
        steps: train for exactly this many steps instead, looking at val every ``every`` steps; 0: until converged.
        batch: faces a step.
        rates: learning rates.
        every: see ``steps``.
    """

    patience: int = 20
    patience_steps: int = 400
    passes: int = 1000
    steps: int = 0
    batch: int = 256
    rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3)
    every: int = 50

    def __post_init__(self) -> None:
        if min(self.patience, self.passes, self.batch, self.every) < 1 or min(self.patience_steps, self.steps) < 0:
            raise ValueError("patience, passes, batch and every are at least 1, patience_steps and steps at least 0")
        if not self.rates or min(self.rates) <= 0:
            raise ValueError(f"rates must be positive numbers, at least one, not {list(self.rates)}")


@register_head("linear", version=2)
class Linear(Head):
    """Batch norm and a linear layer without bias, trained by Adam until val stops improving: the paper's head."""

    title = "linear, trained by Adam"
    Options = Budget

    def fit_runs(self, train: Split, val: Split, coding: Coding, seed: int) -> Sequence[Fitted]:
        return fit_linear(train, val, coding, seed, self.options).runs()

    def refit(self, fitted: Fitted, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        both = joined(*(Split(each.features[None], each.labels) for each in (train, val)))
        n = len(both.labels)
        steps_a_pass = n // min(n, self.options.batch)
        steps = fitted.choice["step"] if self.options.steps else fitted.choice["pass"] * steps_a_pass
        budget = replace(self.options, rates=(fitted.choice["lr"],), steps=steps, every=steps)
        return fit_linear(both, both, coding, seed, budget).refitted(fitted)


def fit_linear(train: Split, val: Split, coding: Coding, seed: int, budget: Budget) -> AffineRuns:
    """Train all runs, learning rates and targets as one batched problem, on the GPU where there is one.

    Batch norm uses the statistics of the whole training set, so that they are the same in training and evaluation; its
    gain and shift are learnt. The linear layer is initialised to zero. All runs see the same samples in the same order,
    drawn from ``seed``. Each run keeps the learning rate and the pass with the best score on val.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mean, scale = standardiser(train.features)
    x, x_val = (
        torch.from_numpy(((each.features - mean) / scale).astype(np.float32)).to(device) for each in (train, val)
    )
    codes, known = (torch.from_numpy(each).to(device) for each in coding.encode(train.labels))
    runs, n, dim = x.shape
    heads = [_Head(runs, dim, coding.width).to(device) for _ in budget.rates]
    adam = torch.optim.Adam(
        [{"params": head.parameters(), "lr": rate} for head, rate in zip(heads, budget.rates, strict=True)],
        fused=True,
    )

    def outputs(x: Tensor) -> Tensor:
        """Outputs (R, rates, B, T) of all learning rates, by one matrix product."""
        weight, bias = (torch.cat(parts, -1) for parts in zip(*(head.affine() for head in heads), strict=True))
        stacked: Tensor = torch.baddbmm(bias, x, weight).unflatten(-1, (len(heads), -1))
        return stacked.transpose(1, 2)

    kept = [_Kept(np.zeros((dim, coding.width)), np.zeros((1, coding.width))) for _ in range(runs)]
    for step, (rows, when) in enumerate(_schedule(n, budget, seed), 1):
        adam.zero_grad()
        coding.loss(outputs(x[:, rows]), codes[rows], known[rows]).mean(-1).sum().backward()
        adam.step()
        if when is None:
            continue
        candidates = [{"lr": rate, **when} for rate in budget.rates]
        with torch.no_grad():
            for run, each in enumerate(outputs(x_val).cpu().numpy()):
                if kept[run].converged:
                    continue
                index, score, chosen = best(candidates, each, coding, val.labels)
                if score > kept[run].score:
                    weight, bias = (part[run].cpu().numpy() for part in heads[index].affine())
                    kept[run] = _Kept(weight, bias, score, chosen, step)
                elif not budget.steps:
                    kept[run].converged = kept[run].has_stalled(when["pass"], step, budget)
        if all(each.converged for each in kept):
            break
    weights = np.stack([each.weight for each in kept]) / scale.swapaxes(1, 2)  # of features that are not standardised
    biases = np.stack([each.bias for each in kept]) - mean @ weights
    return AffineRuns(weights, biases, [each.record(budget) for each in kept], asdict(budget))


@dataclass
class _Kept:
    """The best read-out of one run so far: its map (D, T) and (1, T), its score on val, and when it was reached."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    score: float = -np.inf
    chosen: dict[str, Any] = field(default_factory=dict)
    step: int = 0
    converged: bool = False

    def has_stalled(self, passes: int, step: int, budget: Budget) -> bool:
        """Whether nothing better was found for as long as the budget waits."""
        waited = passes - self.chosen.get("pass", 0)
        return waited >= budget.patience and step - self.step >= budget.patience_steps

    def record(self, budget: Budget) -> dict[str, Any]:
        """What was chosen and, unless the number of steps was fixed, whether training ended before the cap."""
        return self.chosen if budget.steps else {**self.chosen, "converged": self.converged}


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


def _schedule(n: int, budget: Budget, seed: int) -> Iterator[tuple[Tensor, dict[str, int] | None]]:
    """Rows of each step and, where val is looked at after it, the pass or step it is."""
    generator = torch.Generator().manual_seed(seed)
    size = min(budget.batch, n)
    if budget.steps:
        needed = -(-budget.steps * size // n)
        order = torch.cat([torch.randperm(n, generator=generator) for _ in range(needed)])
        for step, rows in enumerate(order[: budget.steps * size].view(budget.steps, size), 1):
            yield rows, {"step": step} if step % budget.every == 0 or step == budget.steps else None
        return
    for number in range(1, budget.passes + 1):
        batches = torch.randperm(n, generator=generator)[: n // size * size].view(-1, size)
        for rows in batches[:-1]:
            yield rows, None
        yield batches[-1], {"pass": number}

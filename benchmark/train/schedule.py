"""How the learning rate and the curriculum move during a run, as steps pass and validations plateau.

The curriculum is Wiles et al. 2018's, section 3.3, as in the authors' code (github.com/oawiles/FAb-Net): a batch's
samples are ranked by their losses, and only a window of them is learnt from, first the easiest half. At every
plateau of the validation loss the window moves up by a tenth, four times, from 0-50 % to 40-90 %. Plateaus divide
the learning rate only once it has arrived there.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from benchmark.config.schema import SHIFT, SHIFTS, WINDOW, TrainConfig

DIVISIONS = 2  # of the learning rate by 10, under schedule=plateau; the plateau after them ends the run: converged


class Schedule:
    """The learning rate and the curriculum of one run. All that changes is in `state_dict`."""

    def __init__(self, optimiser: torch.optim.Optimizer, config: TrainConfig):
        self.optimiser, self.config = optimiser, config
        self.one_cycle = _one_cycle(optimiser, config) if config.schedule == "one_cycle" else None
        self.shifts, self.divisions = config.curriculum_start, 0
        self.best, self.waited = math.inf, 0  # validation loss, and validations since
        self.converged = False

    @property
    def watches_validation(self) -> bool:
        """Whether anything moves at a plateau of the validation loss."""
        return self.config.curriculum or self.config.schedule == "plateau"

    @property
    def window(self) -> tuple[int, int]:
        """The part of a batch that is learnt from, by rank of the loss, easiest first, in percent."""
        low = self.shifts * SHIFT
        return (low, low + WINDOW) if self.config.curriculum else (0, 100)

    def chosen(self, losses: Tensor) -> Tensor:
        """The losses of the window, of a batch's losses (B,); bounds are rounded down, as in the authors' code."""
        if not self.config.curriculum:
            return losses
        low, high = (percent * len(losses) // 100 for percent in self.window)
        return losses.sort(stable=True).values[low:high]

    def step(self) -> None:
        """Moves on by one training step."""
        if self.one_cycle is not None:
            self.one_cycle.step()

    def validated(self, loss: float) -> None:
        """Moves on by one validation: at a plateau the window moves, or the rate falls, or the run has converged.

        A plateau is more than ``plateau_patience`` validations in a row without a new best loss.
        """
        if loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited <= self.config.plateau_patience:
            return
        self.waited = 0
        if self.config.curriculum and self.shifts < SHIFTS:
            self.shifts += 1
            self.best = math.inf  # the record starts anew
        elif self.config.schedule == "plateau" and self.divisions < DIVISIONS:
            self.divisions += 1
            for group in self.optimiser.param_groups:
                group["lr"] /= 10
        else:
            self.converged = self.config.schedule == "plateau"

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes, in plain values."""
        own = {key: getattr(self, key) for key in ("shifts", "divisions", "best", "waited", "converged")}
        return {**own, "one_cycle": self.one_cycle.state_dict() if self.one_cycle else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        state = dict(state)
        one_cycle = state.pop("one_cycle")
        if self.one_cycle is not None:
            self.one_cycle.load_state_dict(one_cycle)
        vars(self).update(state)


def _one_cycle(optimiser: torch.optim.Optimizer, config: TrainConfig) -> OneCycleLR:
    warm_up = 0.1 if config.steps >= 20 else 0.3  # a tenth of 10 steps is one, by which torch would divide by 0
    return OneCycleLR(optimiser, config.lr, total_steps=config.steps, pct_start=warm_up, cycle_momentum=False)

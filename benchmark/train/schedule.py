"""Learning rate and curriculum of a run, moved by training steps and by plateaus of the validation loss.

Curriculum: Wiles et al. 2018, section 4, and the authors' code (github.com/oawiles/FAb-Net). The samples of a batch
are ranked by their losses, and only those in a window of ranks are trained on, first the 50 % with the lowest losses.
At each plateau of the validation loss the window moves up by 10 points, four times, to 40-90 %. Only from then on do
plateaus divide the learning rate.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from benchmark.config.schema import SHIFT, SHIFTS, WINDOW, TrainConfig

LR_DIVISIONS = 2  # by 10, with schedule=plateau; the run has converged at the plateau after the last
SHORT_RUN = 20  # steps; shorter runs warm up for longer, since OneCycleLR divides by zero if that is exactly one step


class Schedule:
    """Learning rate and curriculum of one run.

    Attributes:
        converged: whether the run may end: the loss no longer falls at the lowest learning rate (schedule=plateau).
    """

    def __init__(self, optimiser: torch.optim.Optimizer, config: TrainConfig):
        self.optimiser = optimiser
        self.config = config
        self.one_cycle = _one_cycle(optimiser, config) if config.schedule == "one_cycle" else None
        self.shifts = config.curriculum_start
        self.divisions = 0
        self.best_loss = math.inf
        self.validations_since_best = 0
        self.converged = False

    @property
    def watches_validation(self) -> bool:
        """Whether a plateau of the validation loss changes anything."""
        return self.config.curriculum or self.config.schedule == "plateau"

    @property
    def window(self) -> tuple[int, int]:
        """Ranks of the samples to train on, lowest loss first, in percent of the batch."""
        if not self.config.curriculum:
            return 0, 100
        low = self.shifts * SHIFT
        return low, low + WINDOW

    def weights(self, losses: Tensor) -> Tensor:
        """Weights of a batch's samples in the training loss.

        Args:
            losses: (B,), of the whole batch.

        Returns:
            (B,): 1/n for the n samples within the window and 0 for the others. The window's bounds are rounded down
            to whole samples, as in the authors' code.
        """
        low, high = (percent * len(losses) // 100 for percent in self.window)
        ranked = losses.argsort(stable=True)
        return torch.zeros_like(losses).scatter(0, ranked[low:high], 1 / (high - low))

    def after_step(self) -> None:
        """Moves the learning rate on after a training step."""
        if self.one_cycle is not None:
            self.one_cycle.step()

    def after_validation(self, loss: float) -> None:
        """Takes note of a validation loss; at a plateau shifts the window, or divides the learning rate, or converges.

        A plateau is more than ``plateau_patience`` validations in a row without a new lowest loss.
        """
        if loss < self.best_loss:
            self.best_loss = loss
            self.validations_since_best = 0
            return
        self.validations_since_best += 1
        if self.validations_since_best <= self.config.plateau_patience:
            return
        self.validations_since_best = 0
        if self.config.curriculum and self.shifts < SHIFTS:
            self.shifts += 1
            self.best_loss = math.inf  # harder samples may raise the loss: that is no plateau of the new window
        elif self.config.schedule == "plateau" and self.divisions < LR_DIVISIONS:
            self.divisions += 1
            for group in self.optimiser.param_groups:
                group["lr"] /= 10
        else:
            self.converged = self.config.schedule == "plateau"

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes during a run, as plain values."""
        return {
            "shifts": self.shifts,
            "divisions": self.divisions,
            "best": self.best_loss,
            "waited": self.validations_since_best,
            "converged": self.converged,
            "one_cycle": self.one_cycle.state_dict() if self.one_cycle is not None else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a `state_dict`."""
        self.shifts = state["shifts"]
        self.divisions = state["divisions"]
        self.best_loss = state["best"]
        self.validations_since_best = state["waited"]
        self.converged = state["converged"]
        if self.one_cycle is not None:
            self.one_cycle.load_state_dict(state["one_cycle"])


def _one_cycle(optimiser: torch.optim.Optimizer, config: TrainConfig) -> OneCycleLR:
    warm_up = 0.3 if config.steps < SHORT_RUN else 0.1  # fraction of the steps
    highest = [group["lr"] for group in optimiser.param_groups]  # a method's own groups may differ
    return OneCycleLR(optimiser, highest, total_steps=config.steps, pct_start=warm_up, cycle_momentum=False)

"""Learning rate and curriculum of a run, moved by training steps and by plateaus of the validation loss.

Curriculum: Wiles et al. 2018, section 4, and the authors' code (github.com/oawiles/FAb-Net). The samples of a batch
are ranked by their losses, and only those in a window of ranks are trained on, first the 50 % with the lowest losses.
At each plateau of the validation loss the window moves up by 10 points, four times, to 40-90 %. Only from then on do
plateaus divide the learning rate, and with ``curriculum_hold`` no other schedule lowers it before either.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from benchmark.config.schema import SHIFT, SHIFTS, WINDOW, TrainConfig

LR_DIVISIONS = 2  # by 10, with schedule=plateau; the run has converged at the plateau after the last
LOWEST_LR = 1 / 25 / 1e4  # share of train.lr at the end of one cycle: OneCycleLR's default
TICKS = 10_000  # parts of a budget in seconds, in which the learning rate moves; of others the parts are their steps
SHORT_RUN = 20  # steps; shorter runs warm up for longer, since OneCycleLR divides by zero if that is exactly one step


class Schedule:
    """Learning rate and curriculum of one run.

    Attributes:
        converged: whether the run may end: the loss no longer falls at the lowest learning rate (schedule=plateau).
    """

    def __init__(self, optimiser: torch.optim.Optimizer, config: TrainConfig):
        self.optimiser = optimiser
        self.config = config
        self.ticks = TICKS if config.budget == "seconds" else config.steps
        self.one_cycle = _one_cycle(optimiser, self.ticks) if config.schedule == "one_cycle" else None
        self.annealing: CosineAnnealingLR | None = None  # of one cycle, once the curriculum no longer holds the rate
        self.tick = 0
        self.held_until = 0 if self._last_window_at(config.curriculum_start) else None
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
        """Moves the learning rate on after a training step, if the budget is in steps."""
        if self.config.budget != "seconds":
            self._after_tick()

    def after_seconds(self, seconds: float) -> None:
        """Moves the learning rate to where it is after so many seconds, if that is what the budget is in."""
        assert self.config.amount is not None
        while self.tick < min(int(seconds / self.config.amount * self.ticks), self.ticks - 1):
            self._after_tick()

    def _after_tick(self) -> None:
        self.tick += 1
        if self.config.schedule == "multistep":
            self._pass_milestones()
        elif self.annealing is not None:
            self.annealing.step()
        elif self.one_cycle is not None and (self.held_until is not None or not self._at_peak()):
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
            if self.held_until is None and self._last_window_at(self.shifts):
                self._release()
        elif self.config.schedule == "plateau" and self.divisions < LR_DIVISIONS:
            self._divide()
        else:
            self.converged = self.config.schedule == "plateau"

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes during a run, as plain values."""
        held = {
            "tick": self.tick,
            "held_until": self.held_until,
            "annealing": self.annealing.state_dict() if self.annealing is not None else None,
        }
        return {
            "shifts": self.shifts,
            "divisions": self.divisions,
            "best": self.best_loss,
            "waited": self.validations_since_best,
            "converged": self.converged,
            "one_cycle": self.one_cycle.state_dict() if self.one_cycle is not None else None,
            **(held if self._counts_ticks else {}),
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
        if not self._counts_ticks:
            return
        self.tick, self.held_until = state["tick"], state["held_until"]
        if state["annealing"] is not None:
            self.annealing = self._anneal()
            self.annealing.load_state_dict(state["annealing"])

    @property
    def _counts_ticks(self) -> bool:
        """Whether the learning rate depends on more than the state of one cycle, or on the clock."""
        held = self.config.curriculum and self.config.curriculum_hold
        return self.config.schedule == "multistep" or held or self.config.budget == "seconds"

    def _last_window_at(self, shifts: int) -> bool:
        """Whether nothing holds the learning rate after this number of shifts."""
        return not (self.config.curriculum and self.config.curriculum_hold) or shifts == SHIFTS

    def _at_peak(self) -> bool:
        """Whether one cycle's warm-up is over, so that the next step would lower the learning rate."""
        assert self.one_cycle is not None
        return self.one_cycle.last_epoch >= int(_warm_up(self.ticks) * self.ticks) - 1

    def _release(self) -> None:
        """Lets the learning rate fall from here on: what is left of the budget takes the place of the whole."""
        self.held_until = self.tick
        if self.one_cycle is not None and self._at_peak():
            self.annealing = self._anneal()

    def _anneal(self) -> CosineAnnealingLR:
        assert self.held_until is not None
        left = max(1, self.ticks - self.held_until - 1)
        return CosineAnnealingLR(self.optimiser, left, eta_min=self.config.lr * LOWEST_LR)

    def _pass_milestones(self) -> None:
        if self.held_until is None:
            return
        left = self.ticks - self.held_until
        if self.tick - self.held_until in {round(share * left) for share in self.config.milestones}:
            self._divide()

    def _divide(self) -> None:
        self.divisions += 1
        for group in self.optimiser.param_groups:
            group["lr"] /= 10


def _one_cycle(optimiser: torch.optim.Optimizer, ticks: int) -> OneCycleLR:
    highest = [group["lr"] for group in optimiser.param_groups]  # a method's own groups may differ
    return OneCycleLR(optimiser, highest, total_steps=ticks, pct_start=_warm_up(ticks), cycle_momentum=False)


def _warm_up(ticks: int) -> float:
    """Share of the ticks in which one cycle raises the learning rate."""
    return 0.3 if ticks < SHORT_RUN else 0.1

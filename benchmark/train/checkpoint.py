"""Checkpoints: all that a run needs to continue bitwise, in one file.

There is no generator state in it: the random draws of a step depend on the seed and the step's number alone.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmark.errors import DataError, first_line
from benchmark.files import atomic
from benchmark.train.schedule import Schedule
from methods.base import Method


@dataclass
class State:
    """Progress of a run.

    Attributes:
        step: training steps taken.
        seconds: spent in training steps, without validation, over all restarts.
        restarts: how often the run was resumed.
        val_loss: of the last validation; None before the first.
    """

    step: int = 0
    seconds: float = 0.0
    restarts: int = 0
    val_loss: float | None = None


class Checkpoint:
    """The checkpoint file of one run."""

    def __init__(self, path: Path, method: Method, optimiser: torch.optim.Optimizer, schedule: Schedule):
        self.path, self.method, self.optimiser, self.schedule = path, method, optimiser, schedule

    def save(self, state: State) -> None:
        """Writes the file atomically."""
        with atomic(self.path) as temporary:
            torch.save(
                {
                    "method": self.method.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "schedule": self.schedule.state_dict(),
                    "state": asdict(state),
                },
                temporary,
            )

    def restore(self, device: torch.device) -> State:
        """Loads the file, if there is one, into method, optimiser and schedule.

        Returns:
            The state to continue from; that of a new run if there is no file.

        Raises:
            DataError: the file is broken or belongs to another model or configuration.
        """
        if not self.path.is_file():
            return State()
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            self.method.load_state_dict(content["method"])
            self.optimiser.load_state_dict(content["optimiser"])
            self.schedule.load_state_dict(content["schedule"])
            state = State(**content["state"])
        except Exception as error:  # torch raises many types for truncated files and other models
            message = f"{self.path} cannot be resumed from ({first_line(error)}); remove it to start over"
            raise DataError(message) from error
        state.restarts += 1
        return state

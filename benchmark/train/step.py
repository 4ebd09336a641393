"""One training step: jitter, forward pass, weighted loss, backward pass, optimiser and schedule."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.config.schema import AugmentConfig, TrainConfig
from benchmark.errors import DataError, FabbenchError
from benchmark.train.augment import CropJitter
from benchmark.train.device import uses_bfloat16
from benchmark.train.distributed import ProcessGroup
from benchmark.train.schedule import Schedule
from benchmark.train.stream import Batch
from methods.base import Method
from methods.errors import MethodError
from methods.outputs import check_output

VALIDATION_SEED = 0  # of the crops of validation frames, the same in every validation of every run
NO_CROP = AugmentConfig(translate=0, scale=0)


class DivergedError(FabbenchError):
    """The training loss is no longer a finite number."""


@dataclass(frozen=True)
class StepResult:
    """What is logged of a step.

    Attributes:
        loss: mean loss of all samples of the batch, whatever their weights; on the device.
        scalars: the method's own, of this process's shard; on the device.
    """

    loss: Tensor
    scalars: dict[str, Tensor]


class TrainingStep:
    """Trains a method on one batch after another."""

    def __init__(
        self,
        method: Method,
        optimiser: torch.optim.Optimizer,
        schedule: Schedule,
        *,
        config: TrainConfig,
        augment: AugmentConfig,
        seed: int,
        device: torch.device,
        group: ProcessGroup,
    ):
        self.method, self.optimiser, self.schedule = method, optimiser, schedule
        self.config, self.seed, self.device, self.group = config, seed, device, group
        self.bfloat16 = uses_bfloat16(config.amp, device)
        self.model = group.wrap(method)
        self.shard = group.shard(config.batch_size)
        self.jitter = CropJitter(augment)
        # Views of a frame, which a method compares, would be equal without.
        self.val_jitter = CropJitter(augment if augment.validation or method.views > 1 else NO_CROP)

    def __call__(self, step: int, batch: Batch) -> StepResult:
        """Takes step number ``step``, counted from 0, on this process's shard of a batch.

        Raises:
            DivergedError: the loss is not finite. On a GPU this is not checked here, since that would wait for the
                device: see `check_finite`.
            DataError: the method's output has the wrong type or shape.
        """
        seed_step(self.seed, step)
        self.method.train()
        self.method.step, self.method.total_steps = step, self.config.steps
        inputs = self._inputs(batch, self.jitter)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            output = self.model(*inputs)
        try:
            check_output(self.method, output, samples=len(inputs[0]))
        except MethodError as error:
            raise DataError(str(error)) from error
        losses = output.losses.float()
        batch_losses = self.group.all_gather(losses)

        self.optimiser.zero_grad(set_to_none=True)
        self._objective(losses, batch_losses).backward()
        if self.config.clip is not None:
            nn.utils.clip_grad_norm_(self.method.parameters(), self.config.clip)
        self.optimiser.step()
        with torch.no_grad():
            self.method.after_step()
        self.schedule.after_step()

        loss = batch_losses.mean()
        if self.device.type == "cpu":
            check_finite(loss, step + 1, self.config)
        return StepResult(loss, output.scalars)

    def validation_inputs(self, number: int, batch: Batch) -> Batch:
        """Frames and labels of validation batch ``number`` on the device, cropped the same way each time."""
        if not self.val_jitter.identity:
            seed_step(VALIDATION_SEED, number)
        return self._inputs(batch, self.val_jitter)

    def _inputs(self, batch: Batch, jitter: CropJitter) -> Batch:
        """Jittered frames and their labels on the device; landmark labels (B, L, 2) move with the frames."""
        frames, *labels = (part.to(self.device, non_blocking=True) for part in batch)
        frames = views_of(frames, self.method.views)
        points = labels[0] if labels and labels[0].ndim == 3 else None
        images, points = jitter(frames, points, shard=self.shard, batch_size=self.config.batch_size)
        return (images, *labels) if points is None else (images, points, *labels[1:])

    def _objective(self, losses: Tensor, batch_losses: Tensor) -> Tensor:
        """This process's term of the weighted mean loss.

        Args:
            losses: (b,), of this process's shard, with gradient.
            batch_losses: (B,), of the whole batch, on which the weights depend.
        """
        weights = self.schedule.weights(batch_losses)
        # DistributedDataParallel averages the processes' gradients; the objective is the sum of their terms.
        return (losses * weights[self.shard]).sum() * self.group.size


def views_of(frames: Tensor, views: int) -> Tensor:
    """Repeats each frame of (B, k, 3, S, S): (B, k * views, 3, S, S), the views of a frame one after another."""
    return frames if views == 1 else frames.repeat_interleave(views, dim=1)


def seed_step(seed: int, step: int) -> None:
    """Seeds torch's generators for one step, so that its random draws do not depend on the steps before."""
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


def check_finite(loss: Tensor, step: int, config: TrainConfig) -> None:
    """Checks the loss of a step, counted from 1.

    Raises:
        DivergedError: it is not finite.
    """
    if not torch.isfinite(loss):
        raise DivergedError(
            f"the loss became {float(loss)} at step {step}: lower train.lr (now {config.lr:g}) or train.clip, "
            "or set train.amp=off; the last checkpoint is from before"
        )

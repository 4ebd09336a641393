"""The training loop: one method, one stream of batches, a fixed budget of steps.

A run that is interrupted continues from its checkpoint and ends with the same weights, bit for bit. For this every
random draw of step n (frames, jitter, dropout) comes from generators seeded by the run's seed and n.
"""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import torch

from benchmark.config.schema import AugmentConfig, TrainConfig
from benchmark.errors import DataError, first_line
from benchmark.files import write_json
from benchmark.layout import CHECKPOINT, COST, METRICS
from benchmark.train.augment import scale_to_unit
from benchmark.train.checkpoint import Checkpoint, State
from benchmark.train.cost import training_cost
from benchmark.train.device import pick_device
from benchmark.train.distributed import ProcessGroup
from benchmark.train.flops import SAMPLES, Work, count_work
from benchmark.train.log import BothLogs, Log, MetricsLog, NullLog
from benchmark.train.optimiser import describe_optimiser, make_optimiser
from benchmark.train.schedule import Schedule
from benchmark.train.statistics import set_batch_norm_statistics
from benchmark.train.step import StepResult, TrainingStep, check_finite, views_of
from benchmark.train.stream import Batch, Batches, stream
from benchmark.train.validation import save_pictures, validate
from benchmark.train.weights import save_method
from methods.base import Method
from methods.errors import MethodError
from methods.outputs import check_embedding
from slurm.signals import Stopped

SINGLE_PROCESS = ProcessGroup()


def pretrain(
    method: Method,
    train_batches: Batches,
    val_batches: Batches | None,
    *,
    config: TrainConfig,
    augment: AugmentConfig,
    seed: int,
    folder: Path,
    steps_before: int = 0,
    progress: Callable[[dict[str, Any]], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    group: ProcessGroup = SINGLE_PROCESS,
    tracker: Callable[[], Log] = NullLog,
) -> list[Path]:
    """Trains a method for ``config.steps`` steps, or sets the batch-norm statistics of one that is not trained.

    Continues from ``folder/checkpoint.pt`` if there is one, and does not remove it. With the plateau schedule a run
    may end before ``config.steps``, when it has converged.

    Args:
        method: trained in place.
        train_batches: this process's shard of the training batches, by step.
        val_batches: this process's shard of the validation batches; None if the data has no validation split.
        config: budget, optimiser and schedule.
        augment: crop jitter of the training frames.
        seed: of all random draws.
        folder: run folder, where everything is written.
        steps_before: steps that the initial weights have been trained for; recorded in the cost.
        progress: called with the step and its metrics, each time they are logged.
        stop: asked after each step; if it is true in any process, all save a checkpoint and stop.
        group: the processes that train this run; only the first writes.
        tracker: opens a further log, in the first process.

    Returns:
        The files written: weights of the method and of its encoder, metrics and cost; nothing in other processes.

    Raises:
        DivergedError: the loss is no longer finite.
        DataError: the checkpoint does not fit, the schedule needs validation data and there is none, or the method's
            embedding or optimiser cannot be used.
        Stopped: ``stop`` was true; the checkpoint is of the last step.
    """
    device = pick_device(config.device)
    method.to(device)
    method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    cost: dict[str, Any] = {"steps_before": steps_before}
    if method.trained:
        _check_embedding(method)
        work = _count_work(method, train_batches[0], device)
        loop = _Loop(method, config, augment, seed, device, folder, group, tracker)
        loop.run(train_batches, val_batches, progress, stop)
        group.close()
        state = loop.state
        cost["optimiser"] = loop.described
        if config.curriculum:
            cost["window"] = loop.schedule.window
    else:
        state, work = State(), None
        if method.needs_statistics:
            set_batch_norm_statistics(method, train_batches, config=config, augment=augment, seed=seed, device=device)
    if group.rank > 0:
        return []
    paths = save_method(method, folder)
    if method.trained:
        paths.append(folder / METRICS)
    write_json(folder / COST, training_cost(method, state, config, device, work) | cost)
    return [*paths, folder / COST]


def _check_embedding(method: Method) -> None:
    """Refuses, before it is trained, a method whose embedding could not be used afterwards.

    Raises:
        DataError: the embedding fails or has the wrong shape.
    """
    try:
        check_embedding(method)
    except Exception as error:  # whatever a user's own method raises
        problem = str(error) if isinstance(error, MethodError) else f"{method.name}: embed raised {first_line(error)}"
        raise DataError(problem) from error


def _count_work(method: Method, batch: Batch, device: torch.device) -> Work | None:
    """Work for one sample of a batch; None for a method that cannot be copied, whose cost is then a gap."""
    frames, *labels = (part[:SAMPLES].to(device) for part in batch)
    with suppress(Exception):
        return count_work(method, [scale_to_unit(views_of(frames, method.views)), *labels])
    return None


class _Loop:
    def __init__(
        self,
        method: Method,
        config: TrainConfig,
        augment: AugmentConfig,
        seed: int,
        device: torch.device,
        folder: Path,
        group: ProcessGroup,
        tracker: Callable[[], Log],
    ):
        self.method, self.config, self.device, self.folder, self.group = method, config, device, folder, group
        self.tracker = tracker
        self.optimiser = make_optimiser(method, config)
        self.described = describe_optimiser(self.optimiser, method)
        self.schedule = Schedule(self.optimiser, config)
        self.training_step = TrainingStep(
            method,
            self.optimiser,
            self.schedule,
            config=config,
            augment=augment,
            seed=seed,
            device=device,
            group=group,
        )
        self.checkpoint = Checkpoint(folder / CHECKPOINT, method, self.optimiser, self.schedule)
        self.state = self.checkpoint.restore(device)
        self.steps_per_epoch = max(1, config.epoch_samples // config.batch_size)

    def run(
        self,
        train_batches: Batches,
        val_batches: Batches | None,
        progress: Callable[[dict[str, Any]], None],
        stop: Callable[[], bool],
    ) -> None:
        """Takes the steps that are left, then returns; the log is closed and no checkpoint is written at the end."""
        self._check_validation_data(val_batches)
        config, state = self.config, self.state
        first_step = state.step
        frames_per_step = config.batch_size * self.method.frames
        started = step_started = saved = time.monotonic()
        with closing(self._open_log()) as log:
            for batch in stream(train_batches, range(first_step, config.steps), config.workers, self.device):
                result = self.training_step(state.step, batch)
                state.step += 1
                now = time.monotonic()
                state.seconds += now - step_started
                last = state.step == config.steps or self._out_of_time()

                if last or state.step % config.log_steps == 0:
                    images_per_s = frames_per_step * (state.step - first_step) / (now - started)
                    log.write(state.step, {**self._scalars(result), "images_per_s": images_per_s})
                    loss = float(result.loss)
                    steps = self._expected_steps()
                    progress({"step": state.step, "steps": steps, "images_per_s": images_per_s, "loss": loss})

                if val_batches is not None and (last or state.step % self.steps_per_epoch == 0):
                    self._validate(val_batches, log, last)
                    if self.schedule.converged:
                        break

                stopping = not last and self.group.any(stop())
                if not last and (stopping or self._checkpoint_due(since=saved)):
                    self._save_checkpoint(result)
                    saved = time.monotonic()
                if stopping:
                    self.group.close()
                    raise Stopped(f"after step {state.step}")
                if last:
                    break
                step_started = time.monotonic()

    def _out_of_time(self) -> bool:
        """Whether a budget in seconds is spent, by the slowest process; moves the learning rate with the clock."""
        config, state = self.config, self.state
        if config.budget != "seconds" or config.amount is None:
            return False
        state.seconds = self.group.most(state.seconds)
        self.schedule.after_seconds(state.seconds)
        return state.seconds >= config.amount

    def _expected_steps(self) -> int:
        """Steps in all; of a budget in seconds, as many as there will be at the present speed."""
        config, state = self.config, self.state
        if config.budget != "seconds" or config.amount is None:
            return config.steps
        return max(state.step, round(state.step * config.amount / max(state.seconds, 1e-9)))

    def _check_validation_data(self, val_batches: Batches | None) -> None:
        if val_batches is None and self.schedule.watches_validation:
            setting = "train.curriculum=true" if self.config.curriculum else "train.schedule=plateau"
            raise DataError(f"{setting} needs a validation split, and this data has none")

    def _open_log(self) -> Log:
        if self.group.rank > 0:
            return NullLog()
        return BothLogs(MetricsLog(self.folder, self.state.step), self.tracker())

    def _scalars(self, result: StepResult) -> dict[str, float]:
        check_finite(result.loss, self.state.step, self.config)
        scalars = {"loss": float(result.loss)}
        for name, value in result.scalars.items():
            scalars[name] = float(self.group.all_gather(value.mean()[None]).mean())
        scalars["lr"] = float(self.optimiser.param_groups[0]["lr"])
        if self.config.curriculum:
            scalars["window_low"], scalars["window_high"] = self.schedule.window
        return scalars

    def _validate(self, batches: Batches, log: Log, last: bool) -> None:
        step, picture_steps = self.state.step, self.config.picture_steps
        inputs = self.training_step.validation_inputs
        result = validate(self.method, batches, self.config, inputs, self.device, self.group)
        self.state.val_loss = result.loss
        log.write(step, {"val_loss": result.loss})
        if not last:
            self.schedule.after_validation(result.loss)
        if self.group.rank == 0 and result.pictures and picture_steps:
            due = step % picture_steps < self.steps_per_epoch  # the first validation in every `picture_steps` steps
            if due or last or self.schedule.converged:
                save_pictures(self.method, result.pictures, step, self.folder)

    def _checkpoint_due(self, since: float) -> bool:
        seconds = 60 * self.config.checkpoint_minutes
        return self.state.step % self.config.checkpoint_steps == 0 or 0 < seconds < time.monotonic() - since

    def _save_checkpoint(self, result: StepResult) -> None:
        check_finite(result.loss, self.state.step, self.config)
        if self.group.rank == 0:
            self.checkpoint.save(self.state)

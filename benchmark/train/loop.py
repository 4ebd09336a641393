"""The training loop: one method, one stream of batches, a fixed budget; resumes bitwise from its checkpoint.

Every random draw of step n (which frames, which jitter, dropout) comes from generators seeded by (seed, n), so
the checkpoint needs no generator state and a resumed run is the run that never stopped.
"""

import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter

from benchmark.config.schema import AugmentConfig, TrainConfig
from benchmark.errors import DataError, FabbenchError, first_line
from benchmark.files import atomic, write_json, write_text
from benchmark.layout import CHECKPOINT, COST, ENCODER, METRICS, PICTURES, WEIGHTS
from benchmark.train.augment import CropJitter, scaled
from benchmark.train.distributed import ProcessGroup
from benchmark.train.schedule import Schedule
from benchmark.viz.samples import sample_sheet
from methods.base import Method, MethodOutput
from slurm.signals import Stopped, ignore

Batch = tuple[Tensor, ...]
ALONE = ProcessGroup()
STATISTICS_STEPS = 50  # batches that set an untrained encoder's batch-norm statistics


class DivergedError(FabbenchError):
    """The training loss stopped being a finite number."""


class Batches(Protocol):
    """Batch n of a stream, by its number."""

    def __getitem__(self, step: int) -> Batch: ...


@dataclass
class State:
    """What a checkpoint holds besides weights, optimiser and schedule."""

    step: int = 0
    seconds: float = 0.0  # spent in training steps, over all restarts
    restarts: int = 0
    val_loss: float | None = None


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
    group: ProcessGroup = ALONE,
) -> list[Path]:
    """Trains ``method`` for ``config.steps`` steps, or sets the statistics of one that is not trained.

    Continues from ``folder/checkpoint.pt`` where there is one, and leaves it. ``val_batches`` is None where the
    data has no validation split; curriculum and plateau schedule then have nothing to watch and are refused. The
    plateau schedule may end before ``config.steps``, when the run has converged.

    Of the processes of a ``group`` each is given its share of the batches; the first one writes, and its return counts.

    Returns:
        The files made: the method's weights, its encoder's, its metrics and its cost.

    Raises:
        DivergedError: the loss is no longer finite.
        DataError: the checkpoint does not fit, or what watches the validation loss has no validation data.
        Stopped: ``stop`` answered yes after a step; the checkpoint is of that step.
    """
    device = pick_device(config.device)
    loop = _Loop(method.to(device), config, augment, seed, device, folder, group)
    loop.restore()
    if method.trained:
        loop.train(train_batches, val_batches, progress, stop)
        group.close()
    else:
        loop.set_statistics(train_batches)
    return loop.finish(steps_before) if loop.first else []


def pick_device(name: str) -> torch.device:
    """The device named; `auto` is the GPU where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise DataError("train.device=cuda, but torch finds no GPU here; use train.device=auto")
    return torch.device(name)


def mixed_precision(amp: str, device: torch.device) -> bool:
    """Whether to compute in bf16: only where the device itself does (a CPU without it is many times slower)."""
    if amp == "bf16":
        return True
    return amp == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


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
    ):
        self.method = method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config, self.seed, self.device, self.folder = config, seed, device, folder
        self.group, self.first, self.share = group, group.rank == 0, group.shard(config.batch_size)
        self.jitter = CropJitter(augment)
        self.epoch = max(1, config.epoch_samples // config.batch_size)  # steps between two validations
        self.state = State()
        self.bf16 = mixed_precision(config.amp, device)
        self.checkpoint = folder / CHECKPOINT
        weights = [weight for weight in method.parameters() if weight.requires_grad]
        if method.trained:
            self.model = group.wrap(method)
            self.optimiser = _optimiser(weights, config)
            self.schedule = Schedule(self.optimiser, config)

    # -- the two ways to spend a budget ---------------------------------------------------------------------

    def train(
        self,
        batches: Batches,
        val_batches: Batches | None,
        progress: Callable[[dict[str, Any]], None],
        stop: Callable[[], bool],
    ) -> None:
        if val_batches is None and self.schedule.watches_validation:
            what = "train.curriculum=true" if self.config.curriculum else "train.schedule=plateau"
            raise DataError(f"{what} needs a validation split, and this data has none")
        config, state = self.config, self.state
        saved, begun, tick = time.monotonic(), time.monotonic(), time.monotonic()
        with _Log(self.folder, state) if self.first else _NoLog(state) as log:
            for batch in _stream(batches, range(state.step, config.steps), config.workers, self.device):
                loss, output, frames = self._step(batch)
                state.step += 1
                now = time.monotonic()
                state.seconds, tick = state.seconds + now - tick, now
                last = state.step == config.steps
                if state.step % config.log_steps == 0 or last:
                    rate = frames * (state.step - log.first) / (now - begun)
                    log.write(state.step, {**self._scalars(loss, output), "images_per_s": rate})
                    progress({"step": state.step, "steps": config.steps, "images_per_s": rate, "loss": float(loss)})
                if state.step % self.epoch == 0 or last:
                    self._validate(val_batches, log)
                if self.schedule.converged:
                    break
                due = now - saved > 60 * config.checkpoint_minutes > 0
                stopping = not last and self.group.any(stop())
                if not last and (due or stopping or state.step % config.checkpoint_steps == 0):
                    self._save(loss)
                    saved = time.monotonic()
                if stopping:
                    self.group.close()
                    raise Stopped(f"after step {state.step}")
                tick = time.monotonic()

    def set_statistics(self, batches: Batches) -> None:
        """Sets batch-norm statistics as cumulative averages over jittered training frames; no weight moves."""
        for module in self.method.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None
        self.method.train()
        steps = STATISTICS_STEPS if self.method.needs_statistics else 0
        for step, batch in enumerate(_stream(batches, range(steps), self.config.workers, self.device)):
            _seed(self.seed, step)
            with torch.no_grad():
                frames, _ = self.jitter(batch[0].to(self.device))
                self.method.embed(frames.flatten(0, 1))

    # -- one step --------------------------------------------------------------------------------------------

    def _step(self, batch: Batch) -> tuple[Tensor, MethodOutput, int]:
        _seed(self.seed, self.state.step)
        self.method.train()
        inputs = self._on_device(batch, jitter=True)
        with torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext():
            output = self.model(*inputs)
        self._check_output(output, len(inputs[0]))
        losses = output.losses.float()
        whole = self.group.all_gather(losses)
        self.optimiser.zero_grad(set_to_none=True)
        self._objective(losses, whole).backward()
        if self.config.clip is not None:
            nn.utils.clip_grad_norm_(self.method.parameters(), self.config.clip)
        self.optimiser.step()
        self.schedule.step()
        loss = whole.mean()  # of all samples, whatever part of them was learnt from
        if self.device.type == "cpu":  # elsewhere the look would stall the device; log steps and saves do it
            self._check(loss)
        return loss, output, len(whole) * inputs[0].shape[1]

    def _objective(self, losses: Tensor, whole: Tensor) -> Tensor:
        """The mean loss of the samples to learn from, as far as it is of this process's own ``losses`` (b,).

        Which samples these are is decided on the ``whole`` batch's (B,). Gradients are averaged over the processes, so
        each counts as many times as there are.
        """
        if self.group.size == 1:
            return self.schedule.chosen(losses).mean()
        whole = whole.requires_grad_()
        (weights,) = torch.autograd.grad(self.schedule.chosen(whole).mean(), whole)
        whole.requires_grad_(False)
        return (losses * weights[self.share]).sum() * self.group.size

    def _on_device(self, batch: Batch, jitter: bool) -> Batch:
        frames, *labels = (part.to(self.device, non_blocking=True) for part in batch)
        if not jitter:
            return (scaled(frames), *labels)
        points = labels[0] if labels and labels[0].ndim == 3 else None
        images, points = self.jitter(frames, points, share=self.share, samples=self.config.batch_size)
        return (images, *labels) if points is None else (images, points, *labels[1:])

    def _validate(self, batches: Batches | None, log: "_Log | _NoLog") -> None:
        if batches is None:
            return
        self.method.eval()
        losses: list[Tensor] = []
        pictures: dict[str, Tensor] = {}
        count = -(-self.config.val_samples // self.config.batch_size)
        with torch.no_grad():
            for batch in _stream(batches, range(count), self.config.workers, self.device):
                output = self.method(*self._on_device(batch, jitter=False))
                losses.append(self.group.all_gather(output.losses.float()))
                pictures = pictures or output.pictures
        step, loss, every = self.state.step, float(torch.cat(losses).mean()), self.config.picture_steps
        self.state.val_loss = loss
        log.write(step, {"val_loss": loss})
        if step < self.config.steps:  # after the last step nothing is left to move
            self.schedule.validated(loss)
        ends = step == self.config.steps or self.schedule.converged
        if self.first and pictures and every and (step % every < self.epoch or ends):
            path = self.folder / PICTURES / f"step{step:06d}.png"
            sample_sheet(pictures, path, f"{self.method.name}, step {step}: validation samples")

    def _scalars(self, loss: Tensor, output: MethodOutput) -> dict[str, float]:
        self._check(loss)
        window = dict(zip(("window_low", "window_high"), self.schedule.window, strict=True))
        own = {name: float(self.group.all_gather(value.mean()[None]).mean()) for name, value in output.scalars.items()}
        rate = float(self.optimiser.param_groups[0]["lr"])
        return {"loss": float(loss), **own, "lr": rate, **(window if self.config.curriculum else {})}

    def _check_output(self, output: Any, samples: int) -> None:
        """Refuses what a method's author most easily gets wrong."""
        if not isinstance(output, MethodOutput) or output.losses.shape != (samples,):
            losses = getattr(output, "losses", None)
            found = type(output).__name__ if losses is None else f"losses of shape {tuple(losses.shape)}"
            raise DataError(f"{self.method.name}: forward must return MethodOutput(losses ({samples},)), not {found}")

    def _check(self, loss: Tensor) -> None:
        if not torch.isfinite(loss):
            raise DivergedError(
                f"the loss became {float(loss)} at step {self.state.step + 1}: lower train.lr (now {self.config.lr:g}) "
                "or train.clip, or set train.amp=off; the last checkpoint is from before"
            )

    # -- what is kept ----------------------------------------------------------------------------------------

    def _save(self, loss: Tensor) -> None:
        self._check(loss)
        if not self.first:
            return
        with atomic(self.checkpoint) as temporary:
            torch.save(
                {
                    "method": self.method.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "schedule": self.schedule.state_dict(),
                    "state": vars(self.state),
                },
                temporary,
            )

    def restore(self) -> None:
        if not (self.method.trained and self.checkpoint.is_file()):
            return
        try:
            saved = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
            self.method.load_state_dict(saved["method"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.schedule.load_state_dict(saved["schedule"])
            self.state = State(**saved["state"])
        except Exception as error:  # torch raises many kinds for a file that is cut short or of another model
            message = f"{self.checkpoint} cannot be resumed from ({first_line(error)}); remove it to start anew"
            raise DataError(message) from error
        self.state.restarts += 1

    def finish(self, steps_before: int) -> list[Path]:
        made = save_method(self.method, self.folder)
        write_json(self.folder / COST, {**self._cost(), "steps_before": steps_before})
        if (metrics := self.folder / METRICS).is_file():
            made.append(metrics)
        return [*made, self.folder / COST]

    def _cost(self) -> dict[str, Any]:
        state, config = self.state, self.config
        samples = state.step * config.batch_size
        frames = samples * self.method.frames
        peak = (
            torch.cuda.max_memory_allocated(self.device)
            if self.device.type == "cuda"
            else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10
        )
        return {
            **parameters(self.method),
            "steps": state.step,
            "samples": samples,
            "frames_seen": frames,
            "train_seconds": round(state.seconds, 3),
            "images_per_s": round(frames / state.seconds, 2) if state.seconds else None,
            "peak_memory_mb": round(peak / 2**20, 1),
            "device": torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "bf16": self.bf16,
            "restarts": state.restarts,
            "val_loss": state.val_loss,
            **({"window": self.schedule.window} if config.curriculum and self.method.trained else {}),
        }


class _Log:
    """Metrics and TensorBoard events, cut back to the checkpoint when a run resumes."""

    def __init__(self, folder: Path, state: State):
        self.first = state.step
        path = folder / METRICS
        kept = [line for line in _lines(path) if json.loads(line)["step"] <= state.step]
        write_text(path, "".join(f"{line}\n" for line in kept))
        self.file = path.open("a")
        self.events = SummaryWriter(str(folder / "events"), purge_step=state.step + 1 if state.step else None)

    def write(self, step: int, values: dict[str, float]) -> None:
        self.file.write(json.dumps({"step": step, **values}) + "\n")
        self.file.flush()
        for name, value in values.items():
            self.events.add_scalar(name, value, step)

    def __enter__(self) -> "_Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.events.close()


def save_method(method: Method, folder: Path) -> list[Path]:
    """The weights of a method and, by itself, of its encoder, as safetensors, atomically; returns their files."""
    made = []
    for name, module in zip((WEIGHTS, ENCODER), _parts(method), strict=False):
        with atomic(folder / name) as temporary:
            save_file({key: value.contiguous().cpu() for key, value in module.state_dict().items()}, temporary)
        made.append(folder / name)
    return made


def parameters(method: Method) -> dict[str, int]:
    """How many parameters a method has, and its encoder."""
    counts = [sum(weight.numel() for weight in module.parameters()) for module in _parts(method)]
    return dict(zip(("parameters", "encoder_parameters"), [*counts, 0], strict=False))


def _parts(method: Method) -> list[nn.Module]:
    """The method, and its encoder, where a method that embeds in another way has one."""
    encoder = getattr(method, "encoder", None)
    return [method, encoder] if isinstance(encoder, nn.Module) else [method]


class _NoLog:
    """In the place of a log, for processes besides the first."""

    def __init__(self, state: State):
        self.first = state.step

    def write(self, step: int, values: dict[str, float]) -> None:
        pass

    def __enter__(self) -> "_NoLog":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _lines(path: Path) -> list[str]:
    """The complete lines of a file that may end in half a line."""
    return path.read_text().split("\n")[:-1] if path.is_file() else []


def _seed(seed: int, step: int) -> None:
    state = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


def _stream(batches: Batches, steps: range, workers: int, device: torch.device) -> Iterator[Batch]:
    """Batches in order, read ahead by worker processes."""
    return iter(
        DataLoader(
            _Dataset(batches),
            batch_size=None,
            sampler=steps,
            num_workers=workers,
            pin_memory=device.type == "cuda",
            prefetch_factor=4 if workers else None,
            worker_init_fn=_outlive_signals,
        )
    )


def _outlive_signals(_: int) -> None:
    """Readers work on until the loop has saved itself: a signal to stop comes to all processes of a job at once."""
    ignore()


class _Dataset(Dataset[Batch]):
    def __init__(self, batches: Batches):
        self.batches = batches

    def __getitem__(self, step: int) -> Batch:
        return self.batches[step]


def _optimiser(weights: list[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    if config.optimiser == "sgd":
        return torch.optim.SGD(weights, config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    return torch.optim.Adam(weights, config.lr, weight_decay=config.weight_decay)

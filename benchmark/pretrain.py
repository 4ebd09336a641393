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
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset
from torch.utils.tensorboard import SummaryWriter

from benchmark.augment import CropJitter, scaled
from benchmark.errors import DataError, FabbenchError, first_line
from benchmark.files import atomic, write_json, write_text
from benchmark.schema import AugmentConfig, TrainConfig
from methods.base import Method, MethodOutput

Batch = tuple[Tensor, ...]
CHECKPOINT = "checkpoint.pt"  # in the run's folder, until the run is done
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
    progress: Callable[[dict[str, Any]], None] = lambda _: None,
) -> list[Path]:
    """Trains ``method`` for ``config.steps`` steps, or sets the statistics of one that is not trained.

    Continues from ``folder/checkpoint.pt`` where there is one, and leaves it. ``val_batches`` is None where the
    data has no validation split; the plateau schedule then has nothing to watch and is refused.

    Returns:
        The files made: the method's weights, its encoder's, its metrics and its cost.

    Raises:
        DivergedError: the loss is no longer finite.
        DataError: the checkpoint does not fit, or the plateau schedule has no validation data.
    """
    device = pick_device(config.device)
    loop = _Loop(method.to(device), config, augment, seed, device, folder)
    loop.restore()
    if method.trained:
        loop.train(train_batches, val_batches, progress)
    else:
        loop.set_statistics(train_batches)
    return loop.finish()


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
        self, method: Method, config: TrainConfig, augment: AugmentConfig, seed: int, device: torch.device, folder: Path
    ):
        self.method = method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config, self.seed, self.device, self.folder = config, seed, device, folder
        self.jitter = CropJitter(augment)
        self.state = State()
        self.bf16 = mixed_precision(config.amp, device)
        self.checkpoint = folder / CHECKPOINT
        weights = [weight for weight in method.parameters() if weight.requires_grad]
        if method.trained:
            self.optimiser = _optimiser(weights, config)
            self.schedule = _schedule(self.optimiser, config)

    # -- the two ways to spend a budget ---------------------------------------------------------------------

    def train(self, batches: Batches, val_batches: Batches | None, progress: Callable[[dict[str, Any]], None]) -> None:
        if val_batches is None and self.config.schedule == "plateau":
            raise DataError("train.schedule=plateau needs a validation split, and this data has none")
        config, state = self.config, self.state
        epoch = max(1, config.epoch_samples // config.batch_size)
        saved, begun, tick = time.monotonic(), time.monotonic(), time.monotonic()
        with _Log(self.folder, state) as log:
            for batch in _stream(batches, range(state.step, config.steps), config.workers, self.device):
                loss, output, frames = self._step(batch)
                state.step += 1
                now = time.monotonic()
                state.seconds, tick = state.seconds + now - tick, now
                last = state.step == config.steps
                if state.step % config.log_steps == 0 or last:
                    rate = frames * (state.step - log.first) / (now - begun)
                    log.write(state.step, {**self._scalars(loss, output), "lr": self._lr(), "images_per_s": rate})
                    progress({"step": state.step, "steps": config.steps, "images_per_s": rate, "loss": float(loss)})
                if state.step % epoch == 0 or last:
                    self._validate(val_batches, log)
                due = now - saved > 60 * config.checkpoint_minutes > 0
                if not last and (due or state.step % config.checkpoint_steps == 0):
                    self._save(loss)
                    saved = time.monotonic()
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
            output = self.method(*inputs)
        self._check_output(output, len(inputs[0]))
        loss = output.losses.float().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.config.clip is not None:
            nn.utils.clip_grad_norm_(self.method.parameters(), self.config.clip)
        self.optimiser.step()
        if isinstance(self.schedule, OneCycleLR):
            self.schedule.step()
        loss = loss.detach()
        if self.device.type == "cpu":  # elsewhere the look would stall the device; log steps and saves do it
            self._check(loss)
        return loss, output, inputs[0].shape[0] * inputs[0].shape[1]

    def _on_device(self, batch: Batch, jitter: bool) -> Batch:
        frames, *labels = (part.to(self.device, non_blocking=True) for part in batch)
        if not jitter:
            return (scaled(frames), *labels)
        points = labels[0] if labels and labels[0].ndim == 3 else None
        images, points = self.jitter(frames, points)
        return (images, *labels) if points is None else (images, points, *labels[1:])

    def _validate(self, batches: Batches | None, log: "_Log") -> None:
        if batches is None:
            return
        self.method.eval()
        losses = []
        count = -(-self.config.val_samples // self.config.batch_size)
        with torch.no_grad():
            for batch in _stream(batches, range(count), self.config.workers, self.device):
                losses.append(self.method(*self._on_device(batch, jitter=False)).losses.float())
        loss = float(torch.cat(losses).mean())
        self.state.val_loss = loss
        log.write(self.state.step, {"val_loss": loss})
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(loss)

    def _scalars(self, loss: Tensor, output: MethodOutput) -> dict[str, float]:
        self._check(loss)
        return {"loss": float(loss), **{name: float(value.mean()) for name, value in output.scalars.items()}}

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

    def _lr(self) -> float:
        return float(self.optimiser.param_groups[0]["lr"])

    # -- what is kept ----------------------------------------------------------------------------------------

    def _save(self, loss: Tensor) -> None:
        self._check(loss)
        with atomic(self.checkpoint) as temporary:
            torch.save(
                {
                    "method": self.method.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "schedule": self.schedule.state_dict() if self.schedule else None,
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
            if self.schedule:
                self.schedule.load_state_dict(saved["schedule"])
            self.state = State(**saved["state"])
        except Exception as error:  # torch raises many kinds for a file that is cut short or of another model
            message = f"{self.checkpoint} cannot be resumed from ({first_line(error)}); remove it to start anew"
            raise DataError(message) from error
        self.state.restarts += 1

    def finish(self) -> list[Path]:
        files = {name: self.folder / f"{name}.safetensors" for name in ("method", "encoder")}
        save_weights(self.method, files["method"])
        made = [files["method"]]
        if isinstance(getattr(self.method, "encoder", None), nn.Module):
            save_weights(self.method.encoder, files["encoder"])
            made.append(files["encoder"])
        cost = self.folder / "cost.json"
        write_json(cost, self._cost())
        if (metrics := self.folder / "metrics.jsonl").is_file():
            made.append(metrics)
        return [*made, cost]

    def _cost(self) -> dict[str, Any]:
        state, config = self.state, self.config
        samples = state.step * config.batch_size
        frames = samples * self.method.frames
        encoder = getattr(self.method, "encoder", None)
        peak = (
            torch.cuda.max_memory_allocated(self.device)
            if self.device.type == "cuda"
            else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10
        )
        return {
            "parameters": sum(weight.numel() for weight in self.method.parameters()),
            "encoder_parameters": sum(weight.numel() for weight in encoder.parameters()) if encoder else 0,
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
        }


class _Log:
    """metrics.jsonl and TensorBoard events, cut back to the checkpoint when a run resumes."""

    def __init__(self, folder: Path, state: State):
        self.first = state.step
        path = folder / "metrics.jsonl"
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


def save_weights(module: nn.Module, path: Path) -> None:
    """Weights as safetensors, atomically."""
    with atomic(path) as temporary:
        save_file({name: value.contiguous().cpu() for name, value in module.state_dict().items()}, temporary)


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
        )
    )


class _Dataset(Dataset[Batch]):
    def __init__(self, batches: Batches):
        self.batches = batches

    def __getitem__(self, step: int) -> Batch:
        return self.batches[step]


def _optimiser(weights: list[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    if config.optimiser == "sgd":
        return torch.optim.SGD(weights, config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    return torch.optim.Adam(weights, config.lr, weight_decay=config.weight_decay)


def _schedule(optimiser: torch.optim.Optimizer, config: TrainConfig) -> OneCycleLR | ReduceLROnPlateau | None:
    if config.schedule == "one_cycle":
        warm_up = 0.1 if config.steps >= 20 else 0.3  # a tenth of 10 steps is one, by which torch would divide by 0
        return OneCycleLR(optimiser, config.lr, total_steps=config.steps, pct_start=warm_up, cycle_momentum=False)
    if config.schedule == "plateau":
        return ReduceLROnPlateau(optimiser, factor=0.1, patience=config.plateau_patience)
    return None

"""Cost of a training run: steps, samples, time and memory."""

import resource
from typing import Any

import torch

from benchmark.config.schema import TrainConfig
from benchmark.train.checkpoint import State
from benchmark.train.device import uses_bfloat16
from benchmark.train.flops import Work
from benchmark.train.weights import parameter_counts
from methods.base import Method


def training_cost(
    method: Method, state: State, config: TrainConfig, device: torch.device, work: Work | None
) -> dict[str, Any]:
    """The content of cost.json.

    ``frames_seen`` counts every frame of every sample, ``encoder_passes`` every time a frame goes through the encoder,
    and ``flops`` the operations of ``work``, which is that for one sample and None where it was not counted.
    ``images_per_s`` is frames over the seconds spent in training steps. ``peak_memory_mb`` is in MiB: the GPU's memory,
    or the resident memory of the process on the CPU.
    """
    samples = state.step * config.batch_size
    frames = samples * method.frames
    return {
        **parameter_counts(method),
        "steps": state.step,
        "samples": samples,
        "frames_seen": frames,
        "encoder_passes": round(work.encoder_passes * samples) if work else None,
        "flops": round(work.flops * samples) if work else None,
        "train_seconds": round(state.seconds, 3),
        "images_per_s": round(frames / state.seconds, 2) if state.seconds else None,
        "peak_memory_mb": round(_peak_memory(device) / 2**20, 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "bf16": uses_bfloat16(config.amp, device),
        "restarts": state.restarts,
        "val_loss": state.val_loss,
    }


def _peak_memory(device: torch.device) -> int:
    """Bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10

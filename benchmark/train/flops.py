"""Work of a method for one sample, counted while it is done: floating-point operations, and images encoded.

Operations are those of convolutions and matrix products, a multiplication and an addition as two, in the forward and
the backward pass, as torch counts them. What is done element by element is left out.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from methods.base import Method

SAMPLES = 2  # counted on; batch norm needs more than one


@dataclass(frozen=True)
class Work:
    """Work for one sample.

    Attributes:
        flops: operations of the forward and backward pass.
        encoder_passes: images that the first layer of the encoder sees. A half-width encoder counts as any other.
    """

    flops: float
    encoder_passes: float


def count_work(method: Method, inputs: Sequence[Tensor]) -> Work:
    """Counts the work of a training step by taking one on a copy of the method.

    Args:
        method: unchanged, as are torch's random generators.
        inputs: what its ``forward`` takes, at least `SAMPLES` of each; frames in [0, 1] first.

    Raises:
        Exception: whatever the method raises.
    """
    samples = [part[:SAMPLES] for part in inputs]
    n_samples = len(samples[0])
    with torch.random.fork_rng(devices=_devices(samples[0])):
        model = copy.deepcopy(method).train()
        images = _count_images(model.encoder) if isinstance(getattr(model, "encoder", None), nn.Module) else [0]
        with FlopCounterMode(display=False) as counter:
            model(*samples).losses.mean().backward()
    return Work(counter.get_total_flops() / n_samples, sum(images) / n_samples)


def _count_images(encoder: nn.Module) -> list[int]:
    """Makes the first layer of an encoder add the size of each batch it sees to the list returned."""
    layers = [module for module in encoder.modules() if any(True for _ in module.parameters(recurse=False))]
    seen: list[int] = []
    if layers:
        layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    return seen


def _devices(tensor: Tensor) -> list[torch.device]:
    return [tensor.device] if tensor.is_cuda else []

"""Work of a method for one sample, against arithmetic."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from benchmark.train.flops import count_work
from methods.encoder import EncoderSpec
from methods.encoders.fabnet import widths_of
from methods.registry import get

SPEC = EncoderSpec(size=32, width=4, dim=16)


def encoder_operations(spec: EncoderSpec, channels: int = 3) -> int:
    """Operations of one image's forward pass through the encoder: two for each weight at each place."""
    widths = [channels, *widths_of(spec.size, spec.width), spec.dim]
    sides = [spec.size >> (layer + 1) for layer in range(len(widths) - 1)]
    return sum(2 * 16 * a * b * side**2 for (a, b), side in zip(pairwise(widths), sides, strict=True))


@pytest.mark.parametrize(
    ("name", "options", "frames", "passes"),
    [
        ("fabnet", {}, 2, 2),
        ("fabnet", {"sources": 3, "freeze_flow": False}, 4, 4),
        ("rotation", {}, 1, 4),
        ("autoencoder", {}, 1, 1),
        ("split_brain", {}, 1, 1),
        ("split_brain", {"width": "full"}, 1, 1),
    ],
)
def test_encoder_passes_of_a_sample(name: str, options: dict[str, Any], frames: int, passes: int) -> None:
    method = get(name)(SPEC, options)
    work = count_work(method, [torch.rand(3, frames, 3, 32, 32)])
    assert work.encoder_passes == passes


def test_operations_of_an_encoder_are_those_of_its_convolutions() -> None:
    """Backward costs the gradient of the weights, and that of the input in every layer but the first."""

    class Norm(get("autoencoder")):  # type: ignore[misc]
        def forward(self, frames: torch.Tensor) -> Any:
            from methods.base import MethodOutput

            return MethodOutput(self.embed(frames[:, 0]).square().mean(1))

    forward = encoder_operations(SPEC)
    first = 2 * 16 * 3 * SPEC.width * (SPEC.size // 2) ** 2
    work = count_work(Norm(SPEC), [torch.rand(2, 1, 3, 32, 32)])
    assert work.flops == 3 * forward - first


def test_a_half_width_encoder_takes_about_a_quarter_of_the_operations() -> None:
    frames = [torch.rand(2, 1, 3, 32, 32)]
    half, full = (count_work(get("split_brain")(SPEC, {"width": width}), frames).flops for width in ("half", "full"))
    assert 0.2 < half / full < 0.4


def test_counting_changes_neither_the_method_nor_the_random_state() -> None:
    torch.manual_seed(3)
    method = get("fabnet")(SPEC)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    state = torch.get_rng_state()
    count_work(method, [torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))])
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(parameter.grad is None for parameter in method.parameters())
    assert not any(module._forward_pre_hooks for module in method.modules() if isinstance(module, nn.Conv2d))

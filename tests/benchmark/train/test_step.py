"""One training step: checks of the output, clipping, mixed precision."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from benchmark.train.step import DivergedError, seed_step
from methods.base import MethodOutput
from methods.registry import get
from tests.benchmark.train.runs import SPEC, STATISTICS, train


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda frames: frames.mean(), "not Tensor"),
        (lambda frames: MethodOutput(frames.mean()), r"not losses of shape \(\)"),
        (lambda frames: MethodOutput(3.0), "not losses of type float"),  # type: ignore[arg-type]
        (lambda frames: MethodOutput(frames.mean((1, 2, 3, 4))), r"not losses without gradient \(torch.float32\)"),
        (lambda frames: MethodOutput(frames.mean((3, 4))), r"not losses of shape \(4, 1, 3\)"),
    ],
)
def test_wrong_output_of_forward_is_refused(
    tmp_path: Path, store: TrackStore, monkeypatch: pytest.MonkeyPatch, forward: Any, message: str
) -> None:
    monkeypatch.setattr(get("autoencoder"), "forward", lambda _, frames: forward(frames))
    with pytest.raises(DataError, match=rf"autoencoder: forward must return MethodOutput\(losses \(4,\)\), {message}"):
        train(tmp_path, store, "autoencoder")


def test_loss_that_is_not_finite_stops_the_run(tmp_path: Path, store: TrackStore) -> None:
    with pytest.raises(DivergedError, match=r"at step \d+: lower train\.lr"):
        train(tmp_path, store, "autoencoder", lr=1e30, optimiser="sgd", clip=None, schedule="constant")
    assert not (tmp_path / "method.safetensors").exists()


def test_gradient_clipping_bounds_the_step(tmp_path: Path, store: TrackStore) -> None:
    torch.manual_seed(0)
    before = get("autoencoder")(SPEC).state_dict()
    settings: dict[str, Any] = {"optimiser": "sgd", "momentum": 0.0, "lr": 1.0, "schedule": "constant", "steps": 1}
    after = train(tmp_path, store, "autoencoder", clip=1e-3, **settings).state_dict()
    differences = [after[name] - before[name] for name in before if not name.endswith(STATISTICS)]
    length = sum(float(difference.square().sum()) for difference in differences) ** 0.5
    assert length == pytest.approx(1e-3, rel=1e-3)


def test_bfloat16_trains_float32_weights(tmp_path: Path, store: TrackStore) -> None:
    method = train(tmp_path, store, "fabnet", amp="bf16")
    assert all(torch.isfinite(parameter).all() for parameter in method.parameters())
    assert all(parameter.dtype == torch.float32 for parameter in method.parameters())


def test_random_draws_depend_on_seed_and_step() -> None:
    def draw(seed: int, step: int) -> Tensor:
        seed_step(seed, step)
        return torch.rand(3)

    assert torch.equal(draw(1, 2), draw(1, 2))
    assert not torch.equal(draw(1, 2), draw(1, 3))
    assert not torch.equal(draw(1, 2), draw(2, 2))

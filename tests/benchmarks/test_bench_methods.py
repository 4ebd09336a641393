"""Time of a training step and of an embedding, for every method that is built here, at the default size."""

from collections.abc import Callable, Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from methods import registry
from methods.contract import Subject, run
from methods.encoder import EncoderSpec

SPEC = EncoderSpec(size=64, width=16, dim=256)
BATCH = 32
TRAINED = [name for name in registry.names() if registry.get(name).trained]
BUILT_HERE = [name for name in registry.names() if registry.get(name).kind != "pretrained"]  # others need a file


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def frames(count: int) -> torch.Tensor:
    """Random frames (BATCH, count, 3, 64, 64) in the memory layout of the training loop, channels last."""
    images = torch.rand(BATCH * count, 3, SPEC.size, SPEC.size).to(memory_format=torch.channels_last)
    return images.view(BATCH, count, *images.shape[1:])


@pytest.mark.benchmark(group="training step, 32 samples, 64 px, width 16, 1 thread")
@pytest.mark.parametrize("name", TRAINED)
def test_training_step(benchmark: BenchmarkFixture, name: str) -> None:
    method = Subject(registry.get(name), spec=SPEC).build().to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(method.parameters(), lr=1e-3, momentum=0.9)
    batch = frames(method.frames)

    def step() -> None:
        loss = run(method, batch).losses.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    benchmark.extra_info["parameters"] = sum(parameter.numel() for parameter in method.parameters())
    repeat(benchmark, step)


@pytest.mark.benchmark(group="embedding, 32 images, 64 px, width 16, 1 thread")
@pytest.mark.parametrize("name", BUILT_HERE)
def test_embedding(benchmark: BenchmarkFixture, name: str) -> None:
    method = Subject(registry.get(name), spec=SPEC).build().to(memory_format=torch.channels_last).eval()
    images = frames(1)[:, 0]

    def embed() -> None:
        with torch.inference_mode():
            method.embed(images)

    repeat(benchmark, embed)


def repeat(benchmark: BenchmarkFixture, function: Callable[[], None]) -> None:
    benchmark.pedantic(function, rounds=15, warmup_rounds=3)

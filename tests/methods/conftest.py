"""Small structured tracks, on which every method can learn something in a few steps."""

from collections.abc import Iterator

import pytest
import torch

from methods.contract import SIZE, tracks

__all__ = ["SIZE", "tracks"]


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)

"""Small structured tracks, on which every method can learn something in a few steps."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

SIZE = 32


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def tracks(count: int, frames: int, size: int = SIZE) -> Tensor:
    """Frames (count, frames, 3, size, size) of a coloured disc over a background that darkens downwards.

    The colours are those of the track; the disc moves from frame to frame.
    """
    generator = torch.Generator().manual_seed(1)
    axis = torch.linspace(0, 1, size)
    centre = 0.3 + 0.4 * torch.rand(count, frames, 2, 1, 1, generator=generator)
    colour = torch.rand(count, 1, 3, 1, 1, generator=generator)
    distance = (axis - centre[:, :, 0]).square() + (axis[:, None] - centre[:, :, 1]).square()
    disc = torch.sigmoid((0.04 - distance) * 100)[:, :, None]
    background = (0.6 * (1 - axis[:, None]) + 0.1 * colour).expand(count, frames, 3, size, size)
    return disc * colour + (1 - disc) * background

"""Rendering speed of the built-in faces on one core, including the construction of a person."""

import itertools
from typing import Any

import pytest
import torch

from benchmark.data.synthetic.produce import track_frames


@pytest.mark.parametrize("side", [64, 128, 256])
def test_rendering(benchmark: Any, side: int) -> None:
    """Each round renders a track of 8 frames of a new person, so frames/s is 8 divided by the mean time."""
    torch.set_num_threads(1)
    people = itertools.count()
    benchmark.extra_info["frames per round"] = 8
    benchmark.pedantic(
        lambda: track_frames(0, next(people), 0, 8, side), rounds=10 if side < 256 else 3, warmup_rounds=1
    )

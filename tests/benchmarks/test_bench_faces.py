"""Rendering speed of the built-in faces on one core, including the construction of a person."""

import itertools
from typing import Any

import pytest
import torch

from benchmark.data.synthetic.produce import render_track


@pytest.mark.parametrize(("side", "version"), [(64, 1), (64, 2), (128, 2), (256, 2)])
def test_rendering(benchmark: Any, side: int, version: int) -> None:
    """Each round renders a track of 8 frames of a new person, so frames/s is 8 divided by the mean time."""
    torch.set_num_threads(1)
    people = itertools.count()
    benchmark.extra_info["frames per round"] = 8
    benchmark.pedantic(
        lambda: render_track(0, next(people), 0, 8, side, version), rounds=10 if side < 256 else 3, warmup_rounds=1
    )

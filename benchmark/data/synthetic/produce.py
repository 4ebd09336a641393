"""Renders whole tracks and whole chunks of labelled faces, each from integers alone, and each on one thread.

Some of torch's functions (pow, atan2) round the last few values of a thread's share differently, so the same bytes
everywhere need the same number of threads everywhere. RunSpec is shared out among processes instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.synthetic.expression import present
from benchmark.data.synthetic.identity import sample_identity
from benchmark.data.synthetic.performance import single_faces, track
from benchmark.data.synthetic.render import Person, embody, render
from benchmark.data.synthetic.scene import draw_scene
from benchmark.data.synthetic.seeds import generator


@lru_cache(maxsize=4)  # the tracks of a person are usually read one after the other
def person(purpose: str, seed: int, identity: int) -> Person:
    """One person of one set."""
    return embody(sample_identity(generator(purpose, seed, identity)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Computes on one thread of torch, as every other process that renders."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
@one_thread()
def track_frames(seed: int, identity: int, number: int, count: int, side: int) -> NDArray[np.uint8]:
    """Frames (count, side, side, 3) of one track: one person, light and background, and smooth motion."""
    random = generator("tracks", seed, identity, number)
    performance, scene = track(random, count), draw_scene(random, 1)
    return render(person("tracks", seed, identity), performance, scene, random, side).frames.numpy()


@torch.no_grad()
@one_thread()
def faces_of(seed: int, identity: int, count: int, side: int) -> dict[str, NDArray[Any]]:
    """``count`` unrelated pictures of one person with their labels, keyed by target."""
    random = generator("faces", seed, identity)
    performance, scene = single_faces(random, count), draw_scene(random, count)
    pictures = render(person("faces", seed, identity), performance, scene, random, side)
    marks = pictures.landmarks
    eyes = [marks[:, 36:42].mean(1), marks[:, 42:48].mean(1)]
    return {
        "frames": pictures.frames.numpy(),
        "landmarks68": marks.numpy(),
        "landmarks5": torch.stack([*eyes, marks[:, 30], marks[:, 48], marks[:, 54]], 1).numpy(),
        "pose": performance.pose.numpy(),
        "expression": performance.expression.numpy(),
        "aus": present(performance.intensity).numpy(),
    }


def chunk_of_faces(seed: int, identities: range, count: int, side: int) -> dict[str, NDArray[Any]]:
    """`faces_of` several people, one after the other."""
    parts = [faces_of(seed, identity, count, side) for identity in identities]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

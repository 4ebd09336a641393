"""Rendering of whole tracks and of chunks of labelled faces from integer seeds, on one thread.

Some functions of torch (pow, atan2) round differently at the end of a thread's share of a tensor, so identical bytes
need an identical number of threads. Parallelism is over processes instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.synthetic.expression import au_labels
from benchmark.data.synthetic.identity import sample_identity
from benchmark.data.synthetic.performance import single_faces, track
from benchmark.data.synthetic.render import Person, build_person, render
from benchmark.data.synthetic.scene import draw_scene
from benchmark.data.synthetic.seeds import generator


@lru_cache(maxsize=4)  # tracks of one person are usually read in sequence
def make_person(purpose: str, seed: int, identity: int) -> Person:
    """Person number ``identity`` of a set, cached."""
    return build_person(sample_identity(generator(purpose, seed, identity)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
@one_thread()
def track_frames(seed: int, identity: int, number: int, count: int, side: int) -> NDArray[np.uint8]:
    """Render one track: one person, light and background, with smooth motion.

    Args:
        seed: seed of the set.
        identity: number of the person.
        number: number of the track.
        count: number of frames.
        side: side of the frames, pixels.

    Returns:
        RGB, uint8 (count, side, side, 3).
    """
    random = generator("tracks", seed, identity, number)
    performance, scene = track(random, count), draw_scene(random, 1)
    return render(make_person("tracks", seed, identity), performance, scene, random, side).frames.numpy()


@torch.no_grad()
@one_thread()
def face_frames(seed: int, identity: int, count: int, side: int) -> dict[str, NDArray[Any]]:
    """Render independent images of one person, with their labels.

    Args:
        seed: seed of the set.
        identity: number of the person.
        count: number of images.
        side: side of the images, pixels.

    Returns:
        ``frames``, uint8 (count, side, side, 3), and the values of each target, by its name.
    """
    random = generator("faces", seed, identity)
    performance, scene = single_faces(random, count), draw_scene(random, count)
    rendering = render(make_person("faces", seed, identity), performance, scene, random, side)
    landmarks = rendering.landmarks
    eyes = [landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)]
    return {
        "frames": rendering.frames.numpy(),
        "landmarks68": landmarks.numpy(),
        "landmarks5": torch.stack([*eyes, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], 1).numpy(),
        "pose": performance.pose.numpy(),
        "expression": performance.expression.numpy(),
        "aus": au_labels(performance.intensity).numpy(),
    }


def chunk_of_faces(seed: int, identities: range, count: int, side: int) -> dict[str, NDArray[Any]]:
    """`face_frames` of several people, concatenated."""
    parts = [face_frames(seed, identity, count, side) for identity in identities]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

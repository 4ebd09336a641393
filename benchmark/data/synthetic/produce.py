"""Rendering of whole tracks and of chunks of labelled faces from integer seeds, on one thread.

Some functions of torch (pow, atan2) round differently at the end of a thread's share of a tensor, so identical bytes
need an identical number of threads. Parallelism is over processes instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.synthetic.crop import jittered, steady
from benchmark.data.synthetic.expression import au_labels
from benchmark.data.synthetic.identity import sample_identity
from benchmark.data.synthetic.motion import MOTION
from benchmark.data.synthetic.performance import Performance, single_faces, track
from benchmark.data.synthetic.render import Person, Rendering, build_person, render
from benchmark.data.synthetic.scene import draw_scene
from benchmark.data.synthetic.seeds import generator
from benchmark.data.synthetic.track_realism import TrackSample


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
def render_track(
    seed: int, identity: int, number: int, count: int, side: int, version: int
) -> tuple[Rendering, Performance]:
    """Render one track: one person, light and background, with smooth motion.

    Args:
        seed: seed of the set.
        identity: number of the person.
        number: number of the track.
        count: number of frames.
        side: side of the frames, pixels.
        version: of the tracks, a key of `motion.MOTION`. All versions have the same people.
    """
    random, motion = generator("tracks", seed, identity, number), MOTION[version]
    performance, scene = track(random, count, motion), draw_scene(random, 1)
    crop = partial(steady, motion=motion) if motion.steady_crop else jittered
    return render(make_person("tracks", seed, identity), performance, scene, random, side, crop), performance


def track_sample(seed: int, identity: int, number: int, count: int, side: int, version: int) -> TrackSample:
    """One track with what its realism is read from; arguments as in `render_track`."""
    rendering, performance = render_track(seed, identity, number, count, side, version)
    return TrackSample(five_points(rendering.landmarks).numpy(), performance.pose.numpy(), rendering.frames.numpy())


def five_points(landmarks: Tensor) -> Tensor:
    """Centres of the eyes, tip of the nose and corners of the mouth (B, 5, 2), from the 68 landmarks (B, 68, 2)."""
    eyes = [landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)]
    return torch.stack([*eyes, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], 1)


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
    return {
        "frames": rendering.frames.numpy(),
        "landmarks68": landmarks.numpy(),
        "landmarks5": five_points(landmarks).numpy(),
        "pose": performance.pose.numpy(),
        "expression": performance.expression.numpy(),
        "aus": au_labels(performance.intensity).numpy(),
    }


def chunk_of_faces(seed: int, identities: range, count: int, side: int) -> dict[str, NDArray[Any]]:
    """`face_frames` of several people, concatenated."""
    parts = [face_frames(seed, identity, count, side) for identity in identities]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

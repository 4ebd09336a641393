"""Rendered labelled faces: landmarks, pose, expression and action units, exact by construction."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.synthetic.version import VERSION, head_digest
from benchmark.data.workers import run_parallel
from benchmark.errors import UsageError

IDENTITIES_PER_CHUNK = 8
POSE_NAMES = ("roll", "pitch", "yaw")


def labelled_faces(
    size: int = 64,
    train: int = 4000,
    val: int = 504,
    test: int = 1000,
    frames_per_identity: int = 8,
    seed: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledSet:
    """Render a labelled set. The same arguments give the same bytes, with any number of workers.

    (On another processor or release of torch, a few values may differ by one of 255 levels.)

    Every image has its own pose, expression, gaze, light and background. Splits are identity-disjoint, and no identity
    appears in pre-training tracks. The images of an identity do not depend on the number of faces asked for.

    Targets:

    * ``landmarks68``: 300-W order. Jaw points are fixed to the skin, at the outline of the frontal face, and do not
      follow the visible outline of a turned head.
    * ``landmarks5``: centres of the eyes, tip of the nose, corners of the mouth; left of the image first (CelebA).
    * ``pose``: roll, pitch and yaw in degrees.
    * ``expression``: 8 classes, in AffectNet's order.
    * ``aus``: 11 action units, as in EmotioNet.

    Args:
        size: side of the square images, pixels.
        train: number of training faces; like ``val`` and ``test`` a multiple of ``frames_per_identity``.
        val: number of validation faces.
        test: number of test faces.
        frames_per_identity: images of each person.
        seed: seed of the whole set.
        workers: processes.
        progress: called with (faces done, faces in total) after each chunk.

    Raises:
        UsageError: a number is not positive, or not a multiple of ``frames_per_identity``.
    """
    sizes = {"train": train, "val": val, "test": test}
    if min(size, frames_per_identity, *sizes.values()) < 1:
        raise UsageError(f"built-in faces need positive numbers, not size={size} and {sizes}")
    if odd := [name for name, n in sizes.items() if n % frames_per_identity]:
        raise UsageError(f"{odd[0]}={sizes[odd[0]]} is no multiple of frames_per_identity={frames_per_identity}")
    columns = _render(size, sum(sizes.values()), frames_per_identity, seed, workers, progress)
    n = len(columns["frames"])
    person = np.arange(n) // frames_per_identity
    return LabelledSet(
        name="synthetic",
        frames=columns["frames"],
        image_ids=np.array([f"face{p:05d}/{i % frames_per_identity}" for i, p in enumerate(person)]),
        split=np.repeat(list(sizes), list(sizes.values())),
        corner=np.zeros((n, 2), np.float32),
        side=np.full(n, size, np.float32),
        targets=_targets(columns),
        identity=np.array([f"face{p:05d}" for p in person]),
        protocol={
            "source": "built-in faces, rendered",
            "version": VERSION,
            "head": head_digest(),
            "seed": seed,
            "faces": sizes,
            "frames_per_identity": frames_per_identity,
            "split": "identity-disjoint, and disjoint from the pre-training tracks",
            "crop": "square, 1.25 x the larger side of the box round the 68 landmarks, jittered by 0.05 sides",
        },
    )


def _render(
    size: int, n: int, count: int, seed: int, workers: int, progress: Callable[[int, int], None] | None
) -> dict[str, NDArray[Any]]:
    """Render ``n`` faces, ``count`` per person, in chunks that do not depend on the number of workers."""
    people = n // count
    chunks = [range(i, min(i + IDENTITIES_PER_CHUNK, people)) for i in range(0, people, IDENTITIES_PER_CHUNK)]
    parts: dict[int, dict[str, NDArray[Any]]] = {}
    done = 0
    for i, part in run_parallel(_chunk, [(seed, chunk, count, size) for chunk in chunks], workers):
        parts[i] = part
        done += len(part["frames"])
        if progress is not None:
            progress(done, n)
    return {key: np.concatenate([parts[i][key] for i in range(len(chunks))]) for key in parts[0]}


def _chunk(seed: int, identities: range, count: int, size: int) -> dict[str, NDArray[Any]]:
    from benchmark.data.synthetic.produce import chunk_of_faces  # imports torch

    return chunk_of_faces(seed, identities, count, size)


def _targets(columns: dict[str, NDArray[Any]]) -> dict[str, Target]:
    from benchmark.data.synthetic.expression import AUS, EXPRESSIONS

    all_known = np.ones(len(columns["frames"]), np.bool_)
    numbers = tuple(str(i) for i in range(68))
    five = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
    aus = columns["aus"]
    return {
        "landmarks68": Target("landmarks", columns["landmarks68"], all_known, numbers, eyes=(36, 45)),
        "landmarks5": Target("landmarks", columns["landmarks5"], all_known, five, eyes=(0, 1)),
        "pose": Target("pose", columns["pose"], all_known, POSE_NAMES),
        "expression": Target("classes", columns["expression"], all_known, EXPRESSIONS),
        "aus": Target("aus", aus, np.ones_like(aus, np.bool_), AUS),
    }

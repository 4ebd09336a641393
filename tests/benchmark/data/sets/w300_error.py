"""The error on 300-W, computed from its raw files; shares no code with what it checks.

    python -m tests.benchmark.data.sets.w300_error ROOT PREDICTIONS.npz

PREDICTIONS.npz holds ``images`` (N,), paths below ROOT, and ``points`` (N, 68, 2), in sides of the crop from its
corner. The crop is the square of 1.2 times the larger side of the face's box, about its centre. All is computed in
pixels as Matlab counts them, in double precision; ``stored`` rounds the truth, in crop sides, to the single precision
of a stored set.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import ArrayLike, NDArray

EYES = 36, 45


def errors(root: Path, images: Sequence[str], points: ArrayLike, stored: bool = False) -> NDArray[np.float64]:
    """Mean distance of the points in % of the distance of the outer eye corners (N,)."""
    boxes = all_boxes(root)
    face_errors = []
    for image, predicted in zip(images, np.asarray(points, np.float64), strict=True):
        lines = (root / image).with_suffix(".pts").read_text().splitlines()
        truth = np.array([[float(word) for word in line.split()] for line in lines[lines.index("{") + 1 :][:68]])
        left, top, right, bottom = boxes[image] if boxes else (*truth.min(0), *truth.max(0))
        side = 1.2 * max(right - left, bottom - top)
        corner = np.array([left + right - side, top + bottom - side]) / 2
        if stored:
            truth = corner + ((truth - corner) / side).astype(np.float32).astype(np.float64) * side
        distances = np.hypot(*(corner + predicted * side - truth).T)
        face_errors.append(100 * distances.mean() / np.hypot(*(truth[EYES[0]] - truth[EYES[1]])))
    return np.array(face_errors)


def all_boxes(root: Path) -> dict[str, list[float]]:
    """Left, top, right, bottom by image; empty unless all six .mat files exist."""
    parts = ["afw", "helen/trainset", "helen/testset", "lfpw/trainset", "lfpw/testset", "ibug"]
    files = {part: root / "Bounding Boxes" / f"bounding_boxes_{part.replace('/', '_')}.mat" for part in parts}
    if not all(path.exists() for path in files.values()):
        return {}
    boxes = {}
    for part, path in files.items():
        name_of = {path.name.replace(" ", ""): path.name for path in (root / part).iterdir()}
        for record in scipy.io.loadmat(path)["bounding_boxes"][0]:
            name = record["imgName"][0, 0][0]
            boxes[f"{part}/{name_of.get(name, name)}"] = record["bb_ground_truth"][0, 0][0].tolist()
    return boxes


if __name__ == "__main__":
    predictions = np.load(sys.argv[2])
    result = errors(Path(sys.argv[1]), predictions["images"].tolist(), predictions["points"])
    print(f"{result.mean():.6f} % of the distance of the outer eye corners, {len(result)} faces")

"""Realism of a labelled set: scores of trivial predictors on it, compared with their scores on real faces.

The rendered faces were tuned and frozen by this measure before any method was ranked on them. Two predictors are
scored, the training mean and a ridge regression on 16x16 pixels.

Real scores: 2,411 frames of YouTube Faces, 1,871 to fit and 540 of other people to score. Landmarks are 68 detected
points, filtered by Udacity; pose and blendshapes are those of MediaPipe's Face Landmarker, where the upper fifth of a
blendshape counts as its action unit. The crop is 1.25 times the bounding box of the 68 points; its centre and the
logarithm of its side are jittered by 0.05 or 0.03 sides (standard deviation). The ranges were set from these scores,
with a margin for other people.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score
from tabulate import tabulate

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.errors import DataError

PIXELS = 16  # side of the images for the ridge regression
ALPHAS = np.logspace(1, 6, 11)

LANDMARKS_MEAN = "68 landmarks, mean (% outer-eye)"
LANDMARKS_PIXELS = "68 landmarks, pixels (% outer-eye)"
EYES = "outer-eye distance / crop side"
EYES_SD = "outer-eye distance / crop side, s.d."
AUC = "AU AUC, pixels, mean"


def au_reading(name: str) -> str:
    """Name of the reading of one action unit."""
    return f"{name} AUC, pixels"


# Reading -> real scores (at jitter .05, at jitter .03); None where not measured.
REAL: dict[str, tuple[float | None, float | None]] = {
    LANDMARKS_MEAN: (26.9, 24.0),
    LANDMARKS_PIXELS: (16.5, 13.2),
    "roll s.d. (deg)": (7.1, 7.1),
    "roll MAE, mean (deg)": (5.8, 5.8),
    "roll MAE, pixels (deg)": (4.1, 3.5),
    "pitch s.d. (deg)": (8.4, 8.4),
    "pitch MAE, mean (deg)": (6.5, 6.5),
    "pitch MAE, pixels (deg)": (5.5, 5.1),
    "yaw s.d. (deg)": (16.2, 16.2),
    "yaw MAE, mean (deg)": (13.7, 13.7),
    "yaw MAE, pixels (deg)": (8.5, 7.4),
    EYES: (0.446, None),
    EYES_SD: (0.04, None),
    AUC: (0.64, 0.68),
    au_reading("AU1"): (0.69, None),
    au_reading("AU2"): (0.70, None),
    au_reading("AU4"): (0.74, None),
    au_reading("AU12"): (0.61, None),
    au_reading("AU17"): (0.56, None),
    au_reading("AU20"): (0.60, None),
    au_reading("AU25"): (0.67, None),
    au_reading("AU26"): (0.67, None),
    au_reading("AU45"): (0.58, None),
}

RANGES = {
    LANDMARKS_MEAN: (22.0, 30.0),
    LANDMARKS_PIXELS: (12.0, 19.0),
    "roll s.d. (deg)": (6.0, 9.0),
    "pitch s.d. (deg)": (7.0, 10.0),
    "yaw s.d. (deg)": (14.0, 18.0),
    AUC: (0.58, 0.72),
}
AU_RANGE = (0.53, 0.85)  # of each action unit


@dataclass(frozen=True)
class _Ridge:
    """Ridge regression on standardised 16x16 pixels: features of the faces to fit and of the faces to score."""

    fit: NDArray[np.float32]
    score: NDArray[np.float32]

    def predict(self, values: NDArray[np.floating], each: bool = False) -> NDArray[np.float64]:
        """Fit ``values`` (faces to fit, columns) and predict them for the faces to score.

        The penalty is chosen by leave-one-out, for all columns together or for ``each`` separately.
        """
        ridge = RidgeCV(ALPHAS, alpha_per_target=each).fit(self.fit, values)
        predicted: NDArray[np.float64] = ridge.predict(self.score)
        return predicted.reshape(len(self.score), -1)  # a single column is predicted without its axis


def readings(faces: LabelledSet) -> dict[str, float]:
    """Scores of the training mean and of the ridge regression on the test split, by name; NaN where undefined.

    The predictors are fitted on train and val together, since the ridge chooses its penalty by leave-one-out. Landmark
    errors are means over faces, in % of the outer-eye distance. Standard deviations are those of the full set.

    Returns:
        Name of the reading -> value; empty for a set without 68 landmarks, pose and action units.

    Raises:
        DataError: too few faces with a known target to fit or to score.
    """
    pixels = _pixels(faces.frames)
    result: dict[str, float] = {}
    for target in faces.targets.values():
        if target.kind == "landmarks" and target.values.shape[1] == 68:
            result |= _landmarks(faces, target, pixels)
        elif target.kind == "pose":
            result |= _pose(faces, target, pixels)
        elif target.kind == "aus":
            result |= _aus(faces, target, pixels)
    return result


def check(values: dict[str, float]) -> list[str]:
    """One line per reading that is out of range, missing or undefined; empty for a realistic set."""
    au_ranges = {name: AU_RANGE for name in values if name.startswith("AU") and name != AUC}
    problems = []
    for name, (low, high) in (RANGES | au_ranges).items():
        if name not in values:
            problems.append(f"{name}: no reading")
        elif not low <= values[name] <= high:
            problems.append(f"{name}: {values[name]:.3g} is not within {low:g} to {high:g}")
    return problems


def table(values: dict[str, float], name: str = "this set") -> str:
    """Table of the readings, the real scores and the ranges, as text; ``!`` marks a reading out of range."""
    rows = []
    for reading, value in values.items():
        real = REAL.get(reading, (None, None))
        low_high = RANGES.get(reading) or (AU_RANGE if reading.startswith("AU") else None)
        outside = low_high is not None and not low_high[0] <= value <= low_high[1]
        rows.append(
            [
                reading,
                f"{value:.3g}" + (" !" if outside else ""),
                *("" if each is None else f"{each:g}" for each in real),
                "" if low_high is None else f"{low_high[0]:g} to {low_high[1]:g}",
            ]
        )
    headers = ["reading", name, "real, jitter .05", "real, jitter .03", "range"]
    return tabulate(rows, headers, disable_numparse=True)


def _pixels(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images reduced to 16x16 by area averaging and flattened: (N, 768) in [0, 1]."""
    small = [Image.fromarray(frame).resize((PIXELS, PIXELS), Image.Resampling.BOX) for frame in frames]
    return np.stack([np.asarray(image, np.float32).ravel() / 255 for image in small])


def _ridge(
    faces: LabelledSet, known: NDArray[np.bool_], pixels: NDArray[np.float32]
) -> tuple[_Ridge, NDArray[np.intp], NDArray[np.intp]]:
    """Standardised features of the faces where a target is ``known`` (N,), and the rows to fit and to score."""
    fit, score = np.flatnonzero(known & (faces.split != "test")), np.flatnonzero(known & (faces.split == "test"))
    if len(fit) < 2 or not len(score):
        raise DataError(f"set {faces.name}: {len(fit)} faces to fit and {len(score)} to score are too few")
    mean, deviation = pixels[fit].mean(0), pixels[fit].std(0) + 1e-6
    return _Ridge((pixels[fit] - mean) / deviation, (pixels[score] - mean) / deviation), fit, score


def _landmarks(faces: LabelledSet, target: Target, pixels: NDArray[np.float32]) -> dict[str, float]:
    ridge, fit, score = _ridge(faces, target.known, pixels)
    points = target.values.astype(np.float64)
    left, right = target.eyes or (36, 45)
    eyes = np.linalg.norm(points[:, left] - points[:, right], axis=-1)

    def error(predicted: NDArray[np.float64]) -> float:
        distance = np.linalg.norm(predicted - points[score], axis=-1).mean(1)
        return float((100 * distance / eyes[score]).mean())

    return {
        LANDMARKS_MEAN: error(points[fit].mean(0, keepdims=True)),
        LANDMARKS_PIXELS: error(ridge.predict(points[fit].reshape(len(fit), -1)).reshape(len(score), -1, 2)),
        EYES: float(eyes[score].mean()),
        EYES_SD: float(eyes[score].std()),
    }


def _pose(faces: LabelledSet, target: Target, pixels: NDArray[np.float32]) -> dict[str, float]:
    ridge, fit, score = _ridge(faces, target.known, pixels)
    angles = target.values.astype(np.float64)
    off_mean = np.abs(angles[score] - angles[fit].mean(0)).mean(0)
    off_pixels = np.abs(angles[score] - ridge.predict(angles[fit], each=True)).mean(0)
    result = {}
    for angle, name in enumerate(target.names):
        result[f"{name} s.d. (deg)"] = float(angles[target.known, angle].std())
        result[f"{name} MAE, mean (deg)"] = float(off_mean[angle])
        result[f"{name} MAE, pixels (deg)"] = float(off_pixels[angle])
    return result


def _aus(faces: LabelledSet, target: Target, pixels: NDArray[np.float32]) -> dict[str, float]:
    result = {}
    # One fit for all units known for the same faces, since the decomposition of the pixels takes the time.
    patterns, pattern_of = np.unique(target.known, axis=1, return_inverse=True)
    for pattern, known in enumerate(patterns.T):
        units = np.flatnonzero(pattern_of == pattern)
        ridge, fit, score = _ridge(faces, known, pixels)
        active = target.values[:, units]
        predicted = ridge.predict(active[fit], each=True)
        for column, unit in enumerate(units):
            truth = active[score, column]
            auc = roc_auc_score(truth, predicted[:, column]) if len(np.unique(truth)) == 2 else math.nan
            result[au_reading(target.names[unit])] = float(auc)
    result = {name: result[name] for name in map(au_reading, target.names)}
    return result | {AUC: float(np.mean(list(result.values())))}

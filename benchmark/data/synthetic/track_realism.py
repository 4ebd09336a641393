"""Realism of tracks: how faces move within them and differ between them, compared with real tracks.

Places are those of five points (`FIVE_POINTS`): centres of the eyes, tip of the nose, corners of the mouth. They are
exact for rendered tracks. In real tracks MediaPipe's face mesh found them (`tools/real_tracks.py`); on 64 rendered
tracks, its readings differ from the exact ones by 5 % or less, and by 10 and 17 % less within and between tracks for
the distance from eyes to mouth.

Real tracks: ten of VoxCeleb2 (nine people, 79 frames) and 32 segments of VoxCeleb1 (one person, 220 frames), cut by
FAb-Net's windows (`benchmark.data.tracks.voxceleb`) and sampled at one frame a second. Pose is that of MediaPipe's Face
Landmarker on nine of the ten. A range is the 95 % bootstrap interval over the tracks of VoxCeleb2, rounded outwards to
two digits. VoxCeleb1, whose crops vary more in size, is printed beside it: its tracks are 2 % of VoxCeleb1 and 2.

Lengths are in sides of the frame. ``log`` is the natural logarithm, so its deviation is relative.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

FIVE_POINTS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
"""The points, as seen in the image; left of the image first."""

PLACES = ("x", "y", "log eye distance", "log eye-mouth distance")  # x and y: midway between eyes and mouth
ANGLES = ("roll", "pitch", "yaw")
SIZE = "within: log size, s.d."  # what eye distance and eye-mouth distance have in common
L1 = "L1 of two frames of a track / of two tracks"
STEP = "step of 1 s / s.d. within"  # of independent frames 1, of slow motion less

# Reading -> of VoxCeleb2, of VoxCeleb1; None where not measured.
REAL: dict[str, tuple[float, float | None]] = {
    "within: x, s.d.": (0.038, 0.021),
    "within: y, s.d.": (0.015, 0.028),
    "within: log eye distance, s.d.": (0.087, 0.087),
    "within: log eye-mouth distance, s.d.": (0.036, 0.084),
    SIZE: (0.036, 0.079),
    "within: x not due to pose, s.d.": (0.017, None),
    "within: y not due to pose, s.d.": (0.015, None),
    "within: roll, s.d. (deg)": (4.8, None),
    "within: pitch, s.d. (deg)": (4.0, None),
    "within: yaw, s.d. (deg)": (8.3, None),
    f"roll: {STEP}": (0.79, None),
    f"pitch: {STEP}": (0.81, None),
    f"yaw: {STEP}": (0.98, None),
    f"x: {STEP}": (0.98, 0.95),
    f"y: {STEP}": (0.95, 0.94),
    "between: x, s.d.": (0.049, 0.012),
    "between: y, s.d.": (0.016, 0.021),
    "between: log eye distance, s.d.": (0.10, 0.054),
    "between: log eye-mouth distance, s.d.": (0.030, 0.040),
    "between: roll, s.d. (deg)": (6.0, None),
    "between: pitch, s.d. (deg)": (5.6, None),
    "between: yaw, s.d. (deg)": (12.8, None),
    L1: (0.37, 0.76),
}

RANGES: dict[str, tuple[float, float]] = {
    "within: x, s.d.": (0.022, 0.052),
    "within: y, s.d.": (0.011, 0.020),
    "within: log eye distance, s.d.": (0.039, 0.14),
    "within: log eye-mouth distance, s.d.": (0.027, 0.044),
    SIZE: (0.017, 0.053),
    "within: x not due to pose, s.d.": (0.0093, 0.021),
    "within: y not due to pose, s.d.": (0.0094, 0.019),
    "within: roll, s.d. (deg)": (3.1, 6.3),
    "within: pitch, s.d. (deg)": (3.2, 4.8),
    "within: yaw, s.d. (deg)": (4.4, 12.0),
    f"roll: {STEP}": (0.65, 1.1),
    f"pitch: {STEP}": (0.63, 1.0),
    f"yaw: {STEP}": (0.86, 1.1),
    f"x: {STEP}": (0.86, 1.1),
    f"y: {STEP}": (0.79, 1.1),
    "between: x, s.d.": (0.026, 0.064),
    "between: y, s.d.": (0.0091, 0.021),
    "between: log eye distance, s.d.": (0.048, 0.14),
    "between: log eye-mouth distance, s.d.": (0.019, 0.035),
    "between: roll, s.d. (deg)": (3.0, 7.7),
    "between: pitch, s.d. (deg)": (3.1, 6.8),
    "between: yaw, s.d. (deg)": (6.5, 17.0),
    L1: (0.29, 0.50),
}


@dataclass(frozen=True)
class TrackSample:
    """One track of n frames.

    Attributes:
        points: (n, 5, 2) x and y of `FIVE_POINTS`, in sides of the frame.
        pose: (n, 3) roll, pitch and yaw, degrees; None where not known.
        frames: (n, S, S, 3) uint8 RGB, the same S for all tracks; None to leave `L1` out.
    """

    points: NDArray[np.floating]
    pose: NDArray[np.floating] | None = None
    frames: NDArray[np.uint8] | None = None


def readings(tracks: Sequence[TrackSample]) -> dict[str, float]:
    """Readings of two tracks or more, each of two frames or more; those without their input are left out.

    Deviations within tracks are pooled over tracks, those between tracks are of the tracks' means (both with n - 1). A
    step is the root mean square difference of successive frames, divided by that of independent frames.
    """
    places = [_places(track.points) for track in tracks]
    poses = [track.pose for track in tracks if track.pose is not None]
    frames = [track.frames for track in tracks if track.frames is not None]
    pooled = _pooled(places)
    result = {f"within: {name}, s.d.": math.sqrt(pooled[i, i]) for i, name in enumerate(PLACES)}
    result[SIZE] = math.sqrt(max(0.0, pooled[2, 3]))
    if len(poses) == len(tracks):
        left = _pooled(_without_pose(places, poses))
        result |= {f"within: {name} not due to pose, s.d.": math.sqrt(left[i, i]) for i, name in enumerate("xy")}
        angles = np.sqrt(np.diag(_pooled(poses)))
        result |= {f"within: {name}, s.d. (deg)": float(angles[i]) for i, name in enumerate(ANGLES)}
        result |= {f"{name}: {STEP}": step for name, step in zip(ANGLES, _steps(poses), strict=True)}
    result |= {f"{name}: {STEP}": step for name, step in zip("xy", _steps(places), strict=False)}
    result |= {f"between: {name}, s.d.": value for name, value in zip(PLACES, _between(places), strict=True)}
    if len(poses) == len(tracks):
        result |= {f"between: {name}, s.d. (deg)": v for name, v in zip(ANGLES, _between(poses), strict=True)}
    if len(frames) == len(tracks):
        result[L1] = _pixel_ratio(frames)
    return result


def check(values: dict[str, float]) -> list[str]:
    """One line for each reading that is out of range or missing; empty for realistic tracks."""
    problems = []
    for name, (low, high) in RANGES.items():
        if name not in values:
            problems.append(f"{name}: no reading")
        elif not low <= values[name] <= high:
            problems.append(f"{name}: {values[name]:.2g} is not within {low:g} to {high:g}")
    return problems


def table(values: dict[str, float], name: str) -> str:
    """Table of the readings, those of real tracks and the ranges, as text; ``!`` marks a reading out of range."""
    rows = []
    for reading, value in values.items():
        low, high = RANGES.get(reading, (-math.inf, math.inf))
        real = REAL.get(reading, (None, None))
        rows.append(
            [
                reading,
                f"{value:.2g}" + ("" if low <= value <= high else " !"),
                *("" if each is None else f"{each:g}" for each in real),
                f"{low:g} to {high:g}" if reading in RANGES else "",
            ]
        )
    headers = ["within and between tracks", name, "VoxCeleb2", "VoxCeleb1", "range"]
    return tabulate(rows, headers, disable_numparse=True)


def _places(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """`PLACES` (n, 4) of points (n, 5, 2)."""
    left, right, _, left_corner, right_corner = np.moveaxis(points.astype(np.float64), 1, 0)
    eyes, mouth = (left + right) / 2, (left_corner + right_corner) / 2
    lengths = [np.log(np.linalg.norm(gap, axis=1)) for gap in (right - left, mouth - eyes)]
    return np.column_stack([(eyes + mouth) / 2, *lengths])


def _pooled(tracks: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Covariance (k, k) within tracks (n, k)."""
    centred = [values - values.mean(0) for values in tracks]
    total: NDArray[np.float64] = np.sum([values.T @ values for values in centred], axis=0, dtype=np.float64)
    return total / sum(len(values) - 1 for values in tracks)


def _between(tracks: Sequence[NDArray[np.floating]]) -> list[float]:
    """Standard deviations (k) of the means of tracks (n, k)."""
    return [float(value) for value in np.std([values.mean(0) for values in tracks], axis=0, ddof=1)]


def _steps(tracks: Sequence[NDArray[np.floating]]) -> list[float]:
    """Root mean square step between successive frames, divided by that of independent frames; NaN without motion."""
    steps = np.concatenate([np.diff(values, axis=0) for values in tracks])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sqrt((steps**2).mean(0) / 2 / np.diag(_pooled(tracks)))
    return [float(value) for value in ratio]


def _without_pose(
    tracks: Sequence[NDArray[np.float64]], poses: Sequence[NDArray[np.floating]]
) -> list[NDArray[np.float64]]:
    """Tracks less what a linear map of the pose, one for all tracks, explains of their variation within."""
    turned = [pose - pose.mean(0) for pose in poses]
    moved = [values - values.mean(0) for values in tracks]
    weights = np.linalg.lstsq(np.concatenate(turned), np.concatenate(moved), rcond=None)[0]
    return [values - pose @ weights for values, pose in zip(moved, turned, strict=True)]


def _pixel_ratio(tracks: Sequence[NDArray[np.uint8]]) -> float:
    """Mean absolute difference of all pairs of frames within a track, divided by that of pairs of two tracks.

    Of two tracks, frame i of one is compared with frame 3 i + 1 of the other, modulo their lengths.
    """
    scaled = [frames.astype(np.float32) for frames in tracks]
    within = [
        np.mean([np.abs(frames[i] - frames[j]).mean() for i in range(len(frames)) for j in range(i)])
        for frames in scaled
    ]
    between = [
        np.mean([np.abs(a[i % len(a)] - b[(3 * i + 1) % len(b)]).mean() for i in range(2)])
        for a in scaled
        for b in scaled
        if a is not b
    ]
    return float(np.mean(within) / np.mean(between))

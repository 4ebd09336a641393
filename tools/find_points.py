"""Find five points of the face in frames, with MediaPipe's face mesh: the middle step of `tools.real_tracks`.

    python tools/find_points.py frames.npz points.npz

Runs on its own, in an environment with mediapipe 0.10.21 (the last versions have no face mesh in the wheel), which
wants numpy below 2. ``frames.npz`` has an array of frames (n, S, S, 3) for each track; ``points.npz`` gets the points
(n, 5, 2) of the track, in sides of the frame: centres of the eyes, tip of the nose, corners of the mouth, left of the
image first; NaN where no face is found.
"""

import sys
from typing import Any

import numpy as np

EYES = ((33, 133, 159, 145), (362, 263, 386, 374))  # corners and middles of the lids
NOSE, LEFT_CORNER, RIGHT_CORNER = 1, 61, 291
MIN_SCORE = 0.3
BORDER = 1 / 3  # of the side, added around a frame, since the detector expects some space around a face


def five_points(mesh: Any, frame: Any) -> Any:
    """Points (5, 2) of one frame (S, S, 3)."""
    side = len(frame)
    border = int(side * BORDER)
    padded = np.pad(frame, ((border, border), (border, border), (0, 0)), mode="edge")
    faces = mesh.process(np.ascontiguousarray(padded)).multi_face_landmarks
    if not faces:
        return np.full((5, 2), np.nan)
    points = (np.array([(p.x, p.y) for p in faces[0].landmark]) * len(padded) - border) / side
    return np.stack([*(points[list(eye)].mean(0) for eye in EYES), *points[[NOSE, LEFT_CORNER, RIGHT_CORNER]]])


def main(source: str, destination: str) -> None:
    """Finds the points of all frames in one file."""
    from mediapipe.python.solutions.face_mesh import FaceMesh  # type: ignore[import-not-found]

    mesh = FaceMesh(static_image_mode=True, refine_landmarks=True, min_detection_confidence=MIN_SCORE)
    tracks = np.load(source)
    points: dict[str, Any] = {name: np.stack([five_points(mesh, frame) for frame in tracks[name]]) for name in tracks}
    np.savez(destination, **points)
    missing = sum(int(np.isnan(track[:, 0, 0]).sum()) for track in points.values())
    print(f"{destination}: {len(points)} tracks, {sum(map(len, points.values()))} frames, {missing} without a face")


if __name__ == "__main__":
    main(*sys.argv[1:])

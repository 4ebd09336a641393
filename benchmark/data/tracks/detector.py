"""Where a track's face is: YuNet, a small face detector that OpenCV runs, with weights from a file.

OpenCV is the extra ``detector``. The weights are ``face_detection_yunet_2023mar.onnx`` of OpenCV's model zoo (MIT,
230 kB); OpenCV's package has none, and nothing is downloaded here.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.errors import DataError
from benchmark.files import sha256

WEIGHTS = "face_detection_yunet_2023mar.onnx of OpenCV's model zoo (230 kB; 131 bytes are a Git LFS pointer to it)"
VERSION = 1  # raise it whenever other faces are found or chosen
CANVAS = 320  # side of what the detector sees, pixels
INNER = 256  # longer side of the picture in its middle; the rim helps with faces that fill their picture
SCORE = 0.7  # least score of a face
SAME = 0.3  # detections that overlap more are one face
CANDIDATES = 64  # faces among which a track's is chosen, so that long tracks cost no more than others

Boxes = NDArray[np.float64]  # (n, 4): left, top, right, bottom, in shares of the picture's width and height


@dataclass(frozen=True)
class FaceDetector:
    """YuNet with the weights in a file; each process loads them when it first looks for a face."""

    weights: Path

    def __post_init__(self) -> None:
        if not self.weights.is_file():
            raise DataError(f"{self.weights}: no such file; expected {WEIGHTS}")

    def describe(self) -> dict[str, Any]:
        """All that determines which faces are found."""
        return {"detector": "YuNet", "version": VERSION, "score": SCORE, "weights": sha256(self.weights)}

    def check(self) -> None:
        """Looks for a face in a black picture, which shows whether OpenCV and the weights are what is needed.

        Raises:
            DataError: they are not.
        """
        try:
            cv2 = _opencv()
        except ImportError as error:
            raise DataError("data.detector needs OpenCV: pip install 'fab-bench[detector]'") from error
        try:
            self.find(Image.new("RGB", (8, 8)))
        except cv2.error as error:
            held = f"its {self.weights.stat().st_size:,} bytes are not YuNet to OpenCV"
            raise DataError(f"{self.weights}: {held}; expected {WEIGHTS}") from error

    def find(self, image: Image.Image, pixel_aspect: float = 1.0) -> Boxes:
        """The faces in an RGB image, those of about a twentieth of its longer side and more."""
        scale = INNER / max(image.width * pixel_aspect, image.height)
        width, height = max(1, round(image.width * pixel_aspect * scale)), max(1, round(image.height * scale))
        left, top = (CANVAS - width) // 2, (CANVAS - height) // 2
        canvas = np.zeros((CANVAS, CANVAS, 3), np.uint8)
        small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        canvas[top : top + height, left : left + width] = np.asarray(small)[..., ::-1]  # blue, green, red
        _, faces = _net(self.weights).detect(canvas)
        if faces is None:
            return np.empty((0, 4))
        corner, extent = faces[:, :2].astype(np.float64), faces[:, 2:4]
        return (np.hstack([corner, corner + extent]) - [left, top, left, top]) / [width, height, width, height]


def track_face(found: Sequence[Boxes]) -> Boxes:
    """The one face of a track, (1, 4), from the faces of its frames; (0, 4) where no frame has any.

    Of the largest faces of the frames, that is chosen which the faces of all frames overlap most. The median of those
    that overlap it, one a frame, is the track's.
    """
    found = [boxes for boxes in found if len(boxes)]
    if not found:
        return np.empty((0, 4))
    chosen = np.linspace(0, len(found) - 1, min(len(found), CANDIDATES)).round().astype(int)
    largest = np.stack([found[i][_areas(found[i]).argmax()] for i in chosen])
    support = sum(overlaps(largest, boxes).max(axis=1) for boxes in found)
    face = largest[[np.argmax(support)]]
    shares = [overlaps(face, boxes)[0] for boxes in found]
    own = [boxes[share.argmax()] for boxes, share in zip(found, shares, strict=True) if share.any()]
    return np.median(own, axis=0, keepdims=True)


def overlaps(some: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Intersection over union of every box of some (n, 4) with every one of others (m, 4): (n, m)."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    return common / (_areas(some)[:, None] + _areas(others)[None] - common)


def _areas(boxes: Boxes) -> NDArray[np.float64]:
    return np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)


def _opencv() -> Any:
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # what goes wrong is raised as well
    import cv2

    return cv2


@cache
def _net(weights: Path) -> Any:
    cv2 = _opencv()
    cv2.setNumThreads(1)  # there is a process for every core
    return cv2.FaceDetectorYN.create(str(weights), "", (CANVAS, CANVAS), SCORE, SAME)

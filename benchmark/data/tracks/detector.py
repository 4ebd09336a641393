"""Face detection with YuNet, a small detector that OpenCV runs, from a weights file.

OpenCV is the optional dependency ``detector``. The weights are ``face_detection_yunet_2023mar.onnx`` of OpenCV's model
zoo (MIT, 230 kB); the OpenCV package does not have them, and nothing is downloaded here.
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
CANVAS = 320  # side of the detector's input, pixels
INNER = 256  # longer side of the image on the canvas; the border helps with faces that fill their image
MIN_SCORE = 0.7
NMS_IOU = 0.3  # detections that overlap more are one face
MAX_CANDIDATES = 64  # frames whose largest face may become the track's, which bounds the time for long tracks

Boxes = NDArray[np.float64]
"""Shape (n, 4): left, top, right and bottom, in fractions of the image's width and height."""


@dataclass(frozen=True)
class FaceDetector:
    """YuNet with the weights in a file. Each process loads them when it first looks for a face.

    Raises:
        DataError: the file does not exist.
    """

    weights: Path

    def __post_init__(self) -> None:
        if not self.weights.is_file():
            raise DataError(f"{self.weights}: no such file; expected {WEIGHTS}")

    def describe(self) -> dict[str, Any]:
        """Everything that determines which faces are found."""
        return {"detector": "YuNet", "version": VERSION, "score": MIN_SCORE, "weights": sha256(self.weights)}

    def check(self) -> None:
        """Run the detector on a black image, to learn before any work whether it runs.

        Raises:
            DataError: OpenCV is not installed, or cannot read the weights.
        """
        try:
            cv2 = _opencv()
        except ImportError as error:
            raise DataError("data.detector needs OpenCV: pip install 'fab-bench[detector]'") from error
        try:
            self.find(Image.new("RGB", (8, 8)))
        except cv2.error as error:
            length = self.weights.stat().st_size
            raise DataError(
                f"{self.weights}: its {length:,} bytes are not YuNet to OpenCV; expected {WEIGHTS}"
            ) from error

    def find(self, image: Image.Image, pixel_aspect: float = 1.0) -> Boxes:
        """Faces in an RGB image, from about a twentieth of its longer side on.

        Args:
            image: RGB.
            pixel_aspect: width of a pixel divided by its height.
        """
        scale = INNER / max(image.width * pixel_aspect, image.height)
        width, height = max(1, round(image.width * pixel_aspect * scale)), max(1, round(image.height * scale))
        left, top = (CANVAS - width) // 2, (CANVAS - height) // 2
        canvas = np.zeros((CANVAS, CANVAS, 3), np.uint8)
        small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        canvas[top : top + height, left : left + width] = np.asarray(small)[..., ::-1]  # OpenCV takes BGR
        _, faces = _network(self.weights).detect(canvas)
        if faces is None:
            return np.empty((0, 4))
        corner, extent = faces[:, :2].astype(np.float64), faces[:, 2:4]
        boxes: Boxes = (np.hstack([corner, corner + extent]) - [left, top, left, top]) / [width, height, width, height]
        return boxes


def track_face(boxes_of_frames: Sequence[Boxes]) -> Boxes:
    """Box of the one face that a track shows.

    Candidates are the largest face of each frame. The one that overlaps the faces of all frames most, by summed IoU,
    is chosen; the result is the median of the boxes that overlap it most, one per frame.

    Args:
        boxes_of_frames: boxes of each frame.

    Returns:
        Shape (1, 4), or (0, 4) if no frame has a face.
    """
    boxes_of_frames = [boxes for boxes in boxes_of_frames if len(boxes)]
    if not boxes_of_frames:
        return np.empty((0, 4))
    n_candidates = min(len(boxes_of_frames), MAX_CANDIDATES)
    frames = np.linspace(0, len(boxes_of_frames) - 1, n_candidates).round().astype(int)
    largest = [boxes_of_frames[frame][_areas(boxes_of_frames[frame]).argmax()] for frame in frames]
    candidates = np.stack(largest)
    support = np.zeros(n_candidates)
    for boxes in boxes_of_frames:
        support += pairwise_iou(candidates, boxes).max(axis=1)
    face = candidates[[np.argmax(support)]]
    matches = []
    for boxes in boxes_of_frames:
        iou = pairwise_iou(face, boxes)[0]
        if iou.any():
            matches.append(boxes[iou.argmax()])
    return np.asarray(np.median(matches, axis=0, keepdims=True))


def pairwise_iou(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each box in ``first`` (n, 4) with each in ``second`` (m, 4): shape (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    intersection = np.prod(np.maximum(high - low, 0), axis=2)
    iou: NDArray[np.float64] = intersection / (_areas(first)[:, None] + _areas(second)[None] - intersection)
    return iou


def _areas(boxes: Boxes) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return areas


def _opencv() -> Any:
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # errors are raised as well
    import cv2

    return cv2


@cache
def _network(weights: Path) -> Any:
    cv2 = _opencv()
    cv2.setNumThreads(1)  # there is one worker process per core
    return cv2.FaceDetectorYN.create(str(weights), "", (CANVAS, CANVAS), MIN_SCORE, NMS_IOU)

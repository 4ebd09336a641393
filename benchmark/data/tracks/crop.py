"""Crops that turn raw frames into the square frames of a store.

Footage that was cropped around faces before, such as VoxCeleb, is cut by one fixed window. With a face detector, each
track is cut by a square of its own, the same for all its frames, so that the head moves in it as in the footage.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.tracks.detector import Boxes, FaceDetector, pairwise_iou, track_face
from benchmark.data.tracks.source import Frame, RawFrame, SkippedFrame, SkipTrack
from benchmark.errors import UsageError

# FAb-Net's window on VoxCeleb2, relative to the box that YuNet finds in it. Measured on ten clips: the side of the
# window is 1.22 times the square root of the box's area (standard deviation 0.03), and its centre lies 0.08 sides
# below the centre of the box (0.01).
FACE_SIDE = 1.22
FACE_BELOW = 0.08

ReadFrames = Callable[[], Iterable[RawFrame | SkippedFrame]]
"""Reads the frames of one track; called twice where a detector has to see all frames first."""


@dataclass(frozen=True)
class Crop:
    """Crop and resize of the frames of a track.

    Attributes:
        size: side of the result, pixels.
        tighten: without a detector, the shorter side of the image divided by the side of the square, 1 or more; with
            a detector, the usual side of the face square divided by the side used, any positive number.
        shift: how far the square lies below the centre of the image, in units of the image's shorter side; negative
            for above. Not used with a detector.
        detector: finds the face that each track is cropped around; None for the centre square.

    Raises:
        UsageError: a value is out of range.
    """

    size: int
    tighten: float = 1.0
    shift: float = 0.0
    detector: FaceDetector | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UsageError(f"size must be 1 pixel or more, not {self.size}")
        if self.detector is not None:
            if self.tighten <= 0:
                raise UsageError(f"tighten must be above 0, not {self.tighten}")
            return
        if self.tighten < 1:
            raise UsageError(f"tighten must be 1 (the whole square) or more, not {self.tighten}")
        if abs(self.shift) > (1 - 1 / self.tighten) / 2 + 1e-9:
            raise UsageError(f"shift={self.shift} leaves the image at tighten={self.tighten}")

    def describe(self) -> dict[str, Any]:
        """Description for the manifest; it is part of the data's hash."""
        resize = {"tighten": self.tighten, "resize": "bicubic, antialiased"}
        if self.detector is not None:
            square = {"side": FACE_SIDE, "below": FACE_BELOW, "border": "moved in, shrunk to fit"}
            return {"kind": "face square, one a track", **square, **resize, **self.detector.describe()}
        return {"kind": "centre square", **resize, **({"shift": self.shift} if self.shift else {})}

    def apply(self, read: ReadFrames) -> Iterator[Frame | SkippedFrame]:
        """Crop the frames of one track.

        Raises:
            SkipTrack: there is a detector, and it finds no face in any frame.
        """
        if self.detector is not None:
            yield from self._around_face(read, self.detector)
            return
        for raw in read():
            if isinstance(raw, SkippedFrame):
                yield raw
            else:
                square = centre_square(raw.image.width * raw.pixel_aspect, raw.image.height, self.tighten, self.shift)
                yield _cropped(raw, self.size, square)

    def _around_face(self, read: ReadFrames, detector: FaceDetector) -> Iterator[Frame | SkippedFrame]:
        """Crop every frame by the square of the track's face. Of the first reading only boxes are kept in memory."""
        boxes_of: dict[str, Boxes] = {
            raw.source_id: detector.find(raw.image, raw.pixel_aspect) for raw in read() if isinstance(raw, RawFrame)
        }
        face = track_face(list(boxes_of.values()))
        if boxes_of and not len(face):
            raise SkipTrack("no face found")
        for raw in read():
            if isinstance(raw, SkippedFrame):
                yield raw
                continue
            boxes = boxes_of.get(raw.source_id, face[:0])  # no boxes if the frame was unreadable the first time
            if len(boxes) and not pairwise_iou(face, boxes).any():
                yield SkippedFrame(raw.source_id, "face is elsewhere")
                continue
            square = face_square(raw.image.width * raw.pixel_aspect, raw.image.height, face[0], self.tighten)
            notes = () if len(boxes) else ("no face found in it, cropped as its track",)
            yield _cropped(raw, self.size, square, notes)


def centre_square(width: float, height: float, tighten: float = 1.0, shift: float = 0.0) -> tuple[float, float, float]:
    """Left, top and side of the centred square of an image, in square pixels.

    With ``tighten=1`` a square image is kept whole, which is right for frames that were cropped around a face before
    (VoxCeleb1 and 2). A value above 1 cuts the border off, for example 1.5 for footage whose face fills the middle
    two thirds.

    Args:
        width: of the image, in square pixels.
        height: of the image.
        tighten: see `Crop`.
        shift: see `Crop`.
    """
    shorter = min(width, height)
    side = shorter / tighten
    return (width - side) / 2, (height - side) / 2 + shift * shorter, side


def face_square(width: float, height: float, face: NDArray[np.float64], tighten: float = 1.0) -> tuple[int, int, int]:
    """Left, top and side of the square around a face, in whole square pixels.

    A square that leaves the image is moved into it, and shrunk where it is larger than the image, so nothing has to
    be made up beyond the border.

    Args:
        width: of the image, in square pixels.
        height: of the image.
        face: left, top, right and bottom, in fractions of width and height.
        tighten: above 1 cuts off the border of the usual square, below 1 takes in more around it.
    """
    left, top, right, bottom = face * [width, height, width, height]
    usual_side = FACE_SIDE * np.sqrt((right - left) * (bottom - top))
    side = max(1, min(round(usual_side / tighten), int(width), height))
    x = (left + right) / 2 - side / 2
    y = (top + bottom) / 2 + FACE_BELOW * usual_side - side / 2
    return round(min(max(x, 0), int(width) - side)), round(min(max(y, 0), height - side)), side


def _cropped(raw: RawFrame, size: int, square: tuple[float, float, float], notes: tuple[str, ...] = ()) -> Frame:
    resized = () if raw.image.size == (size, size) else ("resized",)
    image = _cut(raw.image, size, square, raw.pixel_aspect)
    return Frame(raw.source_id, image, (*raw.notes, *notes, *resized), raw.content)


def _cut(image: Image.Image, size: int, square: tuple[float, float, float], pixel_aspect: float) -> NDArray[np.uint8]:
    """Cut a square (left, top, side; in square pixels) and resize it to (size, size, 3), bicubic with antialiasing."""
    left, top, side = square
    left, width = left / pixel_aspect, side / pixel_aspect
    box = (left, top, left + width, top + side)
    if box == (0, 0, size, size):
        return np.asarray(image)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))

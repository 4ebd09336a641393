"""The crops that make a stored frame of whatever an image file or a video holds.

Frames of footage that was cropped around a face before are cut by one window for all. With a face detector every track
is cut by a square of its own, the same for all of its frames, so that heads move in it as they do in the footage.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.tracks.detector import FaceDetector, overlaps, track_face
from benchmark.data.tracks.source import Frame, Picture, SkippedFrame, SkipTrack
from benchmark.errors import UsageError

# FAb-Net's window on VoxCeleb2, told by what YuNet finds there: on ten clips its side is 1.22 times the root of the
# box's area (standard deviation 0.03), its middle 0.08 sides below the box's (0.01).
FACE_SIDE = 1.22
FACE_BELOW = 0.08

Pictures = Callable[[], Iterable[Picture | SkippedFrame]]


def cropped(
    pictures: Pictures, size: int, tighten: float, shift: float, detector: FaceDetector | None
) -> Iterator[Frame | SkippedFrame]:
    """The frames of one track, from its pictures: a function that reads them, twice where a detector is to look first.

    Raises:
        SkipTrack: there is a detector and it finds no face.
    """
    if detector is not None:
        yield from _face_squares(pictures, size, tighten, detector)
        return
    for picture in pictures():
        if isinstance(picture, SkippedFrame):
            yield picture
        else:
            yield _frame(picture, size, centre_square(picture.image, size, tighten, picture.pixel_aspect, shift))


def centre_square(
    image: Image.Image, size: int, tighten: float = 1.0, pixel_aspect: float = 1.0, shift: float = 0.0
) -> NDArray[np.uint8]:
    """The centred square of an RGB image, resized to (size, size, 3) uint8.

    The square's side is the shorter side of the image divided by ``tighten``. A square image at ``tighten=1``
    is kept whole, which is right for frames that were cropped around a face before (VoxCeleb1 and 2); a
    value above 1 cuts away the rim, for example 1.5 for footage whose face fills the middle two thirds.
    The resize is bicubic with antialiasing: when shrinking, every source pixel counts.

    Args:
        image: RGB.
        size: side of the result, pixels.
        tighten: 1 or more.
        pixel_aspect: width of a source pixel divided by its height; other than 1 in some old videos.
        shift: how far below the middle the square lies, in shorter sides of the image; negative: above.
    """
    width, height = image.width * pixel_aspect, image.height
    side = min(width, height) / tighten
    return _cut(image, size, (width - side) / 2, (height - side) / 2 + shift * min(width, height), side, pixel_aspect)


def face_square(width: float, height: float, face: NDArray[np.float64], tighten: float = 1.0) -> tuple[int, int, int]:
    """Left, top and side of the square cut around a face, in whole pixels of an image.

    A square that leaves the image is moved into it, and shrunk where it is larger than the image: nothing is made up
    beyond the rim.

    Args:
        width: of the image, in square pixels; ``height`` too.
        height: of the image.
        face: left, top, right and bottom, in shares of width and height.
        tighten: above 1 cuts away the rim of the usual square, below 1 takes in more around it.
    """
    left, top, right, bottom = face * [width, height, width, height]
    usual = FACE_SIDE * np.sqrt((right - left) * (bottom - top))
    side = max(1, min(round(usual / tighten), int(width), height))
    x = (left + right) / 2 - side / 2
    y = (top + bottom) / 2 + FACE_BELOW * usual - side / 2
    return round(min(max(x, 0), int(width) - side)), round(min(max(y, 0), height - side)), side


def describe_crop(tighten: float, shift: float, detector: FaceDetector | None = None) -> dict[str, Any]:
    """The crop in the words of a store's manifest."""
    resize = {"tighten": tighten, "resize": "bicubic, antialiased"}
    if detector is not None:
        place = {"side": FACE_SIDE, "below": FACE_BELOW, "border": "moved in, shrunk to fit"}
        return {"kind": "face square, one a track", **place, **resize, **detector.describe()}
    return {"kind": "centre square", **resize, **({"shift": shift} if shift else {})}


def check_crop(size: int, tighten: float, shift: float = 0.0, detector: FaceDetector | None = None) -> None:
    """Raises UsageError unless the crop can work with these."""
    if size < 1:
        raise UsageError(f"size must be 1 pixel or more, not {size}")
    if detector is not None:
        if tighten <= 0:
            raise UsageError(f"tighten must be above 0, not {tighten}")
        return
    if tighten < 1:
        raise UsageError(f"tighten must be 1 (the whole square) or more, not {tighten}")
    if abs(shift) > (1 - 1 / tighten) / 2 + 1e-9:
        raise UsageError(f"shift={shift} leaves the image at tighten={tighten}")


def _face_squares(
    pictures: Pictures, size: int, tighten: float, detector: FaceDetector
) -> Iterator[Frame | SkippedFrame]:
    """Cuts every picture by the track's square; of the first reading only boxes are kept, however long the track."""
    found = {p.source_id: detector.find(p.image, p.pixel_aspect) for p in pictures() if isinstance(p, Picture)}
    face = track_face(list(found.values()))
    if found and not len(face):
        raise SkipTrack("no face found")
    for picture in pictures():
        if isinstance(picture, SkippedFrame):
            yield picture
            continue
        here = found.get(picture.source_id, face[:0])  # it could not be read the first time
        if len(here) and not overlaps(face, here).any():
            yield SkippedFrame(picture.source_id, "face is elsewhere")
            continue
        image, aspect = picture.image, picture.pixel_aspect
        left, top, side = face_square(image.width * aspect, image.height, face[0], tighten)
        notes = () if len(here) else ("no face found in it, cropped as its track",)
        yield _frame(picture, size, _cut(image, size, left, top, side, aspect), notes)


def _frame(picture: Picture, size: int, image: NDArray[np.uint8], notes: tuple[str, ...] = ()) -> Frame:
    resized = () if picture.image.size == (size, size) else ("resized",)
    return Frame(picture.source_id, image, (*picture.notes, *notes, *resized), picture.content)


def _cut(image: Image.Image, size: int, left: float, top: float, side: float, pixel_aspect: float) -> NDArray[np.uint8]:
    """A square, in square pixels, resized to (size, size, 3)."""
    left, width = left / pixel_aspect, side / pixel_aspect
    box = (left, top, left + width, top + side)
    if box == (0, 0, size, size):
        return np.asarray(image)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))

"""Decode an image file and crop a square RGB frame of a face.

Coordinates are pixels of the image as stored, x to the right and y down, with the origin at the outer corner of the
first pixel. An EXIF orientation is not applied, since annotations refer to the stored pixels.
"""

from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

LARGEST = 3  # image sides; the coordinates of a larger crop are taken for an error


class Square(NamedTuple):
    """An axis-aligned square in image pixels; of a set whose crops are stretched, ``side`` is the height alone."""

    left: float
    top: float
    side: float


class UnusableImage(ValueError):
    """An image, or a crop of it, cannot be used; the message is the reason that is counted."""


class Decoded(NamedTuple):
    """A decoded image.

    Attributes:
        pixels: uint8 (H, W, 3) RGB.
        notes: conversions that were made, to be counted.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]


def decode(content: bytes) -> Decoded:
    """Decode an image file of any format that Pillow reads.

    Grey is repeated in three channels (of 16 bits, the upper 8); transparent images are composed on black.

    Raises:
        UnusableImage: not an image, cut short, or larger than Pillow's limit for decompression bombs.
    """
    try:
        with Image.open(BytesIO(content)) as image:
            image.load()
            pixels, note = _rgb(image)
            rotated = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnusableImage("image undecodable") from error
    notes = [note] if note else []
    if rotated:
        notes.append("EXIF orientation ignored")
    return Decoded(pixels, tuple(notes))


def _rgb(image: Image.Image) -> tuple[NDArray[np.uint8], str | None]:
    """Pixels in RGB, and the conversion if there was one."""
    if image.mode.startswith("I"):
        grey = (np.asarray(image, np.int64).clip(0, 2**16 - 1) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), "grey to RGB"
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, "black")
        return np.asarray(Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")), "alpha to RGB"
    note = {"RGB": None, "L": "grey to RGB", "1": "grey to RGB"}.get(image.mode, f"{image.mode} to RGB")
    return np.asarray(image.convert("RGB")), note


def around_box(left: float, top: float, right: float, bottom: float, factor: float) -> Square:
    """The square about a box's centre, with ``factor`` times the larger side of the box."""
    side = factor * max(right - left, bottom - top)
    return Square((left + right - side) / 2, (top + bottom - side) / 2, side)


def around_landmarks(points: NDArray[np.floating], factor: float) -> Square:
    """The square about the centre of the points' (L, 2) bounding box, with ``factor`` times its larger side."""
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return around_box(float(left), float(top), float(right), float(bottom), factor)


def centre_square(height: int, width: int) -> Square:
    """The largest square in the middle of an image."""
    side = min(height, width)
    return Square((width - side) / 2, (height - side) / 2, side)


def crop(pixels: NDArray[np.uint8], square: Square, size: int, aspect: float = 1.0) -> NDArray[np.uint8]:
    """Crop ``square`` from pixels (H, W, 3) and resize it to (size, size, 3).

    With another aspect than 1, a rectangle ``aspect`` times as wide as it is high is cropped, and stretched.

    Resampling is bicubic, antialiased where it shrinks, with corners at fractions of a pixel. Beyond the image, its
    border is repeated.

    Raises:
        UnusableImage: the square has no extent, lies outside the image, or is much larger than the image.
    """
    height, width = pixels.shape[:2]
    left, top, side = square
    if not np.isfinite(square).all() or side <= 0:
        raise UnusableImage("crop without extent")
    across = aspect * side
    if not (-across < left < width and -side < top < height):
        raise UnusableImage("crop outside its image")
    if max(across, side) > LARGEST * max(height, width):
        raise UnusableImage(f"crop over {LARGEST} times its image")
    # The pixels under the square, and those around it that the filter reads.
    margin = 2 * int(np.ceil(max(1.0, across / size, side / size))) + 1
    x0, y0 = int(np.floor(left)) - margin, int(np.floor(top)) - margin
    x1, y1 = int(np.ceil(left + across)) + margin, int(np.ceil(top + side)) + margin
    rows = np.arange(y0, y1).clip(0, height - 1)
    columns = np.arange(x0, x1).clip(0, width - 1)
    patch = Image.fromarray(pixels[np.ix_(rows, columns)])
    box = (left - x0, top - y0, left - x0 + across, top - y0 + side)
    return np.asarray(patch.resize((size, size), Image.Resampling.BICUBIC, box=box))

"""The one crop that makes a stored frame of whatever an image file or a video holds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.errors import UsageError


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
    left, top = (width - side) / 2 / pixel_aspect, (height - side) / 2 + shift * min(width, height)
    box = (left, top, left + side / pixel_aspect, top + side)
    if box == (0, 0, size, size):
        return np.asarray(image)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))


def describe_crop(tighten: float, shift: float) -> dict[str, Any]:
    """The crop in the words of a store's manifest."""
    crop = {"kind": "centre square", "tighten": tighten, "resize": "bicubic, antialiased"}
    return crop | ({"shift": shift} if shift else {})


def check_crop(size: int, tighten: float, shift: float = 0.0) -> None:
    """Raises UsageError unless ``centre_square`` can work with these."""
    if size < 1:
        raise UsageError(f"size must be 1 pixel or more, not {size}")
    if tighten < 1:
        raise UsageError(f"tighten must be 1 (the whole square) or more, not {tighten}")
    if abs(shift) > (1 - 1 / tighten) / 2 + 1e-9:
        raise UsageError(f"shift={shift} leaves the image at tighten={tighten}")

"""Landmark files: the .pts of 300-W and dlib's XML."""

import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from benchmark.data.text import finite_numbers, number, read_text
from benchmark.errors import DataError

LARGEST_PTS = 1 << 20  # bytes; a file of 68 points has less than 2,000


class DlibFace(NamedTuple):
    """A face of a dlib XML file.

    Attributes:
        image: name of its image file.
        box: left, top, right, bottom, pixels.
        points: (L, 2) pixels from the outer corner of the first pixel.
    """

    image: str
    box: tuple[float, float, float, float]
    points: NDArray[np.float64]


def read_pts(path: Path, first_pixel: int = 1) -> NDArray[np.float64]:
    """Read a .pts file: ``version: 1``, ``n_points: L``, then L lines of x and y in braces.

    Args:
        path: the file.
        first_pixel: coordinate of the first pixel's centre: 1 in 300-W, whose files were written by Matlab, or 0.

    Returns:
        Points (L, 2) in pixels from the outer corner of the first pixel.

    Raises:
        DataError: the file has another form or number of points, or a coordinate is not a number.
    """
    if path.is_file() and path.stat().st_size > LARGEST_PTS:
        raise DataError(f"{path}: too large for a .pts file")
    text = read_text(path)
    match = re.fullmatch(r"\s*version:\s*1\s+n_points:\s*(\d{1,6})\s*\{([^{}]*)\}\s*", text)
    if not match:
        raise DataError(f"{path}: not a .pts file (version: 1, n_points: N, then N lines in braces)")
    count, coordinates = int(match[1]), finite_numbers(match[2].split())
    if coordinates is None or len(coordinates) != 2 * count or count == 0:
        raise DataError(f"{path}: states {count} points, but does not hold {count} x, y pairs of numbers")
    return coordinates.reshape(-1, 2) - first_pixel + 0.5


def read_dlib(path: Path) -> list[DlibFace]:
    """Read the faces with landmarks ("parts") of a dlib XML file, whose first pixel has coordinate 0.

    The points of a face are in the order of the names of its parts.

    Raises:
        DataError: not readable as such a file.
    """
    try:
        tree = ElementTree.fromstring(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the latter two: an unknown encoding
        raise DataError(f"{path}: not readable XML ({error})") from error
    try:
        faces = [
            _dlib_face(image.attrib["file"], box)
            for image in tree.iter("image")
            for box in image.iter("box")
            if box.find(".//part") is not None
        ]
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: not dlib's form of boxes and parts ({error!r})") from error
    if not faces:
        raise DataError(f"{path}: no face with parts in it")
    return faces


def _dlib_face(image: str, box: ElementTree.Element) -> DlibFace:
    left, top, width, height = (number(box.attrib[key]) for key in ("left", "top", "width", "height"))
    if not np.isfinite([left, top, width, height]).all():
        raise ValueError("a box that is not finite")
    parts = sorted(box.iter("part"), key=lambda part: part.attrib["name"])
    points = np.array([[number(part.attrib[axis]) for axis in ("x", "y")] for part in parts])
    return DlibFace(image, (left, top, left + width, top + height), points + 0.5)

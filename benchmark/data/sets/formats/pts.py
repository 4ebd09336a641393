"""Landmark files: the .pts of 300-W and dlib's XML."""

import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from benchmark.data.text import number, read_text
from benchmark.errors import DataError

LARGEST_PTS = 1 << 20  # bytes; one of 68 points has under 2,000


def read_pts(path: Path, first_pixel: int = 1) -> NDArray[np.float64]:
    """Points (L, 2) of a .pts file in pixels from the outer corner of the image's first pixel.

    The form is ``version: 1``, ``n_points: L``, an opening brace, L lines of x and y, a closing brace.
    ``first_pixel`` is the coordinate of the first pixel's centre: 1 in 300-W, whose files come from Matlab.

    Raises:
        DataError: another form, another number of points than stated, or a coordinate that is no number.
    """
    if path.is_file() and path.stat().st_size > LARGEST_PTS:
        raise DataError(f"{path}: too large for a .pts file")
    text = read_text(path)
    form = re.fullmatch(r"\s*version:\s*1\s+n_points:\s*(\d{1,6})\s*\{([^{}]*)\}\s*", text)
    if not form:
        raise DataError(f"{path}: not a .pts file (version: 1, n_points: N, then N lines in braces)")
    numbers = _numbers(form[2].split())
    if numbers is None or len(numbers) != 2 * int(form[1]) or not len(numbers):
        raise DataError(f"{path}: states {int(form[1])} points, holds something else")
    return numbers.reshape(-1, 2) - first_pixel + 0.5


class DlibFace(NamedTuple):
    """A face of a dlib XML file: image name, box (left, top, right, bottom), points (L, 2), both in pixels."""

    image: str
    box: tuple[float, float, float, float]
    points: NDArray[np.float64]


def read_dlib(path: Path) -> list[DlibFace]:
    """The faces with parts of a dlib XML file; its pixels count from 0, parts in the order of their names.

    Raises:
        DataError: not such a file.
    """
    try:
        tree = ElementTree.fromstring(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # ValueError, LookupError: its encoding
        raise DataError(f"{path}: not readable XML ({error})") from error
    faces = []
    try:
        for image in tree.iter("image"):
            for box in image.iter("box"):
                parts = sorted(box.iter("part"), key=lambda part: part.attrib["name"])
                if not parts:
                    continue
                points = np.array([[number(part.attrib[axis]) for axis in ("x", "y")] for part in parts])
                left, top, width, height = (number(box.attrib[key]) for key in ("left", "top", "width", "height"))
                if not np.isfinite([left, top, width, height]).all():
                    raise ValueError("a box that is not finite")
                name = image.attrib["file"]
                faces.append(DlibFace(name, (left, top, left + width, top + height), points + 0.5))
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: not dlib's form of boxes and parts ({error!r})") from error
    if not faces:
        raise DataError(f"{path}: no face with parts in it")
    return faces


def _numbers(words: list[str]) -> NDArray[np.float64] | None:
    try:
        numbers = np.array([number(word) for word in words])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None

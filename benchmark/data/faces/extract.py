"""Decode and crop the images of a labelled set, in threads."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.crop import Square, UnusableImage, crop, decode
from benchmark.files import content_key

BATCH = 1024  # faces submitted at a time; bounds memory

Progress = Callable[[int, int], None]  # images done, images in all
Squares = Callable[[int, int, int], Square]  # row, height and width of its image -> the square to crop


class Crops(NamedTuple):
    """M cropped faces.

    Attributes:
        rows: (M,) their rows in the raw set, increasing.
        frames: (M, S, S, 3) uint8 RGB.
        squares: (M, 3) left, top and side of each crop, image pixels.
        sizes: (M, 2) width and height of each image, pixels.
        contents: (M,) content key of each image file.
    """

    rows: NDArray[np.intp]
    frames: NDArray[np.uint8]
    squares: NDArray[np.float64]
    sizes: NDArray[np.float64]
    contents: NDArray[np.str_]

    def keep(self, mask: NDArray[np.bool_]) -> "Crops":
        """The faces of ``mask`` (M,); frames are moved in place, since they may not fit in memory twice."""
        for target, source in enumerate(np.flatnonzero(mask)):
            if target != source:
                self.frames[target] = self.frames[source]
        return Crops(
            self.rows[mask], self.frames[: mask.sum()], self.squares[mask], self.sizes[mask], self.contents[mask]
        )


class _Face(NamedTuple):
    row: int
    square: Square
    size: tuple[int, int]  # width, height of the image
    content: str
    notes: tuple[str, ...]


def extract_crops(
    rows: NDArray[np.intp],
    content: Callable[[int], bytes],
    square: Squares,
    size: int,
    skipped: Counter[str],
    noted: Counter[str],
    progress: Progress,
    scratch: Path | None = None,
    aspect: float = 1.0,
) -> Crops:
    """Decode and crop images, keeping their order.

    The frames are memory-mapped from an unnamed temporary file, so a set may be larger than memory.

    Args:
        rows: rows of the raw set to read.
        content: returns the bytes of a row's image file; may raise OSError.
        square: returns the square to crop; may raise `UnusableImage`.
        size: side of the frames, pixels.
        skipped: counts the images that cannot be used, by reason.
        noted: counts the images that were converted, by reason.
        progress: called after each image.
        scratch: folder of the temporary file; default: the system's.
        aspect: width of what is cropped over its height.
    """
    with tempfile.TemporaryFile(dir=scratch) as file:
        shape = (max(len(rows), 1), size, size, 3)
        frames: NDArray[np.uint8] = np.memmap(file, np.uint8, "w+", shape=shape)
    faces: list[_Face] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH].tolist()
            results = pool.map(lambda row: _extract(row, content, square, size, aspect), batch)
            for done, result in enumerate(results, start + 1):
                if isinstance(result, str):
                    skipped[result] += 1
                else:
                    face, frames[len(faces)] = result
                    faces.append(face)
                    noted.update(face.notes)
                progress(done, len(rows))
    contents = np.array([face.content for face in faces], dtype="U16")
    noted["content of another image"] += len(contents) - len(np.unique(contents))
    return Crops(
        np.array([face.row for face in faces], np.intp),
        frames[: len(faces)],
        np.array([face.square for face in faces], np.float64).reshape(-1, 3),
        np.array([face.size for face in faces], np.float64).reshape(-1, 2),
        contents,
    )


def _extract(
    row: int, content: Callable[[int], bytes], square: Squares, size: int, aspect: float
) -> tuple[_Face, NDArray[np.uint8]] | str:
    """The face of a row and its frame, or the reason why the row is skipped."""
    try:
        data = content(row)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return "image absent"
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return "image unreadable"
    try:
        pixels, notes = decode(data)
        height, width = pixels.shape[:2]
        face_square = square(row, height, width)
        frame = crop(pixels, face_square, size, aspect)
    except UnusableImage as error:
        return str(error)
    return _Face(row, face_square, (width, height), content_key(data), notes), frame

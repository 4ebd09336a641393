"""Matlab's .mat files, versions 5 to 7: numbers, text, cells and structures.

SciPy's reader is not used: a file with a few wrong bytes can end its process. This one reads what the sets need of
"MAT-File Format" (MathWorks), level 5, and checks every length before it follows it.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark.errors import DataError

LARGEST = 1 << 28  # bytes, of a file and of what it unpacks to
DEEPEST = 8  # cells in structures in cells ...
HEADER = 128
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, STRUCT, CHAR = 1, 2, 4
NUMERIC = range(6, 16)


class _Element(NamedTuple):
    kind: int
    data: bytes


class _Reader:
    """Elements of one byte order, one after another."""

    def __init__(self, order: str):
        self.order = order

    def elements(self, data: bytes) -> Iterator[_Element]:
        at = 0
        while at + 8 <= len(data):
            first, length = struct.unpack_from(f"{self.order}II", data, at)
            start = at + 8
            if first >> 16:  # up to four bytes are kept in the tag itself
                first, length, start = first & 0xFFFF, first >> 16, at + 4
                if length > 4:
                    raise ValueError("a short element is too long")
            if start + length > len(data):
                raise ValueError("cut short")
            yield _Element(first, data[start : start + length])
            end = start + length
            at = end if first == COMPRESSED else end + (-end % 8 if start == at + 8 else at + 8 - end)

    def unpacked(self, element: _Element) -> _Element:
        if element.kind != COMPRESSED:
            return element
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(element.data, LARGEST)
        if unpacker.unconsumed_tail:
            raise ValueError("unpacks to too much")
        return next(self.elements(data))

    def matrix(self, data: bytes, depth: int = 0) -> tuple[str, Any]:
        """Name and value: an array, text, a list of a cell's values, or a list of a structure's dictionaries."""
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        if not data:
            return "", np.empty((0, 0))
        parts = self.elements(data)
        kind = int(self.numbers(next(parts))[0]) & 0xFF
        shape = [int(n) for n in self.numbers(next(parts))]
        name = next(parts).data.decode("latin-1")
        if min(shape, default=-1) < 0:
            raise ValueError("a negative size")
        count = int(np.prod(shape, dtype=object))
        if count > len(data):
            raise ValueError("more values than bytes")
        if kind in NUMERIC:
            return name, self.numbers(next(parts))[:count].reshape(shape, order="F")
        if kind == CHAR:
            return name, self.text(next(parts))
        if kind == CELL:
            return name, [self.matrix(self.of_kind(next(parts), MATRIX), depth + 1)[1] for _ in range(count)]
        if kind == STRUCT:
            return name, self.structures(parts, count, depth)
        raise ValueError(f"a value of class {kind}")

    def structures(self, parts: Iterator[_Element], count: int, depth: int) -> list[dict[str, Any]]:
        width = int(self.numbers(next(parts))[0])
        joined = next(parts).data
        if width < 1 or len(joined) % width or count * (len(joined) // width) > LARGEST:
            raise ValueError("field names of no length")
        names = [joined[i : i + width].split(b"\0")[0].decode("latin-1") for i in range(0, len(joined), width)]
        return [
            {name: self.matrix(self.of_kind(next(parts), MATRIX), depth + 1)[1] for name in names} for _ in range(count)
        ]

    def numbers(self, element: _Element) -> np.ndarray:
        if element.kind not in NUMBERS:
            raise ValueError(f"numbers of type {element.kind}")
        return np.frombuffer(element.data, np.dtype(self.order + NUMBERS[element.kind]))

    def text(self, element: _Element) -> str:
        encoding = TEXTS.get(element.kind)
        if encoding is None:
            raise ValueError(f"text of type {element.kind}")
        wide = encoding in ("utf-16", "utf-32")
        return element.data.decode(encoding + ("-le" if self.order == "<" else "-be") * wide)

    @staticmethod
    def of_kind(element: _Element, kind: int) -> bytes:
        if element.kind != kind:
            raise ValueError(f"an element of type {element.kind}")
        return element.data


def read_mat(path: Path) -> dict[str, Any]:
    """The variables of a .mat file: arrays, text, lists for cells, lists of dictionaries for structures.

    Raises:
        DataError: it cannot be read; also of version 7.3, which is HDF5.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("too large")
        content = path.read_bytes()
        order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
        if len(content) < HEADER or order is None or content[125 if order == "<" else 124] != 1:
            raise ValueError("no header of versions 5 to 7")
        return dict(_variables(_Reader(order), content[HEADER:]))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, IndexError, StopIteration, RuntimeError, struct.error, zlib.error) as error:
        raise DataError(f"{path}: not a readable .mat file ({error or 'cut short'})") from error


def _variables(reader: _Reader, data: bytes) -> Iterator[tuple[str, Any]]:
    for packed in reader.elements(data):
        element = reader.unpacked(packed)
        if element.kind == MATRIX and element.data:
            yield reader.matrix(element.data)

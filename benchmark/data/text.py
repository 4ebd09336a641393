"""Annotation files in text form: decoding, CSV rows, column positions and numbers."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import DataError


def read_text(path: Path, encoding: str | None = None) -> str:
    """Content of a text file.

    Args:
        path: the file.
        encoding: default: UTF-16 with a byte order mark, otherwise UTF-8 with or without one.

    Raises:
        DataError: the file cannot be read or decoded.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if encoding is None:
        has_utf16_mark = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if has_utf16_mark else "utf-8-sig"
    try:
        return content.decode(encoding)
    except LookupError as error:
        raise DataError(f"{path}: unknown encoding {encoding!r}") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}: line {line} is not {encoding.removesuffix('-sig')}; convert the file, or for a CSV of your own "
            "state its `encoding`, e.g. latin-1"
        ) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, stripped, without blank ones; raises as `read_text`."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def read_rows(path: Path, separator: str = ",", quoted: bool = True) -> Iterator[list[str]]:
    """The cells of a CSV file, line by line.

    Raises:
        DataError: the file cannot be read, or a quoted cell spans lines; an unclosed quote would swallow them.
    """
    text = StringIO(read_text(path))
    rows = csv.reader(text, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    try:
        for line, row in enumerate(rows, 1):
            if rows.line_num != line:
                raise DataError(f"{path}: line {line}: a quote opens there and is not closed; correct the line")
            yield row
    except csv.Error as error:
        raise DataError(f"{path}: line {rows.line_num}: not a CSV ({error})") from error


def column_positions(path: Path, header: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Position in ``header`` of each column in ``names``; case and surrounding blanks do not matter.

    Raises:
        DataError: a column is missing or occurs twice.
    """
    cells = [cell.strip().casefold() for cell in header]
    for name in names:
        if (count := cells.count(name.casefold())) != 1:
            raise DataError(f"{path}: {'two columns are called' if count else 'no column'} {name!r}")
    return {name: cells.index(name.casefold()) for name in names}


def number(text: str) -> float:
    """A number as data files write it: unlike in Python, without underscores between digits.

    Raises:
        ValueError: not a number.
    """
    if "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


def number_or_nan(text: str) -> float:
    """A number as data files write it, NaN for anything else."""
    try:
        return number(text)
    except ValueError:
        return float("nan")


def finite_numbers(words: Sequence[str]) -> NDArray[np.float64] | None:
    """All words as finite numbers; None if one is anything else."""
    try:
        numbers = np.array([number(word) for word in words], np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None

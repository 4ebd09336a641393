"""Text files of annotations: decoding, CSV rows, header positions and numbers."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

from benchmark.errors import DataError


def read_rows(path: Path, separator: str = ",", quoted: bool = True) -> Iterator[list[str]]:
    """The cells of a CSV's lines, one line after another.

    Raises:
        DataError: it cannot be read, or a quote is open at the end of a line, in whose cell the next ones would vanish.
    """
    text = StringIO(read_text(path))
    rows = csv.reader(text, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    try:
        for number, row in enumerate(rows, 1):
            if rows.line_num != number:
                raise DataError(f"{path}: line {number}: a quote opens there and is not closed; mend the line")
            yield row
    except csv.Error as error:
        raise DataError(f"{path}: line {rows.line_num}: not a CSV ({error})") from error


def places(path: Path, header: Sequence[str], needed: Sequence[str]) -> dict[str, int]:
    """Where each of these columns stands; case and blanks around its name do not matter.

    Raises:
        DataError: one is not there, or there twice.
    """
    names = [cell.strip().casefold() for cell in header]
    for name in needed:
        if (count := names.count(name.casefold())) != 1:
            raise DataError(f"{path}: {'two columns are called' if count else 'no column'} {name!r}")
    return {name: names.index(name.casefold()) for name in needed}


def number(text: str) -> float:
    """A number as files write it.

    Raises:
        ValueError: it is none; nor is what Python alone takes for one, digits parted by underscores.
    """
    if "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


def read_text(path: Path, encoding: str | None = None) -> str:
    """A text file's content; by default UTF-8, with or without a mark, or UTF-16 with one.

    Raises:
        DataError: it cannot be read or decoded.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if encoding is None:
        marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if marked else "utf-8-sig"
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

"""CSV files about images, joined on the image column."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.data.text import read_text
from benchmark.errors import DataError, suggestion

SEPARATORS = ",;\t|"
Cells: TypeAlias = "pd.Series[str]"


@dataclass
class FaceTable:
    """One row per image of the first file, with the columns of the other files for the same image.

    Attributes:
        images: (N,) image names.
        columns: by name, the files that have the column and its cells as text.
        skipped: rows left out, by reason.
        noted: rows with something missing, by reason.
    """

    images: list[str]
    columns: dict[str, list[tuple[str, Cells]]]
    skipped: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(
        cls, paths: Sequence[Path], image: str, encoding: str | None = None, separator: str | None = None
    ) -> "FaceTable":
        """Read and join CSV files; identical rows are counted once.

        Args:
            paths: the files; the first one lists the images.
            image: column of image names, in each file.
            encoding: default: UTF-16 with a byte order mark, otherwise UTF-8 with or without one.
            separator: default: the most frequent of comma, semicolon, tab and bar in the header.

        Raises:
            DataError: a file is absent, empty, not decodable, ragged, lacks the image column, or has two different
                rows for an image.
        """
        table = cls([], {})
        for number, path in enumerate(paths):
            rows = _read(path, encoding, separator)
            _require(image, {str(name): [(path.name, rows[name])] for name in rows})
            rows = table._unique_rows(path, rows, image)
            if number == 0:
                table.images = list(rows.index)
            else:
                absent = ~np.isin(table.images, rows.index)
                table.noted[f"not in {path.name}"] += int(absent.sum())
                table.skipped[f"only in {path.name}"] += int((~rows.index.isin(table.images)).sum())
                rows = rows.reindex(table.images, fill_value="")
            for name in rows:
                table.columns.setdefault(str(name), []).append((path.name, rows[name]))
        return table

    def origin(self, name: str) -> str:
        """File and name of a column, for messages."""
        return f"{_require(name, self.columns)[0][0]}: column {name!r}"

    def text(self, name: str) -> NDArray[np.str_]:
        """Cells of a column, "" where missing.

        Raises:
            DataError: no such column, or files with different values for an image.
        """
        (first, cells), *others = _require(name, self.columns)
        for other, other_cells in others:
            differ = (cells != other_cells) & (cells != "") & (other_cells != "")
            if differ.any():
                raise DataError(
                    f"column {name!r} differs between {first} and {other} for image "
                    f"{differ.idxmax()!r}; rename it in one of them"
                )
            cells = cells.where(cells != "", other_cells)
        return cells.to_numpy(dtype=np.str_)

    def numbers(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Columns as numbers (N, len(names)), NaN for cells that are blank, not a number or not finite.

        Raises:
            DataError: no such column, or one without any number.
        """
        result = np.empty((len(self.images), len(names)))
        for column, name in enumerate(names):
            cells = self.text(name)
            values = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy(np.float64, copy=True)
            values[~np.isfinite(values)] = np.nan
            filled = cells != ""
            if filled.any() and np.isnan(values).all():
                raise DataError(f"{self.origin(name)} holds no numbers (first value: {str(cells[filled][0])!r})")
            result[:, column] = values
        return result

    def _unique_rows(self, path: Path, rows: pd.DataFrame, image: str) -> pd.DataFrame:
        """Rows indexed by image, each image once; left-out and repeated rows are counted."""
        unnamed = rows[image] == ""
        self.skipped["row without image"] += int(unnamed.sum())
        rows = rows[~unnamed]
        repeated = rows.duplicated()
        self.noted["row repeated"] += int(repeated.sum())
        rows = rows[~repeated]
        contradictory = rows[image].duplicated()
        if contradictory.any():
            name = rows[image][contradictory].iloc[0]
            lines = ", ".join(str(line + 2) for line in rows.index[rows[image] == name])
            raise DataError(f"{path}: rows {lines} contradict each other about image {name!r}; keep one of them")
        return rows.set_index(image, drop=False)


def _require(name: str, columns: dict[str, list[tuple[str, Cells]]]) -> list[tuple[str, Cells]]:
    if name not in columns:
        files = " + ".join(dict.fromkeys(file for cells in columns.values() for file, _ in cells))
        raise DataError(f"{files}: no column {name!r}{suggestion(name, columns)}")
    return columns[name]


def _read(path: Path, encoding: str | None, separator: str | None) -> pd.DataFrame:
    """All cells of a file as stripped text, with named columns."""
    text = read_text(path, encoding)
    header = next((line for line in text.splitlines() if line.strip()), "")
    if not header:
        raise DataError(f"{path}: empty")
    separator = separator or max(SEPARATORS, key=header.count)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
            cells = pd.read_csv(
                StringIO(text), sep=separator, header=None, dtype=str, keep_default_na=False, index_col=False
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{path}: not a table of {separator!r}-separated columns: {error}".strip()) from error
    cells = cells.fillna("").apply(lambda column: column.str.strip())
    names = cells.iloc[0]
    twice = names[names.duplicated() & (names != "")]
    if len(twice):
        raise DataError(f"{path}: two columns are called {twice.iloc[0]!r}; rename one")
    rows = cells.iloc[1:].reset_index(drop=True).set_axis(names, axis=1)
    if rows.empty:
        raise DataError(f"{path}: no rows below the header")
    named: pd.DataFrame = rows.loc[:, (names != "").to_numpy()]
    return named

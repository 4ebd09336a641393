"""EmotioNet (Fabian Benitez-Quiroz et al., CVPR 2016): 11 action units, distributed as lists of URLs with labels.

Files: ``dataFile_*.txt``, the automatically labelled part (tab-separated, no header: URL, original URL, AU1 to AU60);
``EmotioNet_FACS_aws*.xlsx`` or .csv, the manually labelled part, whose headers and URLs may be in quotes; and the
images that the user could download, in any folders. Rows without an image are counted.

Protocol: labels are 1, 0 and 999; anything but 1 and 0 is unknown, and masked in losses and scores. The official test
set is not public: the manual part is the test set, val is cut off the automatic one. No crop is published: here, the
middle square of the image, or the user's own boxes.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from benchmark.config.sets import EmotioNetFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import Target
from benchmark.data.folders import IMAGES, is_kind
from benchmark.data.sets.csv.table import FaceTable
from benchmark.data.sets.files import SetFiles, image_reader, locate, matching
from benchmark.data.sets.squares import box_squares, middle_square
from benchmark.data.text import column_positions, number_or_nan, read_rows, read_text
from benchmark.errors import DataError

VERSION = 2
UNKNOWN = 999
UNITS = (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26)
AUTOMATIC = "dataFile_*.txt"
MANUAL = ("EmotioNet_FACS*.xlsx", "EmotioNet_FACS*.csv")
NO_MANUAL = "no manually labelled list: divided by seed, not comparable with published figures"
NO_AUTOMATIC = "no automatically labelled list: divided by seed, not comparable with published figures"


class _Row(NamedTuple):
    url: str
    labels: list[float]  # of UNITS: 1, 0, or NaN where unknown


def find(config: EmotioNetFaces) -> SetFiles:
    """The lists and the folder of images."""
    root = locate(
        config,
        lambda folder: any(_lists(folder)),
        ("emotionet", "emotio-net", "emotionnet"),
        f"{AUTOMATIC} and {' or '.join(MANUAL)}, and the images",
    )
    images = Path(config.images) if config.images else root
    if not images.is_dir():
        raise DataError(f"{images}: no such folder of images")
    automatic, manual = _lists(root)
    labels = [*automatic, *manual, *([Path(config.boxes)] if config.boxes else [])]
    return SetFiles(root, labels, [images])


def read(config: EmotioNetFaces) -> RawFaces:
    """The rows with an image; a URL in both parts belongs to the manual one, the test set."""
    files = find(config)
    automatic, manual = _lists(files.root)
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    labels_of: dict[str, list[float]] = {}
    split_of: dict[str, str] = {}
    for split, paths in (("test", manual), ("train", automatic)):
        for path in paths:
            for row in _read_list(path, skipped, noted):
                if row.url in labels_of:
                    skipped["URL listed again"] += 1
                else:
                    labels_of[row.url], split_of[row.url] = row.labels, split
    if not labels_of:
        raise DataError(f"{files.root}: no row with labels in {len(files.labels)} lists")
    url_of = _urls_by_image(files.images[0], labels_of, skipped)
    names, urls = list(url_of), list(url_of.values())
    values = np.array([labels_of[url] for url in urls], np.float32).reshape(-1, len(UNITS))
    not_comparable = [text for text, paths in ((NO_MANUAL, manual), (NO_AUTOMATIC, automatic)) if not paths]
    return RawFaces(
        ids=names,
        content=image_reader(files.images[0], names),
        square=box_squares(_read_boxes(Path(config.boxes), names), 1.0) if config.boxes else middle_square,
        targets={"aus": Target("aus", values, np.isin(values, (0, 1)), tuple(f"AU{unit}" for unit in UNITS))},
        split=None if not_comparable else np.array([split_of[url] for url in urls], dtype="U5"),
        duplicates="drop",
        skipped=skipped,
        noted=noted,
        not_comparable=not_comparable,
        protocol={
            "source": "EmotioNet",
            "crop": {"box": Path(config.boxes).name if config.boxes else "the picture's middle square"},
            "labelled": len(labels_of),
            "with image": len(names),
            "split": {"test": "the manually labelled part", "train": "the automatically labelled part"},
        },
    )


def _lists(root: Path) -> tuple[list[Path], list[Path]]:
    """Automatically and manually labelled lists in a folder and its subfolders; .csv is preferred to .xlsx."""
    folders = (root, *sorted(path for path in root.iterdir() if path.is_dir()))
    automatic = [path for folder in folders for path in matching(folder, AUTOMATIC)]
    manual = [path for folder in folders for pattern in MANUAL for path in matching(folder, pattern)]
    csv_stems = {path.stem for path in manual if path.suffix == ".csv"}
    return automatic, [path for path in manual if path.suffix == ".csv" or path.stem not in csv_stems]


def _read_list(path: Path, skipped: Counter[str], noted: Counter[str]) -> Iterator[_Row]:
    if path.suffix == ".txt":
        yield from _automatic_rows(read_rows(path, "\t", quoted=False), skipped, noted)
    elif path.suffix == ".xlsx":
        for sheet in _sheets(path):
            yield from _manual_rows(path, sheet, skipped, noted)
    else:
        first_line = read_text(path).partition("\n")[0]
        separator = max(",;\t", key=first_line.count)
        yield from _manual_rows(path, read_rows(path, separator), skipped, noted)


def _automatic_rows(lines: Iterable[list[str]], skipped: Counter[str], noted: Counter[str]) -> Iterator[_Row]:
    """Rows of the most common length; in others the units would be shifted."""
    rows = [cells for cells in lines if any(cell.strip() for cell in cells)]
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    for cells in rows:
        if len(cells) != width or width < 2 + max(UNITS) or not (url := _unquoted(cells[0])):
            skipped["row broken"] += 1
            continue
        yield _Row(url, _labels([cells[1 + unit] for unit in UNITS], noted))  # after two URLs


def _manual_rows(
    path: Path, lines: Iterable[Iterable[object]], skipped: Counter[str], noted: Counter[str]
) -> Iterator[_Row]:
    """Rows below the header of a sheet or CSV file; a sheet without a column URL has none.

    Raises:
        DataError: the header lacks an action unit, or has one twice.
    """
    columns: dict[str, int] = {}
    width = 0
    for line in lines:
        cells = ["" if cell is None else str(cell) for cell in line]
        if not columns:
            header = [_unquoted(cell).replace(" ", "").upper() for cell in cells]
            if "URL" in header:
                columns = column_positions(path, header, ("URL", *(f"AU{unit}" for unit in UNITS)))
                width = len(header)
            elif sum(cell != "" for cell in cells) > len(UNITS):
                skipped["row above the header, or without one"] += 1
            continue
        if not any(cells):
            continue
        is_shifted = path.suffix == ".csv" and len(cells) != width
        if is_shifted or len(cells) <= max(columns.values()) or not (url := _unquoted(cells[columns["URL"]])):
            skipped["row broken"] += 1
            continue
        yield _Row(url, _labels([cells[columns[f"AU{unit}"]] for unit in UNITS], noted))
    if not columns:
        skipped["sheet without the column URL"] += 1


def _sheets(path: Path) -> Iterator[list[tuple[object, ...]]]:
    """The rows of each sheet of an .xlsx file.

    Raises:
        DataError: openpyxl is not installed, or cannot read the file.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise DataError(f"{path}: needs `pip install fab-bench[xlsx]`, or save it as .csv of the same name") from error
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for sheet in book.worksheets:
            yield list(sheet.iter_rows(values_only=True))
        book.close()
    except Exception as error:  # openpyxl documents no exceptions for broken archives and sheets
        raise DataError(f"{path}: not a readable .xlsx ({type(error).__name__}); save it as .csv") from error


def _unquoted(cell: str) -> str:
    return cell.strip().strip("'\"").strip()


def _labels(cells: Sequence[str], noted: Counter[str]) -> list[float]:
    """1 or 0; NaN for 999 and for anything else, which is counted."""
    values = [number_or_nan(_unquoted(cell)) for cell in cells]
    other = sum(value not in (0, 1, UNKNOWN) for value in values)
    noted["label that is neither 0, 1 nor 999, taken as unknown"] += other
    return [value if value in (0, 1) else float("nan") for value in values]


def _urls_by_image(folder: Path, urls: Iterable[str], skipped: Counter[str]) -> dict[str, str]:
    """The URL of each image below ``folder`` that belongs to one.

    An image belongs to a URL that ends in its name; where several images have the name, in its folder and name.
    """
    paths_of: dict[str, list[str]] = defaultdict(list)
    for parent, _, files in os.walk(folder, followlinks=True):
        relative = parent[len(str(folder)) + 1 :]
        for name in files:
            if is_kind(name, IMAGES):
                paths_of[name].append(f"{relative}/{name}" if relative else name)
    url_of: dict[str, str] = {}
    for url in urls:
        parts = unquote(_path(url)).split("/")
        paths = paths_of.get(parts[-1], [])
        if len(paths) > 1:
            in_folder = [path for path in paths if path.split("/")[-2:-1] == parts[-2:-1]]
            paths = in_folder if len(in_folder) == 1 else paths
        if not paths:
            skipped["image not downloaded"] += 1
        elif len(paths) > 1:
            skipped["several images of the name in the URL"] += 1
        elif paths[0] in url_of:
            skipped["image of another URL"] += 1
        else:
            url_of[paths[0]] = url
    return url_of


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # such as a bracket in place of the host
        return url


def _read_boxes(path: Path, names: list[str]) -> NDArray[np.float64]:
    """The user's boxes (N, 4: left, top, right, bottom), NaN without one; images by path or name alone."""
    table = FaceTable.read([path], "image")
    left, top, width, height = table.numbers(["left", "top", "width", "height"]).T
    box_of = dict(zip(table.images, np.stack([left, top, left + width, top + height], axis=1), strict=True))
    no_box = np.full(4, np.nan)
    boxes = [box_of.get(name, box_of.get(name.rpartition("/")[2], no_box)) for name in names]
    return np.array(boxes).reshape(-1, 4)

"""EmotioNet (Fabian Benitez-Quiroz et al., CVPR 2016): 11 action units, as lists of URLs with labels.

``dataFile_*.txt`` is the automatically labelled part (tab-separated, no header: URL, original URL, AU1 to AU60),
``EmotioNet_FACS_aws*.xlsx`` or .csv the manually labelled one, whose headers and URLs may carry quotes. Values are
1, 0 and 999; whatever is neither 1 nor 0 is not known, and masked in loss and score. The official test set is closed:
the manual part is the test set, val is cut off the automatic one. Images are what the user could download; labels
without one are counted. The published crop is not known: whole pictures, or the user's own boxes.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from benchmark.config.schema import EmotioNetFaces
from benchmark.data.faces.build import RawFaces, Squares
from benchmark.data.faces.crop import centre_square
from benchmark.data.faces.labelled_set import Target
from benchmark.data.folders import IMAGES, is_kind
from benchmark.data.sets.csv.table import FaceTable
from benchmark.data.sets.files import Found, locate, matching, reader
from benchmark.data.sets.landmarks import round_boxes
from benchmark.data.text import number, places, read_rows, read_text
from benchmark.errors import DataError

VERSION = 2
UNKNOWN = 999
UNITS = (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26)
AUTOMATIC = "dataFile_*.txt"
MANUAL = ("EmotioNet_FACS*.xlsx", "EmotioNet_FACS*.csv")
NO_MANUAL = "no manually labelled list: divided by seed, not comparable with published figures"
NO_AUTOMATIC = "no automatically labelled list: divided by seed, not comparable with published figures"
Row = tuple[str, list[float]]  # URL, the eleven labels


def find(config: EmotioNetFaces) -> Found:
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
    return Found(root, labels, [images])


def read(config: EmotioNetFaces) -> RawFaces:
    """Its faces; a URL in both parts counts as manual, since that is what is tested on."""
    found = find(config)
    automatic, manual = _lists(found.root)
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    rows: dict[str, tuple[str, list[float]]] = {}
    for part, paths in (("test", manual), ("train", automatic)):
        for path in paths:
            for url, labels in _rows_of(path, skipped, noted):
                if url in rows:
                    skipped["URL listed again"] += 1
                else:
                    rows[url] = (part, labels)
    if not rows:
        raise DataError(f"{found.root}: no row with labels in {len(found.labels)} lists")
    of_image: dict[str, str] = {}
    for url, image in _images(found.images[0], rows, skipped):
        if image in of_image:
            skipped["image of another URL"] += 1
        else:
            of_image[image] = url
    names = list(of_image)
    values = np.array([rows[url][1] for url in of_image.values()], np.float32).reshape(-1, len(UNITS))
    known = np.isin(values, (0, 1))
    alone = [text for text, paths in ((NO_MANUAL, manual), (NO_AUTOMATIC, automatic)) if not paths]
    split = np.array([rows[url][0] for url in of_image.values()], dtype="U5")
    return RawFaces(
        ids=names,
        content=reader(found.images[0], names),
        square=_squares(config, names),
        targets={"aus": Target("aus", values, known, tuple(f"AU{unit}" for unit in UNITS))},
        split=None if alone else split,
        duplicates="drop",
        skipped=skipped,
        noted=noted,
        not_comparable=alone,
        protocol={
            "source": "EmotioNet",
            "crop": {"box": Path(config.boxes).name if config.boxes else "the picture's middle square"},
            "labelled": len(rows),
            "with image": len(names),
            "split": {"test": "the manually labelled part", "train": "the automatically labelled part"},
        },
    )


def _lists(root: Path) -> tuple[list[Path], list[Path]]:
    """Automatically and manually labelled lists, in the folder or one below it."""
    folders = (root, *sorted(path for path in root.iterdir() if path.is_dir()))
    automatic = [path for folder in folders for path in matching(folder, AUTOMATIC)]
    manual = [path for folder in folders for form in MANUAL for path in matching(folder, form)]
    csvs = {path.stem for path in manual if path.suffix == ".csv"}
    return automatic, [path for path in manual if path.suffix == ".csv" or path.stem not in csvs]


def _rows_of(path: Path, skipped: Counter[str], noted: Counter[str]) -> Iterator[Row]:
    if path.suffix == ".xlsx":
        for sheet in _sheets(path):
            yield from _manual(path, sheet, skipped, noted)
        return
    if path.suffix == ".txt":
        yield from _automatic(read_rows(path, "\t", quoted=False), skipped, noted)
    else:
        separator = max(",;\t", key=read_text(path).partition("\n")[0].count)
        yield from _manual(path, read_rows(path, separator), skipped, noted)


def _automatic(lines: Iterable[list[str]], skipped: Counter[str], noted: Counter[str]) -> Iterator[Row]:
    """Rows of as many cells as most have; in others the units would be shifted."""
    rows = [cells for cells in lines if any(cell.strip() for cell in cells)]
    usual = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    for cells in rows:
        if len(cells) != usual or usual < 2 + max(UNITS) or not (url := _bare(cells[0])):
            skipped["row broken"] += 1
            continue
        yield url, _labels(cells, (1 + unit for unit in UNITS), noted)


def _manual(path: Path, lines: Iterable[Iterable[object]], skipped: Counter[str], noted: Counter[str]) -> Iterator[Row]:
    """Rows below the header; without one with a URL and the units the sheet is something else."""
    place: dict[str, int] = {}
    last = columns = 0
    for line in lines:
        cells = ["" if cell is None else str(cell) for cell in line]
        if not place:
            header = [_bare(cell).replace(" ", "").upper() for cell in cells]
            if "URL" in header:
                place, columns = places(path, header, ("URL", *(f"AU{unit}" for unit in UNITS))), len(cells)
                last = max(place.values())
            elif sum(cell != "" for cell in cells) > len(UNITS):
                skipped["row above the header, or without one"] += 1
            continue
        if not any(cells):
            continue
        shifted = path.suffix == ".csv" and len(cells) != columns
        if shifted or len(cells) <= last or not _bare(cells[place["URL"]]):
            skipped["row broken"] += 1
            continue
        yield _bare(cells[place["URL"]]), _labels(cells, (place[f"AU{unit}"] for unit in UNITS), noted)
    if not place:
        skipped["sheet without the column URL"] += 1


def _sheets(path: Path) -> Iterator[list[tuple[object, ...]]]:
    try:
        import openpyxl
    except ImportError as error:
        raise DataError(f"{path}: needs `pip install fab-bench[xlsx]`, or save it as .csv of the same name") from error
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for sheet in book.worksheets:
            yield list(sheet.iter_rows(values_only=True))
        book.close()
    except Exception as error:  # a broken archive or sheet raises whatever its parser stumbles over
        raise DataError(f"{path}: not a readable .xlsx ({type(error).__name__}); save it as .csv") from error


def _bare(cell: str) -> str:
    return cell.strip().strip("'\"").strip()


def _labels(cells: list[str], columns: Iterable[int], noted: Counter[str]) -> list[float]:
    """1 or 0; NaN for 999, and for whatever else stands there, which is counted."""
    labels = []
    for column in columns:
        try:
            value = number(_bare(cells[column]))
        except ValueError:
            value = float("nan")
        noted["label that is neither 0, 1 nor 999, taken as unknown"] += value not in (0, 1, UNKNOWN)
        labels.append(value if value in (0, 1) else float("nan"))
    return labels


def _images(folder: Path, urls: Iterable[str], skipped: Counter[str]) -> Iterator[tuple[str, str]]:
    """The image of each URL that has one: by file name, and by the folder in the URL where names repeat."""
    places: dict[str, list[str]] = defaultdict(list)
    for base, _, files in os.walk(folder, followlinks=True):
        below = base[len(str(folder)) + 1 :]
        for name in files:
            if is_kind(name, IMAGES):
                places[name].append(f"{below}/{name}" if below else name)
    for url in urls:
        parts = unquote(_path(url)).split("/")
        found = places.get(parts[-1], [])
        in_folder = [place for place in found if place.split("/")[-2:-1] == parts[-2:-1]]
        if len(in_folder) == 1 or len(found) == 1:
            yield url, (in_folder if len(in_folder) == 1 else found)[0]
        else:
            skipped["several images of the name in the URL" if found else "image not downloaded"] += 1


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:  # such as a bracket where a host belongs
        return url


def _squares(config: EmotioNetFaces, names: list[str]) -> Squares:
    if not config.boxes:
        return lambda row, height, width: centre_square(height, width)
    table = FaceTable.read([Path(config.boxes)], "image")
    row_of = {image: row for row, image in enumerate(table.images)}
    columns = table.numbers(["left", "top", "width", "height"])
    boxes: NDArray[np.float64] = np.full((len(names), 4), np.nan)
    for row, name in enumerate(names):
        if (other := row_of.get(name, row_of.get(name.rpartition("/")[2]))) is not None:
            left, top, width, height = columns[other]
            boxes[row] = left, top, left + width, top + height
    return round_boxes(boxes, 1.0)

"""AffectNet (Mollahosseini et al., 2017): 8 expressions, in both layouts that it has been distributed in.

Files, manually annotated part only:
    CSV layout: ``Manually_Annotated_file_lists/{training,validation}.csv`` (the latter may lack its header) and
        ``Manually_Annotated_Images/``.
    .npy layout: ``{train,val}_set/images/N.jpg`` and ``{train,val}_set/annotations/N_exp.npy``.

Protocol: the official test set is not public, so the official validation set is the test set, and val is cut off
train, as in the FAb-Net paper. Codes 8 to 10 (none, uncertain, non-face) are left out. The crop is the given picture,
as in FAb-Net's demo; ``crop=box`` uses the face boxes of the CSV lists.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from benchmark.config.sets import AffectNetFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import Target
from benchmark.data.sets.files import SetFiles, first_existing, image_reader, locate, matching
from benchmark.data.sets.squares import box_squares, middle_square
from benchmark.data.text import column_positions, number, number_or_nan, read_rows
from benchmark.errors import DataError, UsageError

VERSION = 2
CLASSES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
LEFT_OUT = {8: "none", 9: "uncertain", 10: "non-face"}
CODES = len(CLASSES) + len(LEFT_OUT)
LISTS = {"train": "training.csv", "test": "validation.csv"}
LIST_FOLDERS = ("Manually_Annotated_file_lists", ".")
IMAGES = (
    "Manually_Annotated/Manually_Annotated_Images",
    "Manually_Annotated_Images",
    "Manually_Annotated",
    "Manually_Annotated_compressed/Manually_Annotated_Images",
    ".",
)
IMAGE = "subDirectory_filePath"
BOX = ("face_x", "face_y", "face_width", "face_height")
NEEDED = (IMAGE, *BOX, "facial_landmarks", "expression")
COLUMNS = (*NEEDED, "valence", "arousal")
SETS = {"train": "train_set", "test": "val_set"}


class _Row(NamedTuple):
    split: str
    image: str
    code: int  # expression
    box: NDArray[np.float64]  # (4,) left, top, right, bottom; NaN where unknown


def find(config: AffectNetFaces) -> SetFiles:
    """The lists or annotations, and the images."""
    root = locate(
        config,
        lambda folder: bool(_lists(folder)) or _has_npy_layout(folder),
        ("affectnet", "affect-net"),
        "Manually_Annotated_file_lists/{training,validation}.csv and Manually_Annotated/, or train_set/ and val_set/",
    )
    if lists := _lists(root):
        images = first_existing(root, IMAGES)
        assert images is not None  # "." exists
        return SetFiles(root, list(lists.values()), [images])
    folders = [root / name / part for name in SETS.values() for part in ("annotations", "images")]
    return SetFiles(root, [], folders)


def read(config: AffectNetFaces) -> RawFaces:
    """The faces of both splits; codes beyond the eight classes are counted and left out."""
    files = find(config)
    layout = "csv" if files.labels else "npy"
    if layout == "npy" and config.crop == "box":
        raise UsageError("crop=box needs AffectNet's CSV lists; the .npy layout has no boxes")
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    if layout == "csv":
        rows = [row for split, path in _lists(files.root).items() for row in _read_list(split, path, skipped, noted)]
    else:
        rows = [row for split, name in SETS.items() for row in _read_annotations(split, files.root / name, skipped)]
    names = [row.image for row in rows]
    codes = np.array([row.code for row in rows], np.int64)
    known = codes < len(CLASSES)
    boxes = np.array([row.box for row in rows]).reshape(-1, 4)
    return RawFaces(
        ids=names,
        content=image_reader(_image_folder(files.root, names) if layout == "csv" else files.root, names),
        square=box_squares(boxes, 1.0) if config.crop == "box" else middle_square,
        targets={"expression": Target("classes", np.where(known, codes, -1), known, CLASSES)},
        split=np.array([row.split for row in rows], dtype="U5"),
        duplicates="drop",
        skipped=skipped,
        noted=noted,
        protocol={
            "source": "AffectNet, manual part",
            "layout": layout,
            "crop": {"kind": config.crop if config.crop == "box" else "the given picture's middle square"},
            "classes_left_out": dict(Counter(LEFT_OUT[code] for code in codes[~known].tolist())),
            "split": {"test": "the official validation set"},
        },
    )


def _lists(root: Path) -> dict[str, Path]:
    """The CSV list of each split; empty unless both exist."""
    for folder in LIST_FOLDERS:
        paths = {split: root / folder / name for split, name in LISTS.items()}
        if all(path.is_file() for path in paths.values()):
            return paths
    return {}


def _has_npy_layout(root: Path) -> bool:
    return all((root / name / "annotations").is_dir() for name in SETS.values())


def _read_list(split: str, path: Path, skipped: Counter[str], noted: Counter[str]) -> Iterator[_Row]:
    """The rows of a CSV list.

    Without a header, columns are in the order of `COLUMNS`. Broken and repeated rows are counted in ``skipped``.

    Raises:
        DataError: the list cannot be read or has no usable row.
    """
    lines = ([cell.strip() for cell in line] for line in read_rows(path))
    first = next(lines, [])
    if IMAGE.casefold() in (cell.casefold() for cell in first):
        columns, width = column_positions(path, first, NEEDED), len(first)
        rows: Iterable[list[str]] = lines
    else:
        columns, width = {name: position for position, name in enumerate(COLUMNS)}, len(COLUMNS)
        rows = chain([first], lines)
        noted[f"{path.name} without a header"] += 1
    seen: set[str] = set()
    for cells in rows:
        if not any(cells):
            continue
        code = number_or_nan(cells[columns["expression"]]) if len(cells) == width else float("nan")
        if code not in range(CODES) or not (image := cells[columns[IMAGE]]):
            skipped["row broken"] += 1
            continue
        if image in seen:
            skipped["row repeated"] += 1
            continue
        seen.add(image)
        left, top, box_width, box_height = (number_or_nan(cells[columns[name]]) for name in BOX)
        yield _Row(split, image, int(code), np.array([left, top, left + box_width, top + box_height]))
    if not seen:
        raise DataError(f"{path}: no row with AffectNet's nine columns, separated by commas")


def _read_annotations(split: str, folder: Path, skipped: Counter[str]) -> Iterator[_Row]:
    """The rows of ``train_set`` or ``val_set`` in the .npy layout.

    Raises:
        DataError: no annotations in the folder.
    """
    images = {path.stem: path.name for path in matching(folder / "images", "*")}
    paths = matching(folder / "annotations", "*_exp.npy")
    if not paths:
        raise DataError(f"{folder / 'annotations'}: no *_exp.npy in it")
    for path in paths:
        stem = path.name.removesuffix("_exp.npy")
        if stem not in images:
            skipped["label without image"] += 1
            continue
        try:
            code = _read_code(path)
        except (OSError, ValueError):
            skipped["*_exp.npy broken"] += 1
            continue
        yield _Row(split, f"{folder.name}/images/{images[stem]}", code, np.full(4, np.nan))


def _read_code(path: Path) -> int:
    """The expression code in a .npy file: one whole number, possibly as text.

    `numpy.load` is not used: it would allocate whatever size a broken header states. Nothing is unpickled.

    Raises:
        ValueError: anything else.
    """
    with path.open("rb") as file:
        try:
            major, _ = npy.read_magic(file)
            read_header = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
            shape, _, dtype = read_header(file)
        except Exception as error:  # the header is a Python literal, whose parser raises many kinds of errors
            raise ValueError("broken header") from error
        if int(np.prod(shape, dtype=float)) != 1 or dtype.kind not in "biufSU" or dtype.itemsize > 64:
            raise ValueError("not one number")
        try:
            value = np.frombuffer(file.read(dtype.itemsize), dtype, count=1)[0]
            code = number(value) if isinstance(value, str) else float(value)
        except (TypeError, SystemError) as error:  # SystemError: text with invalid code points
            raise ValueError("not a number") from error
    if code not in range(CODES):
        raise ValueError("not a code")
    return int(code)


def _image_folder(root: Path, names: list[str]) -> Path:
    """The folder that the lists' paths are relative to: the one with most of a sample of the images."""
    sample = names[:: max(1, len(names) // 50)]
    return max((root / name for name in IMAGES), key=lambda folder: sum((folder / name).is_file() for name in sample))

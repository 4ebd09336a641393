"""AffectNet (Mollahosseini et al., 2017): 8 expressions, valence and arousal, in both layouts that were distributed.

Files, manually annotated part only:
    CSV layout: ``Manually_Annotated_file_lists/{training,validation}.csv`` (the latter may lack its header) and
        ``Manually_Annotated_Images/``.
    .npy layout: ``{train,val}_set/images/N.jpg`` and ``{train,val}_set/annotations/N_{exp,val,aro}.npy``.

Protocol: the official test set is not public, so the official validation set is the test set, and val is cut off
train, as in the FAb-Net paper. Codes 8 to 10 (none, uncertain, non-face) are left out. The crop is the given picture,
as in FAb-Net's demo; ``crop=box`` uses the face boxes of the CSV lists. With ``valence_arousal``, both are a target of
kind regression, known where they lie in -1 to 1 (the lists say -2 where there is none).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
AFFECT = ("valence", "arousal")
COLUMNS = (*NEEDED, *AFFECT)
SETS = {"train": "train_set", "test": "val_set"}
NPY = ("val", "aro")  # in names of .npy files: valence and arousal


class _Row(NamedTuple):
    split: str
    image: str
    code: int  # expression
    box: NDArray[np.float64]  # (4,) left, top, right, bottom; NaN where unknown
    affect: tuple[float, float]  # valence and arousal; NaN where unknown or not read


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
        needed = COLUMNS if config.valence_arousal else NEEDED
        lists = _lists(files.root).items()
        rows = [row for split, path in lists for row in _read_list(split, path, needed, skipped, noted)]
    else:
        affect = config.valence_arousal
        folders = {split: files.root / name for split, name in SETS.items()}
        rows = [row for split, path in folders.items() for row in _read_annotations(split, path, affect, skipped)]
    names = [row.image for row in rows]
    codes = np.array([row.code for row in rows], np.int64)
    known = codes < len(CLASSES)
    boxes = np.array([row.box for row in rows]).reshape(-1, 4)
    targets = {"expression": Target("classes", np.where(known, codes, -1), known, CLASSES)}
    if config.valence_arousal:
        targets["valence_arousal"] = _affect_target(rows, noted)
    return RawFaces(
        ids=names,
        content=image_reader(_image_folder(files.root, names) if layout == "csv" else files.root, names),
        square=box_squares(boxes, 1.0) if config.crop == "box" else middle_square,
        targets=targets,
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


def _affect_target(rows: list[_Row], noted: Counter[str]) -> Target:
    """Valence and arousal of each face, known where they are numbers of -1 to 1."""
    values = np.array([row.affect for row in rows]).reshape(-1, 2)
    known = np.abs(values) <= 1  # also false for NaN
    noted["valence or arousal not known"] += int((~known).any(1).sum())
    return Target("regression", np.where(known, values, np.nan).astype(np.float32), known, AFFECT)


def _lists(root: Path) -> dict[str, Path]:
    """The CSV list of each split; empty unless both exist."""
    for folder in LIST_FOLDERS:
        paths = {split: root / folder / name for split, name in LISTS.items()}
        if all(path.is_file() for path in paths.values()):
            return paths
    return {}


def _has_npy_layout(root: Path) -> bool:
    return all((root / name / "annotations").is_dir() for name in SETS.values())


def _read_list(
    split: str, path: Path, needed: Sequence[str], skipped: Counter[str], noted: Counter[str]
) -> Iterator[_Row]:
    """The rows of a CSV list that has the ``needed`` columns.

    Without a header, columns are in the order of `COLUMNS`. Broken and repeated rows are counted in ``skipped``.

    Raises:
        DataError: the list cannot be read or has no usable row.
    """
    lines = ([cell.strip() for cell in line] for line in read_rows(path))
    first = next(lines, [])
    if IMAGE.casefold() in (cell.casefold() for cell in first):
        columns, width = column_positions(path, first, needed), len(first)
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
        box = np.array([left, top, left + box_width, top + box_height])
        valence, arousal = (number_or_nan(cells[columns[name]]) if name in columns else np.nan for name in AFFECT)
        yield _Row(split, image, int(code), box, (valence, arousal))
    if not seen:
        raise DataError(f"{path}: no row with AffectNet's nine columns, separated by commas")


def _read_annotations(split: str, folder: Path, affect: bool, skipped: Counter[str]) -> Iterator[_Row]:
    """The rows of ``train_set`` or ``val_set`` in the .npy layout; with valence and arousal if ``affect``.

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
            code = _read_number(path)
            if code not in range(CODES):
                raise ValueError("not a code")
        except (OSError, ValueError):
            skipped["*_exp.npy broken"] += 1
            continue
        valence, arousal = (_number_or_nan(path.with_name(f"{stem}_{name}.npy")) if affect else np.nan for name in NPY)
        image = f"{folder.name}/images/{images[stem]}"
        yield _Row(split, image, int(code), np.full(4, np.nan), (valence, arousal))


def _number_or_nan(path: Path) -> float:
    try:
        return _read_number(path)
    except (OSError, ValueError):
        return float("nan")


def _read_number(path: Path) -> float:
    """The label in a .npy file: one number, possibly as text.

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
            return number(value) if isinstance(value, str) else float(value)
        except (TypeError, SystemError) as error:  # SystemError: text with invalid code points
            raise ValueError("not a number") from error


def _image_folder(root: Path, names: list[str]) -> Path:
    """The folder that the lists' paths are relative to: the one with most of a sample of the images."""
    sample = names[:: max(1, len(names) // 50)]
    return max((root / name for name in IMAGES), key=lambda folder: sum((folder / name).is_file() for name in sample))

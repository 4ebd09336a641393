"""AffectNet (Mollahosseini et al., 2017): 8 expressions, in the two forms it has been distributed in.

Old: CSV lists (the validation list may come without a header) and ``Manually_Annotated_Images``. New: ``train_set``
and ``val_set`` with one .npy file a label. Of the manual part alone; codes 8 to 10 (none, uncertain, non-face) are
left out. The official test set is closed: the official validation set is the test set, val is cut off train (the
paper). The crop is the given picture, as in FAb-Net's demo.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from benchmark.config.schema import AffectNetFaces
from benchmark.data.faces.build import RawFaces, Squares
from benchmark.data.faces.crop import centre_square
from benchmark.data.faces.labelled_set import Target
from benchmark.data.sets.files import Found, locate, matching, one_of, reader
from benchmark.data.sets.landmarks import round_boxes
from benchmark.data.text import number, places, read_rows
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
NEEDED = ("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression")
COLUMNS = (*NEEDED, "valence", "arousal")
SETS = {"train": "train_set", "test": "val_set"}


def find(config: AffectNetFaces) -> Found:
    """The lists or annotations and the images, of whichever form is there."""
    root = locate(
        config,
        lambda folder: bool(_lists(folder)) or _is_npy(folder),
        ("affectnet", "affect-net"),
        "Manually_Annotated_file_lists/{training,validation}.csv and Manually_Annotated/, or train_set/ and val_set/",
    )
    if lists := _lists(root):
        images = one_of(root, *IMAGES)
        assert images is not None
        return Found(root, list(lists.values()), [images])
    return Found(root, [], [root / name / sub for name in SETS.values() for sub in ("annotations", "images")])


def read(config: AffectNetFaces) -> RawFaces:
    """The faces of both splits; codes beyond the eight classes are counted."""
    if config.crop not in ("image", "box"):
        raise UsageError(f"crop is {config.crop!r}; one of image, box")
    found = find(config)
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    form = "csv" if found.labels else "npy"
    rows = list(_from_lists(found.root, skipped, noted) if found.labels else _from_npy(found.root, skipped))
    if form == "npy" and config.crop == "box":
        raise UsageError("crop=box needs AffectNet's CSV lists; the .npy form has no boxes")
    names = [name for _, name, _, _ in rows]
    codes = np.array([code for _, _, code, _ in rows], np.int64)
    known = (codes >= 0) & (codes < len(CLASSES))
    left_out = Counter(LEFT_OUT[code] for code in codes[~known].tolist())
    images = _image_folder(found.root, names) if form == "csv" else found.root
    square: Squares = lambda row, height, width: centre_square(height, width)  # noqa: E731
    if config.crop == "box":
        square = round_boxes(np.array([box for _, _, _, box in rows]).reshape(-1, 4), 1.0)
    return RawFaces(
        ids=names,
        content=reader(images, names),
        square=square,
        targets={"expression": Target("classes", np.where(known, codes, -1), known, CLASSES)},
        split=np.array([split for split, _, _, _ in rows], dtype="U5"),
        duplicates="drop",
        skipped=skipped,
        noted=noted,
        protocol={
            "source": "AffectNet, manual part",
            "layout": form,
            "crop": {"kind": config.crop if config.crop == "box" else "the given picture's middle square"},
            "classes_left_out": dict(left_out),
            "split": {"test": "the official validation set"},
        },
    )


def _lists(root: Path) -> dict[str, Path]:
    for folder in LIST_FOLDERS:
        paths = {split: root / folder / name for split, name in LISTS.items()}
        if all(path.is_file() for path in paths.values()):
            return paths
    return {}


def _is_npy(root: Path) -> bool:
    return all((root / name / "annotations").is_dir() for name in SETS.values())


Row = tuple[str, str, int, NDArray[np.float64]]  # split, image, expression code, face box


def _from_lists(root: Path, skipped: Counter[str], noted: Counter[str]) -> Iterator[Row]:
    for split, path in _lists(root).items():
        place = {name: column for column, name in enumerate(COLUMNS)}
        columns = len(COLUMNS)
        seen: set[str] = set()
        noted[f"{path.name} without a header"] += 1  # taken back when there is one
        for line, row in enumerate(read_rows(path)):
            cells = [cell.strip() for cell in row]
            if line == 0 and COLUMNS[0].casefold() in (cell.casefold() for cell in cells):
                place, columns = places(path, cells, NEEDED), len(cells)
                noted[f"{path.name} without a header"] -= 1
                continue
            if not any(cells):
                continue
            code = _number(cells[place["expression"]]) if len(cells) == columns else float("nan")
            if code not in range(CODES) or not (image := cells[place[COLUMNS[0]]]):
                skipped["row broken"] += 1
                continue
            if image in seen:
                skipped["row repeated"] += 1
                continue
            seen.add(image)
            x, y, width, height = (_number(cells[place[name]]) for name in COLUMNS[1:5])
            box = np.array([x, y, x + width, y + height])
            yield split, image, int(code), box
        if not seen:
            raise DataError(f"{path}: no row of AffectNet's nine columns, parted by commas, in it")


def _from_npy(root: Path, skipped: Counter[str]) -> Iterator[Row]:
    for split, name in SETS.items():
        images = {path.stem: path.name for path in matching(root / name / "images", "*")}
        labels = matching(root / name / "annotations", "*_exp.npy")
        if not labels:
            raise DataError(f"{root / name / 'annotations'}: no *_exp.npy in it")
        for path in labels:
            stem = path.name.removesuffix("_exp.npy")
            if stem not in images:
                skipped["label without image"] += 1
                continue
            try:
                code = _scalar(path)
            except (OSError, ValueError):
                skipped["*_exp.npy broken"] += 1
                continue
            yield split, f"{name}/images/{images[stem]}", code, np.full(4, np.nan)


def _scalar(path: Path) -> int:
    """The one whole number in a .npy file, which may be written as text.

    Raises:
        ValueError: anything else; nothing is unpickled, and no array larger than a label is made.
    """
    with path.open("rb") as file:
        try:
            major, _ = npy.read_magic(file)
            header = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
            shape, _, dtype = header(file)
        except Exception as error:  # the header is a Python literal, and its parser raises many kinds
            raise ValueError("broken header") from error
        if int(np.prod(shape, dtype=float)) != 1 or dtype.kind not in "biufSU" or dtype.itemsize > 64:
            raise ValueError("not one number")
        try:
            value = np.frombuffer(file.read(dtype.itemsize), dtype, count=1)[0]
            code = number(value) if isinstance(value, str) else float(value)
        except (TypeError, SystemError) as error:  # SystemError: text of characters that there are not
            raise ValueError("not a number") from error
    if code not in range(CODES):
        raise ValueError("not a code")
    return int(code)


def _number(cell: str) -> float:
    try:
        return number(cell)
    except ValueError:
        return float("nan")


def _image_folder(root: Path, names: list[str]) -> Path:
    """The folder that the lists' paths start from: the one that holds most of the first of them."""
    some = names[:: max(1, len(names) // 50)]
    return max((root / name for name in IMAGES), key=lambda folder: sum((folder / name).is_file() for name in some))

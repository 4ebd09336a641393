"""FER-2013 (Goodfellow et al., 2013): 7 expressions of 48 x 48 grey images.

Files: ``fer2013.csv`` or ``icml_face_data.csv``, with the pixels of an image as numbers in a cell.

Protocol: Training, PublicTest and PrivateTest are train, val and test. Some images occur more than once: one that is
also in a later split is left out of the earlier one. The crop is the given image.
"""

from collections import Counter

import numpy as np

from benchmark.config.sets import Fer2013Faces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import Target
from benchmark.data.sets.files import SetFiles, first_existing, locate
from benchmark.data.sets.squares import middle_square
from benchmark.data.text import column_positions, read_rows
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 28709, "val": 3589, "test": 3589}
CLASSES = ("anger", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # codes 0 to 6
CODES = tuple("0123456")
USAGES = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
SIDE = 48
PGM_HEADER = b"P5 %d %d 255\n" % (SIDE, SIDE)  # makes an image file of the pixels
FILES = ("fer2013.csv", "icml_face_data.csv", "fer2013/fer2013.csv")


def find(config: Fer2013Faces) -> SetFiles:
    """The CSV file."""
    root = locate(
        config,
        lambda folder: first_existing(folder, FILES) is not None,
        ("fer2013", "fer-2013"),
        " or ".join(FILES[:2]),
    )
    path = first_existing(root, FILES)
    assert path is not None
    return SetFiles(root, [path], [])


def read(config: Fer2013Faces) -> RawFaces:
    """The faces; their ids are line numbers in the file."""
    path = find(config).labels[0]
    skipped: Counter[str] = Counter()
    images, classes, split, ids = [], [], [], []
    rows = read_rows(path)
    header = next(rows, [])
    columns = column_positions(path, header, ("emotion", "pixels", "Usage"))
    for line, cells in enumerate(rows, 2):
        pixels = _pixels(cells[columns["pixels"]]) if len(cells) == len(header) else None
        if pixels is None:
            skipped["row broken"] += 1
            continue
        code, usage = cells[columns["emotion"]].strip(), cells[columns["Usage"]].strip()
        if code not in CODES or usage not in USAGES:
            skipped["row broken"] += 1
            continue
        images.append(PGM_HEADER + pixels)
        classes.append(CODES.index(code))
        split.append(USAGES[usage])
        ids.append(f"line {line}")
    if not images:
        raise DataError(f"{path}: no face in it")
    known = np.ones(len(classes), np.bool_)
    return RawFaces(
        ids=ids,
        content=lambda row: images[row],
        square=middle_square,
        targets={"expression": Target("classes", np.array(classes, np.int64), known, CLASSES)},
        split=np.array(split),
        expected=EXPECTED,
        duplicates="drop",
        skipped=skipped,
        protocol={"source": "FER-2013", "crop": {"kind": "the given picture"}},
    )


def _pixels(cell: str) -> bytes | None:
    """48 x 48 grey values; None if the cell is something else."""
    words = cell.split()
    if len(words) != SIDE * SIDE or "_" in cell:
        return None
    try:
        return bytes(int(word) for word in words)
    except ValueError:
        return None

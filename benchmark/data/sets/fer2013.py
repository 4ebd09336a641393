"""FER-2013 (Goodfellow et al., 2013): 7 expressions of 48 x 48 grey pictures, written as numbers in a CSV.

Training, PublicTest and PrivateTest are train, val and test. The set is known to hold the same picture more than
once; what also occurs in a later split is left out of the earlier one, and counted.
"""

from collections import Counter

import numpy as np

from benchmark.config.schema import Fer2013Faces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.crop import centre_square
from benchmark.data.faces.labelled_set import Target
from benchmark.data.sets.files import Found, locate, one_of
from benchmark.data.text import places, read_rows
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 28709, "val": 3589, "test": 3589}
CLASSES = ("anger", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # codes 0 to 6
USAGES = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}
SIDE = 48
FILES = ("fer2013.csv", "icml_face_data.csv", "fer2013/fer2013.csv")


def find(config: Fer2013Faces) -> Found:
    """The CSV."""
    root = locate(
        config, lambda folder: one_of(folder, *FILES) is not None, ("fer2013", "fer-2013"), " or ".join(FILES[:2])
    )
    path = one_of(root, *FILES)
    assert path is not None
    return Found(root, [path], [])


def read(config: Fer2013Faces) -> RawFaces:
    """Its faces, named by their line in the file."""
    path = find(config).labels[0]
    skipped: Counter[str] = Counter()
    pictures, codes, split, ids = [], [], [], []
    rows = read_rows(path)
    header = next(rows, [])
    emotion, pixels, usage = places(path, header, ("emotion", "pixels", "Usage")).values()
    for line, cells in enumerate(rows, 2):
        picture = _picture(cells[pixels]) if len(cells) == len(header) else None
        code = cells[emotion].strip() if picture else ""
        if picture is None or code not in tuple("0123456") or cells[usage].strip() not in USAGES:
            skipped["row broken"] += 1
            continue
        pictures.append(picture)
        codes.append(int(code))
        split.append(USAGES[cells[usage].strip()])
        ids.append(f"line {line}")
    if not pictures:
        raise DataError(f"{path}: no face in it")
    return RawFaces(
        ids=ids,
        content=lambda row: b"P5 %d %d 255\n" % (SIDE, SIDE) + pictures[row],
        square=lambda row, height, width: centre_square(height, width),
        targets={"expression": Target("classes", np.array(codes, np.int64), np.ones(len(codes), np.bool_), CLASSES)},
        split=np.array(split),
        expected=EXPECTED,
        duplicates="drop",
        skipped=skipped,
        protocol={"source": "FER-2013", "crop": {"kind": "the given picture"}},
    )


def _picture(cell: str) -> bytes | None:
    """48 x 48 grey values, None where it is something else."""
    words = cell.split()
    if len(words) != SIDE * SIDE or "_" in cell:
        return None
    try:
        return bytes(int(word) for word in words)
    except ValueError:
        return None

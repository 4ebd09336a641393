"""RAF-DB, basic part (Li et al., CVPR 2017): 7 expressions of 12,271 train and 3,068 test faces.

Files: ``EmoLabel/list_patition_label.txt`` with a file name and a code per line, and the aligned 100 x 100 images in
``Image/aligned/``.

Protocol: the split is part of the file names; val is cut off train. The crop is the aligned image.
"""

from collections import Counter

import numpy as np

from benchmark.config.sets import RafDbFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import Target
from benchmark.data.sets.files import SetFiles, first_existing, image_reader, locate
from benchmark.data.sets.squares import middle_square
from benchmark.data.text import read_lines
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 12271, "test": 3068}
CLASSES = ("surprise", "fear", "disgust", "happy", "sad", "anger", "neutral")  # codes 1 to 7
CODES = tuple("1234567")
LISTS = tuple(
    f"{folder}{name}"
    for folder in ("EmoLabel/", "basic/EmoLabel/", "")
    for name in ("list_patition_label.txt", "list_partition_label.txt")
)
IMAGES = ("Image/aligned", "basic/Image/aligned", "aligned")


def find(config: RafDbFaces) -> SetFiles:
    """The list and the aligned images."""
    root = locate(
        config,
        lambda folder: first_existing(folder, LISTS) is not None,
        ("raf-db", "rafdb", "raf_db", "basic"),
        "basic/EmoLabel/list_patition_label.txt and basic/Image/aligned/",
    )
    labels, images = first_existing(root, LISTS), first_existing(root, IMAGES)
    assert labels is not None
    if images is None:
        raise DataError(f"{root}: no folder Image/aligned in it")
    return SetFiles(root, [labels], [images])


def read(config: RafDbFaces) -> RawFaces:
    """The faces of the list."""
    files = find(config)
    path = files.labels[0]
    skipped: Counter[str] = Counter()
    class_of: dict[str, int] = {}
    for line in read_lines(path):
        name, *codes = line.split()
        if len(codes) != 1 or codes[0] not in CODES or not name.startswith(("train_", "test_")):
            skipped["row broken"] += 1
        elif name in class_of:
            raise DataError(f"{path}: {name} is listed twice")
        else:
            class_of[name] = CODES.index(codes[0])
    if not class_of:
        raise DataError(f"{path}: no row such as `train_00001.jpg 5` in it")
    classes = np.array(list(class_of.values()), np.int64)
    aligned = [name.replace(".jpg", "_aligned.jpg") for name in class_of]
    return RawFaces(
        ids=list(class_of),
        content=image_reader(files.images[0], aligned),
        square=middle_square,
        targets={"expression": Target("classes", classes, np.ones(len(classes), np.bool_), CLASSES)},
        split=np.array([name.partition("_")[0] for name in class_of]),
        expected=EXPECTED,
        skipped=skipped,
        protocol={"source": "RAF-DB, basic", "crop": {"kind": "the aligned picture"}},
    )

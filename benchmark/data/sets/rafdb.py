"""RAF-DB, basic part (Li et al., CVPR 2017): 7 expressions of 12,271 faces to train and 3,068 to test on.

``EmoLabel/list_patition_label.txt`` holds file name and code a line; the crop is the aligned 100 x 100 picture. Val
is cut off train.
"""

from collections import Counter

import numpy as np

from benchmark.config.schema import RafDbFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.crop import centre_square
from benchmark.data.faces.labelled_set import Target
from benchmark.data.sets.files import Found, locate, one_of, reader
from benchmark.data.text import read_text
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 12271, "test": 3068}
CLASSES = ("surprise", "fear", "disgust", "happy", "sad", "anger", "neutral")  # codes 1 to 7
LABELS = tuple(
    f"{folder}{name}"
    for folder in ("EmoLabel/", "basic/EmoLabel/", "")
    for name in ("list_patition_label.txt", "list_partition_label.txt")
)
IMAGES = ("Image/aligned", "basic/Image/aligned", "aligned")


def find(config: RafDbFaces) -> Found:
    """The list and the aligned images."""
    root = locate(
        config,
        lambda folder: one_of(folder, *LABELS) is not None,
        ("raf-db", "rafdb", "raf_db", "basic"),
        "basic/EmoLabel/list_patition_label.txt and basic/Image/aligned/",
    )
    labels, images = one_of(root, *LABELS), one_of(root, *IMAGES)
    assert labels is not None
    if images is None:
        raise DataError(f"{root}: no folder Image/aligned in it")
    return Found(root, [labels], [images])


def read(config: RafDbFaces) -> RawFaces:
    """Its faces; the split is in their names."""
    found = find(config)
    skipped: Counter[str] = Counter()
    rows: dict[str, int] = {}
    for line in read_text(found.labels[0]).splitlines():
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or words[1] not in tuple("1234567") or not words[0].startswith(("train_", "test_")):
            skipped["row broken"] += 1
        elif words[0] in rows:
            raise DataError(f"{found.labels[0]}: {words[0]} stands twice in it")
        else:
            rows[words[0]] = int(words[1]) - 1
    if not rows:
        raise DataError(f"{found.labels[0]}: no row such as `train_00001.jpg 5` in it")
    names = [name.replace(".jpg", "_aligned.jpg") for name in rows]
    codes = np.array(list(rows.values()), np.int64)
    return RawFaces(
        ids=list(rows),
        content=reader(found.images[0], names),
        square=lambda row, height, width: centre_square(height, width),
        targets={"expression": Target("classes", codes, np.ones(len(codes), np.bool_), CLASSES)},
        split=np.array([name.partition("_")[0] for name in rows]),
        expected=EXPECTED,
        skipped=skipped,
        protocol={"source": "RAF-DB, basic", "crop": {"kind": "the aligned picture"}},
    )

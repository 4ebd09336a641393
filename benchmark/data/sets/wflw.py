"""WFLW (Wu et al., CVPR 2018): 98 landmarks of 7,500 faces to train and 2,500 to test on.

A line holds 98 points, a box (left, top, right, bottom), six attributes and the image's name. The error is divided by
the distance of the outer eye corners, points 60 and 72. The crop is the box with 10 % more on each side, made square,
as for 300-W.
"""

from collections import Counter

import numpy as np

from benchmark.config.schema import WflwFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.sets.files import Found, locate, numbered, one_of, reader
from benchmark.data.sets.landmarks import landmark_target, round_boxes
from benchmark.data.text import number, read_text
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 7500, "test": 2500}
POINTS, EYES, FACTOR = 98, (60, 72), 1.2
NUMBERS = 2 * POINTS + 4 + 6
LISTS = tuple(
    f"{folder}list_98pt_rect_attr_train_test"
    for folder in ("WFLW_annotations/", "", "WFLW_annotations/WFLW_annotations/")
)


def find(config: WflwFaces) -> Found:
    """The two lists and the images."""
    root = locate(
        config,
        lambda folder: one_of(folder, *LISTS) is not None,
        ("wflw",),
        "WFLW_annotations/list_98pt_rect_attr_train_test/ and WFLW_images/",
    )
    folder, images = one_of(root, *LISTS), one_of(root, "WFLW_images", "WFLW_images/WFLW_images")
    assert folder is not None
    lists = [folder / f"list_98pt_rect_attr_{split}.txt" for split in EXPECTED]
    if images is None or not all(path.is_file() for path in lists):
        raise DataError(f"{root}: WFLW_images/, or one of {', '.join(path.name for path in lists)}, is not there")
    return Found(root, lists, [images])


def read(config: WflwFaces) -> RawFaces:
    """Its faces, several of some images."""
    found = find(config)
    skipped: Counter[str] = Counter()
    names, points, boxes, splits = [], [], [], []
    for split, path in zip(EXPECTED, found.labels, strict=True):
        for line in read_text(path).splitlines():
            words = line.split(maxsplit=NUMBERS)
            if not words:
                continue
            try:
                numbers = np.array([number(word) for word in words[:NUMBERS]])
            except ValueError:
                numbers = np.empty(0)
            if len(words) != NUMBERS + 1 or len(numbers) != NUMBERS or not np.isfinite(numbers).all():
                skipped["row broken"] += 1
                continue
            names.append(words[NUMBERS].strip())
            points.append(numbers[: 2 * POINTS].reshape(POINTS, 2) + 0.5)
            boxes.append(numbers[2 * POINTS : 2 * POINTS + 4] + 0.5)
            splits.append(split)
    if not names:
        raise DataError(f"{found.labels[0]}: no line of {NUMBERS} numbers and an image in it")
    return RawFaces(
        ids=numbered(names),
        content=reader(found.images[0], names),
        square=round_boxes(np.array(boxes), FACTOR),
        targets={"landmarks": landmark_target(points, POINTS, EYES)},
        split=np.array(splits),
        expected=EXPECTED,
        skipped=skipped,
        protocol={
            "source": "WFLW",
            "crop": {"box": "the list's", "factor": FACTOR},
            "error": "mean distance of 98 points, % of the distance of the outer eye corners (60, 72)",
            "coordinates": "the first pixel is 0",
        },
    )

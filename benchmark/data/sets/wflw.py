"""WFLW (Wu et al., CVPR 2018): 98 landmarks of 7,500 train and 2,500 test faces.

Files: ``WFLW_annotations/list_98pt_rect_attr_train_test/*.txt`` and ``WFLW_images/``. A line of a list holds 98 points,
a box (left, top, right, bottom), six attributes and the image's name.

Protocol: errors are divided by the distance of the outer eye corners, points 60 and 72. The crop is the box with 10 %
more on each side, made square, as for 300-W. Val is cut off train.
"""

from collections import Counter

import numpy as np

from benchmark.config.sets import WflwFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.targets import landmark_target
from benchmark.data.sets.files import SetFiles, face_ids, first_existing, image_reader, locate
from benchmark.data.sets.squares import box_squares
from benchmark.data.text import finite_numbers, read_lines
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 7500, "test": 2500}
POINTS, EYES, FACTOR = 98, (60, 72), 1.2
NUMBERS = 2 * POINTS + 4 + 6  # coordinates, box, attributes
LISTS = tuple(
    f"{folder}list_98pt_rect_attr_train_test"
    for folder in ("WFLW_annotations/", "", "WFLW_annotations/WFLW_annotations/")
)
IMAGES = ("WFLW_images", "WFLW_images/WFLW_images")


def find(config: WflwFaces) -> SetFiles:
    """The two lists and the images."""
    root = locate(
        config,
        lambda folder: first_existing(folder, LISTS) is not None,
        ("wflw",),
        "WFLW_annotations/list_98pt_rect_attr_train_test/ and WFLW_images/",
    )
    folder, images = first_existing(root, LISTS), first_existing(root, IMAGES)
    assert folder is not None
    lists = [folder / f"list_98pt_rect_attr_{split}.txt" for split in EXPECTED]
    if images is None or not all(path.is_file() for path in lists):
        raise DataError(f"{root}: no WFLW_images/ in it, or not both of {', '.join(path.name for path in lists)}")
    return SetFiles(root, lists, [images])


def read(config: WflwFaces) -> RawFaces:
    """The faces of both lists; an image may show several."""
    files = find(config)
    skipped: Counter[str] = Counter()
    names, points, boxes, split = [], [], [], []
    for split_name, path in zip(EXPECTED, files.labels, strict=True):
        for line in read_lines(path):
            words = line.split(maxsplit=NUMBERS)  # the image's name may hold blanks
            numbers = finite_numbers(words[:NUMBERS])
            if len(words) != NUMBERS + 1 or numbers is None:
                skipped["row broken"] += 1
                continue
            names.append(words[NUMBERS])
            points.append(numbers[: 2 * POINTS].reshape(POINTS, 2) + 0.5)
            boxes.append(numbers[2 * POINTS : 2 * POINTS + 4] + 0.5)
            split.append(split_name)
    if not names:
        raise DataError(f"{files.labels[0]}: no line of {NUMBERS} numbers and an image in it")
    return RawFaces(
        ids=face_ids(names),
        content=image_reader(files.images[0], names),
        square=box_squares(np.array(boxes), FACTOR),
        targets={"landmarks": landmark_target(np.array(points), EYES)},
        split=np.array(split),
        expected=EXPECTED,
        skipped=skipped,
        protocol={
            "source": "WFLW",
            "crop": {"box": "the list's", "factor": FACTOR},
            "error": "mean distance of 98 points, % of the distance of the outer eye corners (60, 72)",
            "coordinates": "the first pixel is 0",
        },
    )

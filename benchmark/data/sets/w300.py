"""300-W (Sagonas et al., ICCV-W 2013): 68 landmarks of 3,148 train and 689 test faces.

Files: a .pts beside each image in the six folders of `LAYOUT`; optionally ``Bounding Boxes/bounding_boxes_*.mat``.

Protocol: the split of Ren et al. (CVPR 2014), which Thewlis et al. (ICCV 2017) and FAb-Net follow. Train: afw,
helen/trainset, lfpw/trainset. Test: helen/testset and lfpw/testset ("common"), ibug ("challenging"). Val is cut off
train. Errors are divided by the distance of the outer eye corners, points 36 and 45 counted from 0. The crop is that of
FAb-Net's demo, the face box with 10 % more on each side, made square about its centre.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.config.sets import W300Faces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.targets import landmark_target
from benchmark.data.sets.files import SetFiles, image_beside, image_reader, locate, matching, subfolder
from benchmark.data.sets.formats.mat import MatReader
from benchmark.data.sets.formats.pts import read_pts
from benchmark.data.sets.squares import box_squares, landmark_squares
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 3148, "test": 689}
TRAIN = ("afw", "helen/trainset", "lfpw/trainset")
TEST = ("helen/testset", "lfpw/testset", "ibug")
POINTS, EYES = 68, (36, 45)
FACTOR = 1.2
LAYOUT = "afw/ helen/trainset/ helen/testset/ lfpw/trainset/ lfpw/testset/ ibug/, a .pts beside each image"

Boxes = Mapping[str, NDArray[np.float64]]  # left, top, right, bottom by image name, in the form of `_box_key`


def find(config: W300Faces) -> SetFiles:
    """The .pts files of the six folders, and the .mat files of boxes that exist."""
    root = locate(
        config,
        lambda folder: any(subfolder(folder, part) for part in (*TRAIN, *TEST)),
        ("300w", "300-w", "300_w", "ibug_300w", "w300"),
        LAYOUT,
    )
    folders = []
    for part in (*TRAIN, *TEST):
        folder = subfolder(root, part)
        if folder is None:
            raise DataError(f"{root}: no folder {part} in it; 300-W is {LAYOUT}")
        folders.append(folder)
    labels = [path for folder in folders for path in matching(folder, "*.pts")]
    return SetFiles(root, [*labels, *_box_files(root).values()], folders)


def read(config: W300Faces) -> RawFaces:
    """The faces; a .pts that is broken or has no image is counted and left out."""
    files = find(config)
    boxes_of = _read_all_boxes(files.root) if _uses_box_files(config, files.root) else None
    no_box = np.full(4, np.nan)
    split, group, names, points, boxes = [], [], [], [], []
    skipped: Counter[str] = Counter()
    for part, folder in zip((*TRAIN, *TEST), files.images, strict=True):
        for path in matching(folder, "*.pts"):
            image = image_beside(path)
            try:
                landmarks = read_pts(path)
            except DataError:
                skipped[".pts broken"] += 1
                continue
            if image is None:
                skipped[".pts without image"] += 1
                continue
            if len(landmarks) != POINTS:
                skipped[f".pts without {POINTS} points"] += 1
                continue
            names.append(str(image.relative_to(files.root)))
            points.append(landmarks)
            boxes.append(boxes_of[part].get(_box_key(image.name), no_box) if boxes_of else no_box)
            split.append("train" if part in TRAIN else "test")
            group.append("challenging" if part == "ibug" else "common")
    target = landmark_target(np.array(points).reshape(-1, POINTS, 2), EYES)
    face_boxes = box_squares(np.array(boxes).reshape(-1, 4), FACTOR)
    return RawFaces(
        ids=names,
        content=image_reader(files.root, names),
        square=face_boxes if boxes_of else landmark_squares(target, FACTOR),
        targets={"landmarks": target},
        split=np.array(split, dtype="U5"),
        group=np.array(group, dtype="U11"),
        expected=EXPECTED,
        skipped=skipped,
        protocol={
            "source": "300-W",
            "crop": {
                "box": "bb_ground_truth of the .mat files" if boxes_of else "the landmarks' own extent",
                "factor": FACTOR,
            },
            "error": "mean distance of 68 points, % of the distance of the outer eye corners (36, 45)",
            "coordinates": "the first pixel is 1",
        },
    )


def _uses_box_files(config: W300Faces, root: Path) -> bool:
    complete = len(_box_files(root)) == len(TRAIN) + len(TEST)
    if config.boxes == "mat" and not complete:
        raise DataError(f"{root}: not all six 'Bounding Boxes/bounding_boxes_*.mat' are there")
    return complete and config.boxes != "landmarks"


def _box_files(root: Path) -> dict[str, Path]:
    """The .mat file of boxes of each part that has one."""
    folder = subfolder(root, "Bounding Boxes") or subfolder(root, "bounding_boxes") or root
    paths = {part: folder / f"bounding_boxes_{part.replace('/', '_')}.mat" for part in (*TRAIN, *TEST)}
    return {part: path for part, path in paths.items() if path.is_file()}


def _read_all_boxes(root: Path) -> dict[str, Boxes]:
    """The boxes of each part."""
    with MatReader() as mat_files:
        return {part: _read_boxes(mat_files, path) for part, path in _box_files(root).items()}


def _read_boxes(mat_files: MatReader, path: Path) -> Boxes:
    """The boxes of a .mat file, a cell array of structures, in pixels from the outer corner of the first pixel.

    Raises:
        DataError: the file is broken, or something else.
    """
    variables = mat_files.read(path)
    boxes = {}
    try:
        for record in np.atleast_1d(variables["bounding_boxes"]):
            box = np.asarray(record["bb_ground_truth"], np.float64).reshape(4)
            boxes[_box_key(record["imgName"])] = box - 0.5  # the first pixel's centre is (1, 1) in the file
    except (KeyError, AttributeError, IndexError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not a list of boxes as 300-W has it ({error!r})") from error
    return boxes


def _box_key(name: str) -> str:
    """An image's name without blanks and case: one image of ibug has a blank in its name, but not in the .mat file."""
    return name.replace(" ", "").casefold()

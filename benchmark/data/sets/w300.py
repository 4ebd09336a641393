"""300-W (Sagonas et al., ICCV-W 2013): 68 landmarks of 3,148 faces to train and 689 to test on.

Train: afw, helen/trainset, lfpw/trainset. Test: helen/testset and lfpw/testset ("common"), ibug ("challenging").
The split is that of Ren et al. (CVPR 2014), which Thewlis et al. (ICCV 2017) and the paper follow; the error is
divided by the distance of the outer eye corners, points 36 and 45 counted from 0. The crop is that of FAb-Net's
demo: the face's box with 10 % more on each side, here made square about its centre.
"""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.config.schema import W300Faces
from benchmark.data.faces.build import RawFaces
from benchmark.data.sets.files import Found, image_beside, inner, locate, matching, reader
from benchmark.data.sets.formats.mat import read_mat
from benchmark.data.sets.formats.pts import read_pts
from benchmark.data.sets.landmarks import landmark_target, round_boxes, round_landmarks
from benchmark.errors import DataError, UsageError

VERSION = 2
EXPECTED = {"train": 3148, "test": 689}
TRAIN = ("afw", "helen/trainset", "lfpw/trainset")
TEST = ("helen/testset", "lfpw/testset", "ibug")
POINTS, EYES = 68, (36, 45)
FACTOR = 1.2
LAYOUT = "afw/ helen/trainset/ helen/testset/ lfpw/trainset/ lfpw/testset/ ibug/, a .pts beside each image"


def find(config: W300Faces) -> Found:
    """The six folders and, where they are, the six .mat files of boxes."""
    root = locate(
        config,
        lambda folder: any(inner(folder, name) for name in (*TRAIN, *TEST)),
        ("300w", "300-w", "300_w", "ibug_300w", "w300"),
        LAYOUT,
    )
    folders = {name: inner(root, name) for name in (*TRAIN, *TEST)}
    if absent := [name for name, folder in folders.items() if folder is None]:
        raise DataError(f"{root}: no folder {absent[0]} in it; 300-W is {LAYOUT}")
    there = [folder for folder in folders.values() if folder is not None]
    labels = [path for folder in there for path in matching(folder, "*.pts")]
    return Found(root, [*labels, *_box_files(root).values()], there)


def read(config: W300Faces) -> RawFaces:
    """Its faces; a .pts that is broken, or has no image, is counted."""
    found = find(config)
    use_mat = _use_mat(config, found.root)
    boxes = {part: _read_boxes(path) for part, path in _box_files(found.root).items()} if use_mat else {}
    raw_split, groups, names, points, places = [], [], [], [], []
    skipped: Counter[str] = Counter()
    for part in (*TRAIN, *TEST):
        folder = inner(found.root, part)
        assert folder is not None
        for path in matching(folder, "*.pts"):
            image = image_beside(path)
            try:
                landmarks = read_pts(path)
            except DataError:
                skipped[".pts broken"] += 1
                continue
            if image is None:
                skipped[".pts without image"] += 1
            elif len(landmarks) != POINTS:
                skipped[f".pts without {POINTS} points"] += 1
            else:
                names.append(str(image.relative_to(found.root)))
                points.append(landmarks)
                places.append(boxes.get(part, {}).get(_plain(image.name), np.full(4, np.nan)))
                raw_split.append("train" if part in TRAIN else "test")
                groups.append("challenging" if part == "ibug" else "common")
    target = landmark_target(points, POINTS, EYES)
    how = "bb_ground_truth of the .mat files" if use_mat else "the landmarks' own extent"
    return RawFaces(
        ids=names,
        content=reader(found.root, names),
        square=round_boxes(np.array(places).reshape(-1, 4), FACTOR) if use_mat else round_landmarks(target, FACTOR),
        targets={"landmarks": target},
        split=np.array(raw_split, dtype="U5"),
        group=np.array(groups, dtype="U11"),
        expected=EXPECTED,
        skipped=skipped,
        protocol={
            "source": "300-W",
            "crop": {"box": how, "factor": FACTOR},
            "error": "mean distance of 68 points, % of the distance of the outer eye corners (36, 45)",
            "coordinates": "the first pixel is 1",
        },
    )


def _use_mat(config: W300Faces, root: Path) -> bool:
    if config.boxes not in ("auto", "mat", "landmarks"):
        raise UsageError(f"boxes is {config.boxes!r}; one of auto, mat, landmarks")
    complete = len(_box_files(root)) == len(TRAIN) + len(TEST)
    if config.boxes == "mat" and not complete:
        raise DataError(f"{root}: not all six 'Bounding Boxes/bounding_boxes_*.mat' are there")
    return complete and config.boxes != "landmarks"


def _box_files(root: Path) -> dict[str, Path]:
    """The .mat file of each part, where it is there."""
    folder = inner(root, "Bounding Boxes") or inner(root, "bounding_boxes") or root
    files = {part: folder / f"bounding_boxes_{part.replace('/', '_')}.mat" for part in (*TRAIN, *TEST)}
    return {part: path for part, path in files.items() if path.is_file()}


def _read_boxes(path: Path) -> dict[str, NDArray[np.float64]]:
    """Left, top, right, bottom by image name, in pixels from the outer corner of the first."""
    boxes = {}
    try:
        for cell in read_mat(path)["bounding_boxes"]:
            record = cell[0] if isinstance(cell, list) else cell
            box = np.asarray(record["bb_ground_truth"], np.float64).reshape(4)
            boxes[_plain(record["imgName"])] = box - 0.5
    except (KeyError, AttributeError, IndexError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not a list of boxes as 300-W has it ({error!r})") from error
    return boxes


def _plain(name: str) -> str:
    """A file name as the .mat files and the folders agree on it: one image of ibug has a blank in its name."""
    return name.replace(" ", "").casefold()

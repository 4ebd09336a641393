"""A user's own labelled faces: CSV files and a folder of images become a `LabelledSet`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.build import (
    ABSENT,
    RESAMPLING,
    Squares,
    cut_split,
    in_crops,
    keep_apart,
    read_crops,
    require_splits,
    taken,
    tallies,
    units,
    words,
)
from benchmark.data.faces.crop import (
    Square,
    UnusableImage,
    around_box,
    around_landmarks,
    centre_square,
)
from benchmark.data.faces.labelled_set import SPLITS, LabelledSet, Target
from benchmark.data.faces.targets import complete
from benchmark.data.sets.csv.config import CsvFaces
from benchmark.data.sets.csv.table import FaceTable
from benchmark.data.sets.csv.targets import (
    aus_target,
    landmarks_target,
    read_activations,
    read_classes,
    read_points,
    read_pose,
)
from benchmark.errors import DataError

VERSION = 3  # raise it with any change of what the same files become
GREY = 3.0  # mean spread of a pixel's channels, in grey levels, up to which a face counts as grey: JPEG noise

SPLIT_NAMES = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


def read_csv_faces(
    config: CsvFaces, progress: Callable[[int, int], None] = lambda done, total: None, scratch: Path | None = None
) -> LabelledSet:
    """Reads what ``config`` describes; targets are called landmarks, pose, classes and aus.

    Faces that cannot be used are left out and counted by reason in ``protocol["skipped"]``; those that are used
    although something about them is missing or was converted, in ``protocol["noted"]``. ``progress`` is called
    with the images done and their total; ``scratch`` is the folder for the frames while the set is made.

    Raises:
        DataError: files that cannot be understood or contradict each other, no usable face in a split, an
            identity or an image's content in two splits.
    """
    paths = [Path(config.csv)] if isinstance(config.csv, str) else [Path(path) for path in config.csv]
    table = FaceTable.read(paths, config.image, config.encoding, config.separator)
    skipped, noted = table.skipped, table.noted
    n = len(table.images)

    targets: dict[str, Target] = {}
    known = np.zeros(n, np.bool_)
    points, activations = None, None
    protocol: dict[str, Any] = {}
    if config.landmarks:
        points = read_points(table, config.landmarks)
        known |= complete(points)
        noted["landmarks not known"] = int((~complete(points)).sum())
    if config.pose:
        targets["pose"] = read_pose(table, config.pose)
        known |= targets["pose"].known
    if config.classes:
        targets["classes"], others = read_classes(table, config.classes)
        known |= targets["classes"].known
        noted["class not known"] = others.total()
        protocol["classes_left_out"] = dict(others)
    if config.aus:
        activations = read_activations(table, config.aus)
        known |= ~np.isnan(activations).all(1)
        noted["some action units not known"] = int(np.isnan(activations).any(1).sum())
    split = _read_split(table, config)

    useful = known if split is None else known & (split != "")
    skipped["no known target"] = int((~known).sum())
    skipped["no split"] = int((known & ~useful).sum())
    crops = read_crops(
        np.flatnonzero(useful),
        _image_reader(config, table),
        _squares(config, table, points),
        config.size,
        skipped,
        noted,
        progress,
        scratch,
    )
    if skipped[ABSENT] and skipped[ABSENT] == useful.sum():
        first = table.images[int(np.flatnonzero(useful)[0])]
        raise DataError(f"{config.images}: holds none of the {skipped[ABSENT]} images (first: {first!r})")
    rows = crops.rows
    if not len(rows):
        raise DataError(f"{_names(paths)}: none of {n} faces can be used: {words(skipped)}")

    images = np.array(table.images)[rows]
    identity = table.text(config.identity)[rows] if config.identity else None
    if identity is not None:
        noted["identity not known"] = int((identity == "").sum())
    given = None if split is None else split[rows]
    split, how = cut_split(given, units(identity, crops.contents), config.seed, config.val_fraction)
    protocol["split"] = {"column": config.split, "by": "identity" if config.identity else "image", **how}
    require_splits(config.name, split, how, skipped)
    keep_apart(_names(paths), images, identity, crops.contents, split)

    targets = {key: taken(target, rows) for key, target in targets.items()}
    if config.landmarks and points is not None:
        targets["landmarks"] = in_crops(landmarks_target(points[rows], config.landmarks), crops, noted)
    if config.aus and activations is not None:
        targets["aus"], protocol["au_thresholds"] = aus_target(table, activations[rows], split == "train", config.aus)

    return LabelledSet(
        name=config.name,
        frames=crops.frames,
        image_ids=images,
        split=split,
        corner=crops.squares[:, :2].astype(np.float32),
        side=crops.squares[:, 2].astype(np.float32),
        targets=targets,
        identity=identity,
        group=_group(table, rows, crops.frames, config),
        content=crops.contents,
        protocol=protocol
        | {
            "reader": "csv",
            "version": VERSION,
            "csv": [path.name for path in paths],
            "crop": {**asdict(config.crop), "size": config.size, **RESAMPLING},
            **tallies(n, split, skipped, noted),
        },
    )


def _read_split(table: FaceTable, config: CsvFaces) -> NDArray[np.str_] | None:
    """The split column as train, val, test or "", or None where there is none."""
    if config.split is None:
        return None
    cells = [SPLIT_NAMES.get(cell.lower(), cell.lower()) for cell in table.text(config.split).tolist()]
    if strange := sorted(set(cells) - {*SPLITS, ""}):
        raise DataError(f"{table.place(config.split)} holds {strange[0]!r}; it may hold train, val and test")
    return np.array(cells)


def _image_reader(config: CsvFaces, table: FaceTable) -> Callable[[int], bytes]:
    folder = Path(config.images)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of images")
    return lambda row: (folder / table.images[row]).read_bytes()


def _squares(config: CsvFaces, table: FaceTable, points: NDArray[np.float64] | None) -> Squares:
    """What to cut out of each row's image."""
    boxes = table.numbers(config.crop.columns) if config.crop.kind == "box" else None
    rng = np.random.default_rng(config.seed)
    shift = rng.normal(0, config.crop.jitter, (len(table.images), 2))
    scale = np.exp(rng.normal(0, config.crop.jitter, len(table.images)))

    def square(row: int, height: int, width: int) -> Square:
        factor = config.crop.factor
        if boxes is not None:
            if np.isnan(boxes[row]).any():
                raise UnusableImage("no box to crop by")
            left, top, a, b = (float(value) for value in boxes[row])
            right, bottom = (left + a, top + b) if config.crop.form == "xywh" else (a, b)
            if right <= left or bottom <= top:
                raise UnusableImage("crop without extent")
            base = around_box(left, top, right, bottom, factor)
        elif config.crop.kind == "landmarks" and points is not None:
            if np.isnan(points[row]).any():
                raise UnusableImage("no landmarks to crop by")
            base = around_landmarks(points[row], factor)
        else:
            base = centre_square(height, width)
        if not config.crop.jitter:
            return base
        side = base.side * scale[row]
        middle = np.array(base[:2]) + base.side / 2 + shift[row] * base.side
        return Square(float(middle[0] - side / 2), float(middle[1] - side / 2), float(side))

    return square


def _group(
    table: FaceTable, rows: NDArray[np.intp], frames: NDArray[np.uint8], config: CsvFaces
) -> NDArray[np.str_] | None:
    if config.group is None:
        return None
    if config.group != "colour":
        return table.text(config.group)[rows]
    spread = np.array([np.ptp(frame, axis=-1).mean() for frame in frames])
    return np.where(spread <= GREY, "grey", "colour")


def _names(paths: list[Path]) -> str:
    return " + ".join(str(path) for path in paths)

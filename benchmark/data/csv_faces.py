"""A user's own labelled faces: CSV files and a folder of images become a `LabelledSet`."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.data.csv_config import CsvFaces
from benchmark.data.csv_table import FaceTable
from benchmark.data.csv_targets import (
    aus_target,
    complete,
    landmarks_target,
    read_activations,
    read_classes,
    read_points,
    read_pose,
)
from benchmark.data.face_crop import (
    Square,
    UnusableImage,
    around_box,
    around_landmarks,
    centre_square,
    crop,
    decode,
)
from benchmark.data.labelled import SPLITS, LabelledSet, Target
from benchmark.data.split import FRACTIONS, split_identities
from benchmark.errors import DataError

VERSION = 1  # raise it with any change of what the same files become
ABSENT = "image absent"
GREY = 3.0  # mean spread of a pixel's channels, in grey levels, up to which a face counts as grey: JPEG noise

SPLIT_NAMES = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


class _Face(NamedTuple):
    frame: NDArray[np.uint8]
    square: Square
    content: str  # digest of the image file
    notes: tuple[str, ...]


def read_csv_faces(config: CsvFaces, progress: Callable[[int, int], None] = lambda done, total: None) -> LabelledSet:
    """Reads what ``config`` describes; targets are called landmarks, pose, classes and aus.

    Faces that cannot be used are left out and counted by reason in ``protocol["skipped"]``; those that are used
    although something about them is missing or was converted, in ``protocol["noted"]``. ``progress`` is called
    with the images done and their total.

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
        noted["pose not known"] = int((~targets["pose"].known).sum())
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
    faces = _read_faces(config, table, points, useful, skipped, progress)
    rows = np.array(sorted(faces), np.intp)
    if not len(rows):
        raise DataError(f"{_names(paths)}: none of {n} faces can be used: {_words(skipped)}")
    used = [faces[row] for row in rows]
    noted.update(note for face in used for note in face.notes)
    contents = [face.content for face in used]
    noted["content of another image"] = len(contents) - len(set(contents))

    images = np.array(table.images)[rows]
    identity = table.text(config.identity)[rows] if config.identity else None
    if identity is not None:
        noted["identity not known"] = int((identity == "").sum())
    units = _units(identity, contents)
    split, protocol["split"] = _split(split if split is None else split[rows], units, config)
    _refuse_leaks(paths, images, identity, contents, split)

    corner = np.array([face.square[:2] for face in used])
    side = np.array([face.square.side for face in used])
    targets = {key: _rows(target, rows) for key, target in targets.items()}
    if config.landmarks and points is not None:
        targets["landmarks"] = landmarks_target(points[rows], corner, side, config.landmarks)
    if config.aus and activations is not None:
        targets["aus"], protocol["au_thresholds"] = aus_target(table, activations[rows], split == "train", config.aus)

    frames = np.stack([face.frame for face in used])
    return LabelledSet(
        name=config.name,
        frames=frames,
        image_ids=images,
        split=split,
        corner=corner.astype(np.float32),
        side=side.astype(np.float32),
        targets=targets,
        identity=identity,
        group=_group(table, rows, frames, config),
        protocol=protocol
        | {
            "reader": "csv",
            "version": VERSION,
            "csv": [path.name for path in paths],
            "crop": asdict(config.crop)
            | {"size": config.size, "resampling": "bicubic, antialiased", "beyond the image": "border repeated"},
            "rows": n,
            "faces": {name: int((split == name).sum()) for name in SPLITS},
            "skipped": {reason: count for reason, count in sorted(skipped.items()) if count},
            "noted": {reason: count for reason, count in sorted(noted.items()) if count},
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


def _read_faces(
    config: CsvFaces,
    table: FaceTable,
    points: NDArray[np.float64] | None,
    useful: NDArray[np.bool_],
    skipped: Counter[str],
    progress: Callable[[int, int], None],
) -> dict[int, _Face]:
    """Decoded and cropped faces by row, in threads; what fails is counted."""
    folder = Path(config.images)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of images")
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

    def read(row: int) -> _Face | str:
        try:
            content = (folder / table.images[row]).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return ABSENT
        except OSError:
            return "image unreadable"
        try:
            pixels, notes = decode(content)
            place = square(row, *pixels.shape[:2])
            frame = crop(pixels, place, config.size)
        except UnusableImage as error:
            return str(error)
        return _Face(frame, place, hashlib.sha256(content).hexdigest(), notes)

    rows = np.flatnonzero(useful).tolist()
    faces: dict[int, _Face] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (row, face) in enumerate(zip(rows, pool.map(read, rows), strict=True), 1):
            if isinstance(face, _Face):
                faces[row] = face
            else:
                skipped[face] += 1
            progress(done, len(rows))
    if rows and skipped[ABSENT] == len(rows):
        raise DataError(f"{folder}: holds none of the {len(rows)} images (first: {table.images[rows[0]]!r})")
    return faces


def _units(identity: NDArray[np.str_] | None, contents: list[str]) -> list[str]:
    """What must not be torn apart by a split: a person, or where that is not known an image's content."""
    if identity is None:
        return contents
    return [person or content for person, content in zip(identity.tolist(), contents, strict=True)]


def _split(
    given: NDArray[np.str_] | None, units: list[str], config: CsvFaces
) -> tuple[NDArray[np.str_], dict[str, Any]]:
    """Train, val or test of every face, and how that came about."""
    unit = "identity" if config.identity else "image"
    protocol: dict[str, Any] = {"column": config.split, "by": unit}
    if given is None:
        protocol |= {"fractions": list(FRACTIONS), "seed": config.seed}
        of_unit = split_identities(units, config.seed)
        split = np.array([of_unit[each] for each in units])
    elif "val" in given:
        split = given
    else:
        protocol |= {"val_from_train": config.val_fraction, "seed": config.seed}
        train = [each for each, name in zip(units, given, strict=True) if name == "train"]
        of_unit = split_identities(train, config.seed, (1 - config.val_fraction, config.val_fraction, 0.0))
        split = np.array([of_unit[each] if name == "train" else name for each, name in zip(units, given, strict=True)])
    for name in SPLITS:
        if name not in split:
            raise DataError(
                f"set {config.name}: no usable face for {name} ({len(set(units))} {unit} units in all; "
                f"{'given by column ' + repr(config.split) if config.split else 'split by seed'})"
            )
    return split, protocol


def _refuse_leaks(
    paths: list[Path],
    images: NDArray[np.str_],
    identity: NDArray[np.str_] | None,
    contents: list[str],
    split: NDArray[np.str_],
) -> None:
    """No identity and no image content may lie in two splits."""
    first: dict[str, int] = {}
    for row, content in enumerate(contents):
        other = first.setdefault(content, row)
        if split[other] != split[row]:
            raise DataError(
                f"{_names(paths)}: {images[other]} ({split[other]}) and {images[row]} ({split[row]}) are the "
                "same image in two splits; keep one"
            )
    first = {}
    for row, person in enumerate([] if identity is None else identity.tolist()):
        other = first.setdefault(person, row) if person else row
        if split[other] != split[row]:
            raise DataError(
                f"{_names(paths)}: identity {person!r} is in {split[other]} ({images[other]}) and in "
                f"{split[row]} ({images[row]}); splits must not share people"
            )


def _rows(target: Target, rows: NDArray[np.intp]) -> Target:
    return Target(target.kind, target.values[rows], target.known[rows], target.names, target.eyes)


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


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(counts.items()) if count)

"""Labelled faces from CSV files and a folder of images.

One CSV row per image; further CSV files are joined on the image column. The keys, their defaults and meanings are
those of `CsvFaces`. Targets are called ``landmarks``, ``pose``, ``classes``, ``aus`` and ``regression``.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.config.csv import CsvFaces
from benchmark.data.faces.build import DerivedLabels, RawFaces
from benchmark.data.faces.crop import Square, UnusableImage, around_box, around_landmarks, centre_square
from benchmark.data.faces.extract import Crops, Squares
from benchmark.data.faces.labelled_set import SPLITS, Target
from benchmark.data.sets.csv.table import FaceTable
from benchmark.data.sets.csv.targets import (
    binarise,
    read_classes,
    read_intensities,
    read_landmarks,
    read_numbers,
    read_pose,
)
from benchmark.data.sets.files import image_reader
from benchmark.errors import DataError
from benchmark.files import sha256

VERSION = 3  # raise it with any change of what the same files become
GREY = 3.0  # grey levels; a face whose mean channel spread is at most this counts as grey: JPEG noise
SPLIT_NAMES = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


@dataclass(frozen=True)
class CsvFiles:
    """The CSV files and the folder of images of a set."""

    tables: list[Path]
    images: Path

    def fingerprint(self) -> list[object]:
        """Digests of the CSV files (None where one is absent); names, sizes and times of the images."""
        return [[sha256(path) if path.is_file() else None for path in self.tables], _list_files(self.images)]


def find(config: CsvFaces) -> CsvFiles:
    """The files that a configuration names, whether or not they exist."""
    tables = [config.csv] if isinstance(config.csv, str) else config.csv
    return CsvFiles([Path(path) for path in tables], Path(config.images))


def read(config: CsvFaces) -> RawFaces:
    """Read the rows of all images in the first CSV file.

    Raises:
        DataError: files that cannot be read or contradict each other, a missing column, no image.
    """
    files = find(config)
    table = FaceTable.read(files.tables, config.image, config.encoding, config.separator)
    targets: dict[str, Target] = {}
    protocol: dict[str, Any] = {}
    if config.landmarks:
        targets["landmarks"] = read_landmarks(table, config.landmarks)
        table.noted["landmarks not known"] = int((~targets["landmarks"].known).sum())
    if config.pose:
        targets["pose"] = read_pose(table, config.pose)
    if config.classes:
        targets["classes"], left_out = read_classes(table, config.classes)
        table.noted["class not known"] = left_out.total()
        protocol["classes_left_out"] = dict(left_out)
    if config.aus:
        targets["aus"] = read_intensities(table, config.aus)
        table.noted["some action units not known"] = int((~targets["aus"].known).any(1).sum())
    if config.regression:
        targets["regression"] = read_numbers(table, config.regression)
        table.noted["some numbers not known"] = int((~targets["regression"].known).any(1).sum())
    split = _read_split(table, config)
    group = table.text(config.group) if config.group not in (None, "colour") else None
    _require_images(files.images, table.images)
    return RawFaces(
        ids=table.images,
        content=image_reader(files.images, table.images),
        square=_squares(config, table, targets.get("landmarks")),
        targets=targets,
        split=split,
        identity=table.text(config.identity) if config.identity else None,
        group=group,
        derive=_derive(config, table, targets.get("aus")),
        protocol={
            **protocol,
            "csv": [path.name for path in files.tables],
            "crop": asdict(config.crop),
            "split": {"column": config.split, "by": "identity" if config.identity else "image"},
        },
        skipped=table.skipped,
        noted=table.noted,
        source=" + ".join(str(path) for path in files.tables),
        unsplit_reason="no split",
    )


def _read_split(table: FaceTable, config: CsvFaces) -> NDArray[np.str_] | None:
    """The split column as train, val, test or ""; None without one."""
    if config.split is None:
        return None
    cells = [SPLIT_NAMES.get(cell.lower(), cell.lower()) for cell in table.text(config.split).tolist()]
    if unknown := sorted(set(cells) - {*SPLITS, ""}):
        raise DataError(f"{table.origin(config.split)} holds {unknown[0]!r}; it may hold train, val and test")
    return np.array(cells)


def _require_images(folder: Path, names: list[str]) -> None:
    """Raises DataError unless the folder holds one of the images; single missing ones are counted later."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of images")
    if not any(os.path.isfile(folder / name) for name in names):  # noqa: PTH113  # Path's raises on long names
        raise DataError(f"{folder}: holds none of the {len(names)} images (first: {names[0]!r})")


def _squares(config: CsvFaces, table: FaceTable, landmarks: Target | None) -> Squares:
    """The square to crop from each row's image, jittered by the set's seed."""
    boxes = table.numbers(config.crop.columns) if config.crop.kind == "box" else None
    rng = np.random.default_rng(config.seed)
    shift = rng.normal(0, config.crop.jitter, (len(table.images), 2))
    scale = np.exp(rng.normal(0, config.crop.jitter, len(table.images)))

    def square(row: int, height: int, width: int) -> Square:
        if boxes is not None:
            exact = _around_box(boxes[row], config.crop.form, config.crop.factor)
        elif config.crop.kind == "landmarks" and landmarks is not None:
            if not landmarks.known[row]:
                raise UnusableImage("no landmarks to crop by")
            exact = around_landmarks(landmarks.values[row], config.crop.factor)
        else:
            exact = centre_square(height, width)
        if not config.crop.jitter:
            return exact
        side = exact.side * scale[row]
        centre = np.array(exact[:2]) + exact.side / 2 + shift[row] * exact.side
        return Square(float(centre[0] - side / 2), float(centre[1] - side / 2), float(side))

    return square


def _around_box(box: NDArray[np.float64], form: str, factor: float) -> Square:
    if np.isnan(box).any():
        raise UnusableImage("no box to crop by")
    left, top, third, fourth = (float(value) for value in box)
    right, bottom = (left + third, top + fourth) if form == "xywh" else (third, fourth)
    if right <= left or bottom <= top:
        raise UnusableImage("crop without extent")
    return around_box(left, top, right, bottom, factor)


def _derive(
    config: CsvFaces, table: FaceTable, intensities: Target | None
) -> Callable[[Crops, NDArray[np.str_]], DerivedLabels]:
    """Action units from intensities, by thresholds of the train faces; grey or colour from the frames."""

    def derive(crops: Crops, split: NDArray[np.str_]) -> DerivedLabels:
        targets: dict[str, Target] = {}
        protocol: dict[str, Any] = {}
        if config.aus and intensities is not None:
            targets["aus"], protocol["au_thresholds"] = binarise(
                table, intensities.values[crops.rows], split == "train", config.aus
            )
        group = _grey_or_colour(crops.frames) if config.group == "colour" else None
        return DerivedLabels(targets, group, protocol)

    return derive


def _grey_or_colour(frames: NDArray[np.uint8]) -> NDArray[np.str_]:
    spread = np.array([np.ptp(frame, axis=-1).mean() for frame in frames])
    return np.where(spread <= GREY, "grey", "colour")


def _list_files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time (ns) of every file below a folder; nothing if the folder is absent."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]

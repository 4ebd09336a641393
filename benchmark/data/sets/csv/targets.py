"""Targets from the columns of a table; unknown values are marked and counted."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from benchmark.config.csv import Aus, Classes, Landmarks, Numbers, Pose
from benchmark.data.faces.labelled_set import Target
from benchmark.data.faces.targets import complete, landmark_target, pose_target
from benchmark.data.sets.csv.table import FaceTable
from benchmark.errors import DataError


def read_landmarks(table: FaceTable, config: Landmarks) -> Target:
    """Landmarks in image pixels, all NaN where a coordinate is missing."""
    points = table.numbers(config.names()).reshape(-1, config.count, 2)
    points[~complete(points)] = np.nan
    return landmark_target(points, (config.eyes[0], config.eyes[1]))


def read_pose(table: FaceTable, config: Pose) -> Target:
    """Roll, pitch and yaw in degrees; a face is known if all three angles are."""
    values = table.numbers([config.roll, config.pitch, config.yaw])
    return pose_target(np.degrees(values) if config.unit == "rad" else values, table.noted)


def read_classes(table: FaceTable, config: Classes) -> tuple[Target, Counter[str]]:
    """Classes, and the number of cells by name that are none of them ("" for blank cells)."""
    cells = table.text(config.column)
    names = tuple(config.names) if config.names else tuple(sorted(set(cells.tolist()) - {""}))
    index = {name: number for number, name in enumerate(names)}
    values = np.array([index.get(cell, -1) for cell in cells.tolist()], np.int64)
    if (values < 0).all():
        raise DataError(
            f"{table.origin(config.column)} holds none of the classes {', '.join(names)} "
            f"(first value: {str(cells[0])!r})"
        )
    return Target("classes", values, values >= 0, names), Counter(cells[values < 0].tolist())


def read_intensities(table: FaceTable, config: Aus) -> Target:
    """Action units (N, A) as they are in the cells, NaN where unknown; `binarise` makes labels of them."""
    values = _numbers(table, config)
    return Target("aus", values, ~np.isnan(values), tuple(config.columns))


def read_numbers(table: FaceTable, config: Numbers) -> Target:
    """Numbers (N, A) as they are in the cells, each known or not on its own."""
    values = _numbers(table, config)
    known = np.abs(values) <= np.finfo(np.float32).max  # also false for NaN
    return Target("regression", np.where(known, values, np.nan).astype(np.float32), known, tuple(config.columns))


def _numbers(table: FaceTable, config: Aus | Numbers) -> NDArray[np.float64]:
    """Cells (N, A) of the configured columns, NaN where unknown."""
    values = table.numbers(list(config.columns.values()))
    for unknown in config.unknown:
        if isinstance(unknown, str):  # most text is NaN already, but the text may look like a number
            texts = np.stack([table.text(column) for column in config.columns.values()], axis=1)
            values[texts == unknown] = np.nan
        else:
            values[values == unknown] = np.nan
    return values


def binarise(
    table: FaceTable, intensities: NDArray[np.float64], train: NDArray[np.bool_], config: Aus
) -> tuple[Target, dict[str, float]]:
    """Action units as 0 or 1.

    Args:
        table: where the values come from, for messages.
        intensities: (M, A), NaN where unknown.
        train: (M,) faces that quantile thresholds are computed on.
        config: the threshold of all units: none, a number or a quantile.

    Returns:
        The target, and the threshold of each unit that has one.

    Raises:
        DataError: without a threshold, a cell that is neither 0 nor 1; a unit that is unknown for all of train.
    """
    known = ~np.isnan(intensities)
    names = tuple(config.columns)
    thresholds: dict[str, float] = {}
    active = np.zeros(intensities.shape, np.float32)
    for unit, (name, column) in enumerate(config.columns.items()):
        is_known = known[:, unit]
        values, train_values = intensities[is_known, unit], intensities[is_known & train, unit]
        if not len(train_values):
            raise DataError(f"{table.origin(column)} ({name}) is not known for any training face")
        if config.threshold is None:
            if len(other := values[~np.isin(values, (0, 1))]):
                raise DataError(
                    f"{table.origin(column)} holds {other[0]:g}, which is neither 0 nor 1; "
                    "state aus.threshold, or list it in aus.unknown"
                )
            active[is_known, unit] = values
            continue
        if isinstance(config.threshold, (int, float)):
            thresholds[name] = float(config.threshold)
        else:
            thresholds[name] = float(np.quantile(train_values, config.threshold["quantile"]))
        active[is_known, unit] = values > thresholds[name]
    return Target("aus", active, known, names), thresholds

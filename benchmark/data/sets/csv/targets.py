"""Targets from the columns of a table; what is not known is marked, counted, and never guessed."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import Target
from benchmark.data.faces.targets import complete, pose_target
from benchmark.data.sets.csv.config import Aus, Classes, Landmarks, Pose
from benchmark.data.sets.csv.table import FaceTable
from benchmark.errors import DataError


def read_points(table: FaceTable, config: Landmarks) -> NDArray[np.float64]:
    """Landmarks (N, L, 2) in image pixels; NaN throughout a face of which any coordinate is missing."""
    points = table.numbers(config.names()).reshape(-1, config.count, 2)
    points[~complete(points)] = np.nan
    return points


def landmarks_target(points: NDArray[np.float64], config: Landmarks) -> Target:
    """Landmarks (N, L, 2) in image pixels."""
    names = tuple(str(i) for i in range(config.count))
    return Target("landmarks", points, complete(points), names, (config.eyes[0], config.eyes[1]))


def read_pose(table: FaceTable, config: Pose) -> Target:
    """Degrees; a face is known where all three angles are."""
    values = table.numbers([config.roll, config.pitch, config.yaw])
    return pose_target(np.degrees(values) if config.unit == "rad" else values, table.noted)


def read_classes(table: FaceTable, config: Classes) -> tuple[Target, Counter[str]]:
    """Classes, and how often each name occurs that is not one of them ("" where the cell is blank)."""
    cells = table.text(config.column)
    names = tuple(config.names) if config.names else tuple(sorted(set(cells.tolist()) - {""}))
    index = {name: number for number, name in enumerate(names)}
    values = np.array([index.get(cell, -1) for cell in cells.tolist()], np.int64)
    if (values < 0).all():
        raise DataError(
            f"{table.place(config.column)} holds none of the classes {', '.join(names)} "
            f"(first value: {str(cells[0])!r})"
        )
    return Target("classes", values, values >= 0, names), Counter(cells[values < 0].tolist())


def read_activations(table: FaceTable, config: Aus) -> NDArray[np.float64]:
    """The cells of the action units (N, A) as they stand, NaN where not known."""
    values = table.numbers(list(config.columns.values()))
    for unknown in config.unknown:
        if isinstance(unknown, str):  # text is no number, and so NaN already, unless it is written as one
            texts = np.stack([table.text(column) for column in config.columns.values()], axis=1)
            values[texts == unknown] = np.nan
        else:
            values[values == unknown] = np.nan
    return values


def aus_target(
    table: FaceTable, values: NDArray[np.float64], train: NDArray[np.bool_], config: Aus
) -> tuple[Target, dict[str, Any]]:
    """Activations (N, A) become 0 or 1, and by which thresholds; quantiles are those of train.

    Raises:
        DataError: without a threshold, a cell that is neither 0 nor 1; or a unit not known in train.
    """
    known = ~np.isnan(values)
    names = tuple(config.columns)
    thresholds: dict[str, Any] = {}
    active = np.zeros(values.shape, np.float32)
    for unit, name in enumerate(names):
        of_unit, of_train = values[known[:, unit], unit], values[known[:, unit] & train, unit]
        if not len(of_train):
            raise DataError(f"{table.place(config.columns[name])} ({name}) is not known for any training face")
        if config.threshold is None:
            if len(odd := of_unit[~np.isin(of_unit, (0, 1))]):
                raise DataError(
                    f"{table.place(config.columns[name])} holds {odd[0]:g}, which is neither 0 nor 1; "
                    "state aus.threshold, or list it in aus.unknown"
                )
            active[known[:, unit], unit] = of_unit
            continue
        if isinstance(config.threshold, (int, float)):
            thresholds[name] = float(config.threshold)
        else:
            thresholds[name] = float(np.quantile(of_train, config.threshold["quantile"]))
        active[known[:, unit], unit] = of_unit > thresholds[name]
    return Target("aus", active, known, names), thresholds

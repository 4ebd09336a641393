"""Made-up rows with scores of every test person: cells and series as the records of a benchmark give them."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.tables.cells import Cell, cells
from probes.tables.claims import AllSeries
from probes.tables.columns import HIGHER, LOWER, Column
from probes.tables.comparison import Score, Series
from probes.tables.encoders import embedding
from probes.tables.overview import overview_of
from probes.tables.overview_table import overview_table
from probes.tables.table import Table

POSE = Column("pose", "mae", "pose", "deg", LOWER, "{:.2f}".format)
FACES = Column("faces", "auc", "faces", "AUC", HIGHER, "{:.3f}".format)
PEOPLE = 40


def row(
    mean: float, seeds: Sequence[int] = (0, 1, 2), noise: float = 0.01, key: int = 0
) -> dict[int, NDArray[np.float64]]:
    """Scores (U,) by seed about a mean; people differ by 1, alike for every row, and rows by noise."""
    people = np.random.default_rng(7).standard_normal(PEOPLE)
    people -= people.mean()
    random = np.random.default_rng([key, int(1000 * mean)])
    return {seed: mean + people + noise * random.standard_normal(PEOPLE) for seed in seeds}


def scored(
    rows: Mapping[tuple[str, str], Mapping[int, NDArray[np.float64]]], column: Column = POSE, faces: str = "same"
) -> tuple[list[Cell], AllSeries]:
    """The cells and series of rows, by kind and variant."""
    cells: list[Cell] = []
    series = {}
    for (kind, variant), scores in rows.items():
        values = [float(each.mean()) for each in scores.values()]
        cells.append(
            {
                "benchmark": "own",
                "variant": variant,
                "kind": kind,
                "task": column.task,
                "metric": column.metric,
                "unit": column.unit,
                "head": "exact",
                "mean": fmean(values),
                "std": stdev(values) if len(values) > 1 else None,
                "low": None,
                "high": None,
                "values": values,
                "n_seeds": len(values),
                "seeds": list(scores),
                "runs": [f"own/{variant}/seed{seed}" for seed in scores],
                **embedding([]),
            }
        )
        of_row = Series.of(
            [
                Score(seed, float(each.mean()), (each.sum() - each) / (len(each) - 1), faces)
                for seed, each in scores.items()
            ]
        )
        assert of_row is not None
        series[kind, variant, column.task, column.metric] = of_row
    return cells, series


def first_table(
    probes: Sequence[dict[str, Any]],
    costs: Sequence[dict[str, Any]] = (),
    *,
    head: str = "linear",
    series: AllSeries | None = None,
    reference: str | None = None,
) -> Table:
    """The overview of the records of one benchmark."""
    found = cells(probes, costs, head=head)
    made = overview_of("quick", probes, found, series or {}, reference=reference)
    return overview_table(made, probes, costs, found, head=head, budget="steps")


def people_of(probes: Sequence[dict[str, Any]], head: str = "linear", noise: float = 0.05) -> AllSeries:
    """Series whose means are the values of records: people differ by 1, alike for every row, and rows by noise."""
    scores: dict[Any, list[Score]] = {}
    for index, record in enumerate(probes):
        for metric, entry in record["heads"].get(head, {"metrics": {}})["metrics"].items():
            each = row(entry["value"], [0], noise, index)[0]
            each += entry["value"] - each.mean()
            without = (each.sum() - each) / (PEOPLE - 1)
            key = (record["kind"], record["variant"], record["task"], metric)
            scores.setdefault(key, []).append(Score(record["seed"], entry["value"], without, "same"))
    return {key: found for key, each in scores.items() if (found := Series.of(each)) is not None}

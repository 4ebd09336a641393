"""The other heads in a table that one head orders: their columns, and where they order methods differently."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from .cells import FALLBACK_HEADS, Cell, Record, cells
from .columns import NEITHER, Column

BY = " by "  # between a metric and the head that it is of
PAIRS_SHOWN = 4  # of methods, in a caption


def other_heads(records: Iterable[Record], head: str) -> list[str]:
    """Heads that records have scores of, beside the one that orders the table, by name."""
    return sorted({name for record in records for name in record["heads"]} - {head, *FALLBACK_HEADS})


def cells_of_others(probes: Sequence[Record], head: str) -> list[Cell]:
    """Cells of the other heads, as metrics ``<metric> by <head>``; rows without such a head have none."""
    return [
        {**cell, "metric": f"{cell['metric']}{BY}{other}"}
        for other in other_heads(probes, head)
        for cell in cells(probes, head=other)
        if cell["head"] == other
    ]


def columns_of_others(first: Column, records: Sequence[Record], head: str) -> list[Column]:
    """A column of each other head with the first metric of a task."""
    return [
        replace(first, metric=f"{first.metric}{BY}{other}", label=f"{first.label}, {other} head")
        for other in other_heads(records, head)
    ]


def disagreements(first: Column, records: Sequence[Record], head: str, benchmark_cells: Sequence[Cell]) -> list[str]:
    """One line for each other head that orders two methods of a task the other way round, as printed."""
    if first.better == NEITHER:
        return []
    lines = []
    for other in columns_of_others(first, records, head):
        ours, theirs = (_printed(column, benchmark_cells) for column in (first, other))
        both = sorted(ours.keys() & theirs.keys())
        swapped = [
            f"{one}/{two}"
            for one, two in combinations(both, 2)
            if (ours[one] - ours[two]) * (theirs[one] - theirs[two]) < 0
        ]
        if swapped:
            more = f" and {len(swapped) - PAIRS_SHOWN} more pairs" if len(swapped) > PAIRS_SHOWN else ""
            name = other.metric.rpartition(BY)[2]
            lines.append(
                f"On {first.task} the heads {head} and {name} disagree about the order of "
                f"{', '.join(swapped[:PAIRS_SHOWN])}{more}."
            )
    return lines


def capped(records: Iterable[Record]) -> list[str]:
    """A line where heads were stopped by their cap, with the number of fits."""
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        for name, head in record["heads"].items():
            if head.get("choice", {}).get("converged") is False:
                key = (record["task"], name)
                counts[key] = counts.get(key, 0) + 1
    return [
        f"On {task} {count} fit{'s' * (count != 1)} of the head {name} ended at the cap, before val stopped improving."
        for (task, name), count in sorted(counts.items())
    ]


def _printed(column: Column, benchmark_cells: Sequence[Cell]) -> dict[str, float]:
    """Means of methods by variant, as they are printed."""
    return {
        cell["variant"]: float(column.show(cell["mean"]))
        for cell in benchmark_cells
        if (cell["task"], cell["metric"], cell["kind"]) == (column.task, column.metric, "method")
        and cell["mean"] is not None
    }

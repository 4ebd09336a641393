"""The rows of a benchmark of the long study, and FAb-Net against them by the tests that README.md fixes, as Markdown.

    python results/reference/long/intervals.py exact 3200.parquet
    python results/reference/long/intervals.py exact 1600-frames.parquet 3200.parquet

First the mean of each row and the half width of its 95 % interval, over seeds and test people. Then a line for each
task and other row: the mean difference over seeds on the same test faces, its interval at the Bonferroni-corrected
level, and what it shows. A row that the first file lacks is taken from the next, as FAb-Net is at equal frames; they
have the same labelled faces.
"""

import sys
from pathlib import Path

from scores import load
from tabulate import tabulate

from probes.statistics import LEVEL, Estimate
from probes.tables.columns import LOWER
from probes.tables.comparison import Series, paired_difference

ROW = "fabnet"
FLOORS, CEILING = ("mean", "pixels", "random"), "supervised"
METHODS = ("autoencoder", "rotation", "split_brain", "split_brain-full", "fabnet-sgd", "fabnet-curriculum-paper")
OTHERS = ("pixels", *METHODS)
MEASURES = {  # by task and metric: heading, format, which way is better, and the largest difference that counts as none
    ("synthetic-landmarks", "error"): ("landmarks, %", "{:.2f}", LOWER, 0.3),
    ("synthetic-landmarks", "aligned_error"): ("landmarks aligned, %", "{:.2f}", LOWER, 0.3),
    ("synthetic-pose", "mae"): ("pose, degrees", "{:.2f}", LOWER, 0.1),
    ("synthetic-expression", "auc"): ("expressions, AUC", "{:.4f}", -LOWER, 0.01),
    ("synthetic-aus", "auc"): ("action units, AUC", "{:.4f}", -LOWER, 0.01),
}
AllSeries = dict[tuple[str, str, str], Series]


def main(head: str, *files: Path) -> None:
    """Prints both tables."""
    series: AllSeries = {}
    for file in files:
        series = {**load(file, head), **series}
    present = {key[0] for key in series}
    rows = [row for row in (*FLOORS, *METHODS, ROW, CEILING) if row in present]
    names = " and ".join(file.stem for file in files)
    print(f"{names}, head `{head}`: mean ± half width of its 95 % interval, and the number of seeds.\n")
    headings = ["row", *(heading for heading, *_ in MEASURES.values()), "seeds"]
    print(tabulate([means(series, row) for row in rows], headings, "pipe", disable_numparse=True))

    others = [other for other in OTHERS if other in present]
    lines = [
        line
        for key in MEASURES
        for other in others
        if (line := compare(series, key, other, 1 - (1 - LEVEL) / len(others)))
    ]
    print(f"\n`{ROW}` against others; level 95 % over {len(others)} pairs of a task.\n")
    headings = ["task", f"`{ROW}` minus", "difference", "interval", "shown", "seeds"]
    print(tabulate(lines, headings, "pipe", disable_numparse=True))


def means(series: AllSeries, row: str) -> list[str]:
    """One line of the first table."""
    found = {key: series[row, *key] for key in MEASURES if (row, *key) in series}
    cells = [entry(found[key].estimate, MEASURES[key][1]) if key in found else "–" for key in MEASURES]
    return [f"`{row}`", *cells, str(max(len(each.seeds) for each in found.values()))]


def entry(estimate: Estimate, number: str) -> str:
    """Mean and half width of the interval; the mean alone where that is not known."""
    mean = number.format(estimate.mean)
    return f"{mean} ± {number.format(estimate.half_width())}" if estimate.known else mean


def compare(series: AllSeries, key: tuple[str, str], other: str, level: float) -> list[str] | None:
    """One line of the second table; None if one of the rows has no scores."""
    heading, number, better, margin = MEASURES[key]
    of_row, of_other = series.get((ROW, *key)), series.get((other, *key))
    estimate = paired_difference(of_row, of_other) if of_row and of_other else None
    if estimate is None:
        return None
    low, high = estimate.interval(level)
    signed = number.replace(":", ":+").format
    shown = verdict(estimate, level, better, margin)
    return [
        heading,
        f"`{other}`",
        signed(estimate.mean),
        f"{signed(low)} to {signed(high)}",
        shown,
        str(estimate.seeds),
    ]


def verdict(difference: Estimate, level: float, better: int, margin: float) -> str:
    """What a difference shows: `ahead`, `behind`, `equal` if the interval lies within the margin, else `not shown`."""
    low, high = difference.interval(level)
    if low > 0 or high < 0:
        return "ahead" if difference.mean * better > 0 else "behind"
    return "equal" if -margin < low and high < margin else "not shown"


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))

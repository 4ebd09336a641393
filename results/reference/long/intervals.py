"""FAb-Net against the other rows of a benchmark of the long study, by the tests that README.md fixes, as Markdown.

    python results/reference/long/intervals.py exact results/runs/study-3200
    python results/reference/long/intervals.py exact results/runs/study-6400-frames results/runs/study-3200

One line for each task and other row: the mean difference over seeds on the same test faces, its interval over seeds and
test people at the Bonferroni-corrected level, and what it shows. A row that the first benchmark lacks is taken from the
next, as FAb-Net is at equal frames; they have the same labelled faces.
"""

import sys
from pathlib import Path

from tabulate import tabulate

from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.pipeline.results import read_probes
from benchmark.pipeline.series import read_series
from probes.statistics import LEVEL, Estimate
from probes.tables.claims import Key
from probes.tables.columns import LOWER
from probes.tables.comparison import Series, paired_difference

ROW = "fabnet"
OTHERS = ("pixels", "autoencoder", "rotation", "split_brain", "split_brain-full")
MEASURES = {  # by task: metric, heading, format, which way is better, and the largest difference that counts as none
    "synthetic-landmarks": ("error", "landmarks, %", "{:+.2f}", LOWER, 0.3),
    "synthetic-landmarks aligned": ("aligned_error", "landmarks aligned, %", "{:+.2f}", LOWER, 0.3),
    "synthetic-pose": ("mae", "pose, degrees", "{:+.2f}", LOWER, 0.1),
    "synthetic-expression": ("auc", "expressions, AUC", "{:+.4f}", -LOWER, 0.01),
    "synthetic-aus": ("auc", "action units, AUC", "{:+.4f}", -LOWER, 0.01),
}


def main(head: str, *folders: Path) -> None:
    """Prints the table."""
    series: dict[Key, Series] = {}
    for folder in folders:
        of_folder = read_series(folder.parent, read_probes(folder, BenchmarkRecord.read(folder)), head)
        series = {**of_folder, **series}
    present = {key[1] for key in series}
    pairs = [other for other in OTHERS if other in present]
    lines = [
        line
        for task, measure in MEASURES.items()
        for other in pairs
        if (line := compare(series, task.split()[0], measure, other, 1 - (1 - LEVEL) / len(pairs)))
    ]
    names = " and ".join(folder.name for folder in folders)
    print(f"`{ROW}` against others in {names}, head `{head}`; level 95 % over {len(pairs)} pairs of a task.\n")
    print(tabulate(lines, ["task", f"`{ROW}` minus", "difference", "interval", "shown"], "pipe", disable_numparse=True))


def compare(
    series: dict[Key, Series], task: str, measure: tuple[str, str, str, int, float], other: str, level: float
) -> list[str] | None:
    """One line of the table; None if one of the rows has no scores."""
    metric, heading, number, better, margin = measure
    of_row, of_other = (find(series, variant, task, metric) for variant in (ROW, other))
    estimate = paired_difference(of_row, of_other) if of_row and of_other else None
    if estimate is None:
        return None
    low, high = estimate.interval(level)
    interval = f"{number.format(low)} to {number.format(high)}"
    return [heading, f"`{other}`", number.format(estimate.mean), interval, shown(estimate, level, better, margin)]


def find(series: dict[Key, Series], variant: str, task: str, metric: str) -> Series | None:
    """The series of a row, of whichever kind it is."""
    return next((each for key, each in series.items() if key[1:] == (variant, task, metric)), None)


def shown(difference: Estimate, level: float, better: int, margin: float) -> str:
    """What a difference shows: `ahead`, `behind`, `equal` if the interval lies within the margin, else `not shown`."""
    low, high = difference.interval(level)
    if low > 0 or high < 0:
        return "ahead" if difference.mean * better > 0 else "behind"
    return "equal" if -margin < low and high < margin else "not shown"


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))

"""Add the scores of a benchmark's runs to a file of the long study, with all that its intervals and tests need.

    python results/reference/long/scores.py results/runs/study-3200 results/reference/long/3200.parquet

The file has a line for each row, seed, task, head and metric: the value, the value without each test person (a list,
`probes.jackknife`), and a hash of the test faces. Lines of the same row and seed are replaced and others stay, so that
seeds may be run one after the other.
"""

import sys
from pathlib import Path

import pandas as pd

from benchmark.files import atomic
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.pipeline.results import read_probes
from benchmark.pipeline.series import read_series
from probes.tables.comparison import Score, Series

HEADS = ("exact", "linear")
METRICS = {
    ("synthetic-landmarks", "error"),
    ("synthetic-landmarks", "aligned_error"),
    ("synthetic-pose", "mae"),
    ("synthetic-expression", "auc"),
    ("synthetic-aus", "auc"),
}
KEY = ["kind", "row", "seed", "task", "head", "metric"]


def scores_of(runs: Path) -> pd.DataFrame:
    """The scores of a benchmark, given its folder."""
    probes = read_probes(runs, BenchmarkRecord.read(runs))
    lines = [
        (kind, row, seed, task, head, metric, value, without.tolist(), series.faces)
        for head in HEADS
        for (kind, row, task, metric), series in read_series(runs.parent, probes, head, METRICS).items()
        for seed, value, without in zip(series.seeds, series.values, series.without, strict=True)
    ]
    return pd.DataFrame(lines, columns=[*KEY, "value", "without", "faces"])


def add(runs: Path, file: Path) -> None:
    """Adds the scores of a benchmark to a file, which need not exist."""
    new = scores_of(runs)
    if file.is_file():
        old = pd.read_parquet(file)
        replaced = pd.MultiIndex.from_frame(old[["row", "seed"]]).isin(pd.MultiIndex.from_frame(new[["row", "seed"]]))
        new = pd.concat([old[~replaced], new])
    with atomic(file) as temporary:
        new.sort_values(KEY).to_parquet(temporary, index=False)


def load(file: Path, head: str) -> dict[tuple[str, str, str], Series]:
    """The scores of a file by one head: a series over seeds for each row, task and metric."""
    scores = pd.read_parquet(file).query("head == @head")
    series = {
        (str(row), str(task), str(metric)): Series.of(
            [Score(seed, value, without, faces) for seed, value, without, faces in zip(*columns, strict=True)]
        )
        for (row, task, metric), group in scores.groupby(["row", "task", "metric"])
        for columns in [(group[name] for name in ("seed", "value", "without", "faces"))]
    }
    return {key: each for key, each in series.items() if each is not None}


if __name__ == "__main__":
    add(Path(sys.argv[1]), Path(sys.argv[2]))

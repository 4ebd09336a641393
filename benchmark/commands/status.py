"""`fabbench status`: the state of every stage of every run."""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from typing import TYPE_CHECKING

from benchmark.commands._settings import selected_benchmark
from benchmark.layout import PARTS

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.pipeline.status import BenchmarkStatus, StageStatus

NAME = "status"
SUMMARY = "the state of every stage of every run; exit code 1 where one has failed or is lost"
EXAMPLES = """
  fabbench status                                   what is not done, and counts
  fabbench status preset=quick --all                done stages as well
  fabbench status methods=fabnet seeds=2            some of the runs
  fabbench status --watch                           again every few seconds, until nothing is left in the queue
"""
WORDS = ""
SETTINGS = ("name", "out", "methods", "seeds", "tasks")
FOR_LAUNCHED = True

WATCH_SECONDS = 5.0
COLUMNS = ("run", "stage", "state", "progress", "images/s", "heartbeat", "restarts", "job", "node", "detail", "log")
LOGGED = ("running", "failed", "lost")  # states whose log is worth reading


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="print again every few seconds until all has ended")
    parser.add_argument("--all", action="store_true", help="include the stages that are done")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline import cluster
    from benchmark.pipeline.status import read_status
    from benchmark.progress import console

    while True:
        benchmark = selected_benchmark(arguments.settings, config)
        status = read_status(benchmark, cluster.benchmark_folder(config), cluster.JobPaths.of_benchmark(config).ledger)
        if arguments.watch and sys.stdout.isatty():
            console.clear()
        print(render(status, everything=arguments.all), flush=True)
        if not (arguments.watch and status.active):
            return 1 if status.failed else 0
        time.sleep(WATCH_SECONDS)


def render(status: "BenchmarkStatus", everything: bool) -> str:
    """A benchmark's state as text.

    Args:
        status: the state.
        everything: whether stages that are done have a line as well.

    Returns:
        A line for each stage, without the columns that would be empty, and the number of stages in each state.
    """
    from tabulate import tabulate

    from benchmark.pipeline.data_jobs import PREPARE
    from benchmark.pipeline.jobs import SUBMIT, TABLES
    from benchmark.pipeline.status import STATES

    now = time.time()
    rows = [_cells(stage, now) for stage in status.stages if everything or stage.state != "done"]
    columns = [column for column in range(len(COLUMNS)) if any(row[column] for row in rows)]
    lines = []
    if rows:
        body = [[row[column] for column in columns] for row in rows]
        lines.append(tabulate(body, [COLUMNS[column] for column in columns], "plain", disable_numparse=True))
    for name in (PREPARE, SUBMIT, *PARTS, TABLES):
        counts = Counter(stage.state for stage in status.stages if stage.stage == name)
        if counts:
            numbers = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
            lines.append(f"{name + ':':<10} {numbers}")
    if status.slurm_error:
        lines.append(f"Slurm does not answer: {status.slurm_error}")
    return "\n".join(lines)


def _cells(stage: "StageStatus", now: float) -> list[str]:
    """One text for each of `COLUMNS`; ``now`` is the time in seconds since the epoch."""
    from benchmark.pipeline.status import short_path

    written = stage.written
    steps, rate, heartbeat = (written.get(key) for key in ("steps", "images_per_s", "heartbeat"))
    job, logs = (stage.entry.job, stage.entry.logs) if stage.entry else ("", [])
    return [
        stage.run,
        stage.stage,
        stage.state,
        f"{written.get('step', 0)}/{steps}" if steps else "",
        f"{rate:.0f}" if rate else "",
        f"{_duration(now - heartbeat)} ago" if heartbeat else "",
        str(written["restarts"]) if written.get("restarts") else "",
        job,
        (stage.job and stage.job.node) or written.get("node") or "",
        stage.detail,
        short_path(logs[-1]) if logs and stage.state in LOGGED else "",
    ]


def _duration(seconds: float) -> str:
    """A duration in its largest unit of which it has at least two."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"

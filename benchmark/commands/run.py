"""`fabbench run`: train, probe and tabulate a benchmark, here or on a cluster."""

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.layout import TABLES

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from slurm.submission import Submission

NAME = "run"
SUMMARY = "train every method, probe every encoder, write the tables; resumes what was interrupted"
EXAMPLES = """
  fabbench run preset=quick                         a smoke run of all parts, about a minute
  fabbench run                                      the default benchmark on built-in faces
  fabbench run methods=fabnet,./my_method.py seeds=5
  fabbench run data=videos data.root=/data/vox2 data.size=256 encoder.width=32
  fabbench run preset=real_mini root=/data --dry-run
"""
WORDS = ""
SETTINGS = None
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, do nothing")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline.plan import Plan
    from benchmark.progress import say

    plan = Plan.of(config)
    if arguments.dry_run:
        print("\n".join(plan.describe()))
        return 0
    summary = plan.run()
    if summary.submitted is not None:
        print("\n".join(_next_steps(summary.submitted, config, prepared=plan.data is not None)))
        return 0
    for failure in summary.failed:
        say(f"failed: {failure.name}: {failure.error}  (log: {failure.log})")
    if summary.failed:
        say("the tables show the cells of failed runs as gaps; the same command tries again only what failed")
    print(_results(summary.folder, config.probe.table_head))
    return 1 if summary.failed else 0


def _results(folder: Path, head: str) -> str:
    """Paths of the full tables, notes on the benchmark, and last what is shown of each task."""
    from benchmark.pipeline.results import FILES, render

    lines = [f"Full tables: {folder / TABLES}: {', '.join(FILES.values())}", f"Runs and logs: {folder}"]
    return "\n".join([*lines, "", render(folder, "text", head, full=False)])


def _next_steps(submission: "Submission", config: "Config", prepared: bool) -> list[str]:
    """What was submitted, a line for each job array, and the commands that follow it."""
    from benchmark.pipeline import cluster

    settings = shlex.join([f"name={config.name}", f"out={config.out}"])
    commands = {
        f"fabbench status {settings} --watch": "the state of every run",
        f"fabbench logs {settings} RUN --follow": "the output of a run",
        f"fabbench cancel {settings}": "cancels all of it",
        f"fabbench tables {settings}": "the results so far; complete once all jobs have ended",
    }
    width = max(map(len, commands))
    return [
        *cluster.summarise(submission),
        *([] if prepared else ["", "Once the data are prepared, the job `submit` submits the runs."]),
        "",
        *(f"{command:<{width}}  {purpose}" for command, purpose in commands.items()),
        "The same command again submits only what is missing, failed or lost by then.",
    ]

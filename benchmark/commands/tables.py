"""`fabbench tables`: print a benchmark's tables from what is on disk."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands._settings import selected_benchmark, typed_keys
from benchmark.errors import DataError

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "tables"
SUMMARY = "print a benchmark's tables from what is on disk"
EXAMPLES = """
  fabbench tables                                   the default benchmark, for reading
  fabbench tables preset=quick --format tex         LaTeX that pastes into a paper
  fabbench tables --format json                     one record per cell
  fabbench tables methods=fabnet,rotation tasks=synthetic-pose
"""
WORDS = ""
SETTINGS = ("name", "out", "methods", "seeds", "tasks", "probe.table_head")
FOR_LAUNCHED = True


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=["text", "md", "tex", "csv", "json"], default="text")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline.results import render, render_overview

    benchmark = selected_benchmark(arguments.settings, config)
    if not benchmark.all_runs:
        raise DataError(f"{config.name}: its data are being prepared, and its runs come after; see `fabbench status`")
    head = config.probe.table_head
    if "probe.table_head" not in typed_keys(arguments.settings):
        head = benchmark.config.get("probe", {}).get("table_head", head)  # that of the launch
    folder = Path(config.out, config.name)
    if arguments.format == "text":
        print(render_overview(folder, head, benchmark), end="\n\n")
    print(render(folder, arguments.format, head, benchmark))
    return 0

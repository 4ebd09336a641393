"""`fabbench tables`: print a benchmark's tables from what is on disk."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands._settings import selected_benchmark, typed_keys
from benchmark.errors import DataError, UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "tables"
SUMMARY = "print a benchmark's tables from what is on disk"
EXAMPLES = """
  fabbench tables                                   the default benchmark: what is shown of each task
  fabbench tables --full                            every table
  fabbench tables tables.reference=autoencoder      methods beside a row of your choice
  fabbench tables preset=quick --format tex         LaTeX that pastes into a paper
  fabbench tables --format json                     one record per cell
  fabbench tables methods=fabnet,rotation tasks=synthetic-pose
"""
WORDS = ""
SETTINGS = ("name", "out", "methods", "seeds", "tasks", "probe.table_head", "tables")
FOR_LAUNCHED = True


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=["text", "md", "tex", "csv", "json"], default="text")
    parser.add_argument(
        "--full", action="store_true", help="every table; without it, the overview (csv, json: all cells)"
    )
    parser.add_argument("--two-column", action="store_true", help="tex: tables span both columns of a page")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline.results import render

    if arguments.two_column and arguments.format != "tex":
        raise UsageError("--two-column is of --format tex")
    benchmark = selected_benchmark(arguments.settings, config)
    if not benchmark.all_runs:
        raise DataError(f"{config.name}: its data are being prepared, and its runs come after; see `fabbench status`")
    head = config.probe.table_head
    typed = typed_keys(arguments.settings)
    if "probe.table_head" not in typed:
        head = benchmark.config.get("probe", {}).get("table_head", head)  # that of the launch
    reference = config.tables.reference if "tables.reference" in typed else None
    folder = Path(config.out, config.name)
    form = "tex2" if arguments.two_column else arguments.format
    print(render(folder, form, head, benchmark, full=arguments.full, reference=reference))
    return 0

"""`fabbench tables`: print a benchmark's tables from what is on disk."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "tables"
SUMMARY = "print a benchmark's tables from what is on disk"
EXAMPLES = """
  fabbench tables                                   the default benchmark, for reading
  fabbench tables preset=quick --format tex         LaTeX that pastes into a paper
  fabbench tables --format json                     one record per cell
"""
WORDS = ""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=["text", "md", "tex", "csv", "json"], default="text")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline.results import render

    print(render(Path(config.out, config.name), arguments.format, config.probe.table_head))
    return 0

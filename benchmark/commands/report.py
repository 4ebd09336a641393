"""`fabbench report`: write a benchmark's report, one HTML page, from what is on disk."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands._settings import selected_benchmark, typed_keys
from benchmark.errors import DataError

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "report"
SUMMARY = "write a benchmark's report, one HTML page, from what is on disk"
EXAMPLES = """
  fabbench report                                   the default benchmark: results/runs/default/report.html
  fabbench report preset=quick
  fabbench report methods=fabnet,rotation tasks=synthetic-pose
"""
WORDS = ""
SETTINGS = ("name", "out", "methods", "seeds", "tasks", "probe.table_head", "tables")
FOR_LAUNCHED = True


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.report.page import check_installed, write_report

    benchmark = selected_benchmark(arguments.settings, config)
    if not benchmark.all_runs:
        raise DataError(f"{config.name}: its data are being prepared, and its runs come after; see `fabbench status`")
    check_installed()
    head = config.probe.table_head
    typed = typed_keys(arguments.settings)
    if "probe.table_head" not in typed:
        head = benchmark.config.get("probe", {}).get("table_head", head)  # that of the launch
    reference = config.tables.reference if "tables.reference" in typed else None
    print(write_report(Path(config.out, config.name), head, benchmark, reference))
    return 0

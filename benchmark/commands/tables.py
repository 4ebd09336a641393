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
  fabbench tables preset=paper root=/data --paper   the FAb-Net paper's tables, published rows below
  fabbench tables tables.reference=autoencoder      methods beside a row of your choice
  fabbench tables preset=quick --format tex         LaTeX that pastes into a paper
  fabbench tables --format json                     one record per cell, with its interval
  fabbench tables --full --to tables.html           format by the ending: txt, md, html, tex, csv, json or parquet
  fabbench tables methods=fabnet,rotation tasks=synthetic-pose
"""
WORDS = ""
FORMATS = ("text", "md", "html", "tex", "csv", "json", "parquet")
SETTINGS = ("name", "out", "methods", "seeds", "tasks", "probe.table_head", "tables")
FOR_LAUNCHED = True


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=[*FORMATS], help="default: that of the ending of --to, else text")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write a file; default: print")
    parser.add_argument(
        "--full", action="store_true", help="every table; without it, the overview (csv, json, parquet: all cells)"
    )
    parser.add_argument("--paper", action="store_true", help="the FAb-Net paper's tables in their shape (preset=paper)")
    parser.add_argument("--two-column", action="store_true", help="tex: tables span both columns of a page")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.files import write_text
    from benchmark.pipeline.results import render, write_parquet

    form = arguments.format or _format_of(arguments.to)
    if form == "parquet" and arguments.to is None:
        raise UsageError("--format parquet is no text to print; name a file by --to FILE")
    if arguments.two_column and form != "tex":
        raise UsageError("--two-column is of --format tex")
    if arguments.paper and (arguments.full or form in ("csv", "json", "parquet")):
        other = "--full" if arguments.full else f"--format {form}"
        raise UsageError(f"--paper chooses tables, and {other} has all of them; leave one out")
    benchmark = selected_benchmark(arguments.settings, config)
    if not benchmark.all_runs:
        raise DataError(f"{config.name}: its data are being prepared, and its runs come after; see `fabbench status`")
    head = config.probe.table_head
    typed = typed_keys(arguments.settings)
    if "probe.table_head" not in typed:
        head = benchmark.config.get("probe", {}).get("table_head", head)  # that of the launch
    reference = config.tables.reference if "tables.reference" in typed else None
    folder = Path(config.out, config.name)
    if form == "parquet":
        write_parquet(arguments.to, folder, head, benchmark)
        return 0
    form = "tex2" if arguments.two_column else form
    text = render(folder, form, head, benchmark, full=arguments.full, paper=arguments.paper, reference=reference)
    if arguments.to is None:
        print(text)
    else:
        write_text(arguments.to, f"{text}\n")
    return 0


def _format_of(path: Path | None) -> str:
    """The format of a file by the ending of its name; text to print.

    Raises:
        UsageError: no such format.
    """
    if path is None:
        return "text"
    formats = {form: form for form in FORMATS} | {"txt": "text"}
    ending = path.suffix.removeprefix(".")
    if ending not in formats:
        raise UsageError(f"--to {path}: no format has this ending; name one by --format, {', '.join(FORMATS)}")
    return formats[ending]

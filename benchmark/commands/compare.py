"""`fabbench compare`: two benchmarks, or one before and after a change."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.pipeline.compare import Change, Difference

NAME = "compare"
SUMMARY = "compare two benchmarks: what moved beyond chance, what is new, what is missing"
EXAMPLES = """
  fabbench compare default longer                   two benchmarks in results/runs, by their names
  fabbench compare /old/runs/default results/runs/default --fail-on-regression
  fabbench compare default longer probe.table_head=linear
"""
WORDS = "BEFORE AFTER"
SETTINGS = ("out", "probe.table_head")
FOR_LAUNCHED = False
MOST_SETTINGS = 20  # lines on settings that differ


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--fail-on-regression",
        action="store_true",
        help="exit with 1 if a row is shown to be worse, or has lost its score on a task",
    )


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline.compare import compare

    if len(arguments.words) != 2:
        raise UsageError(f"give two benchmarks, by name or folder: fabbench {NAME} {WORDS}")
    before, after = (_folder(word, config.out) for word in arguments.words)
    difference = compare(before, after, config.probe.table_head)
    print("\n".join(_report(difference, before, after, config.probe.table_head)))
    return 1 if arguments.fail_on_regression and difference.regressed else 0


def _folder(word: str, out: str) -> Path:
    """The folder of a benchmark, given as such or by its name."""
    return Path(word) if Path(word).is_dir() else Path(out, word)


def _report(difference: "Difference", before: Path, after: Path, head: str) -> list[str]:
    from collections import Counter

    from tabulate import tabulate

    changes = difference.changes
    counts = Counter(change.verdict for change in changes)
    headings = ["row", "task", "before", "after", "difference", "95 % interval", "shown"]
    lines = [
        f"before: {before}\nafter:  {after}\nhead:   {head}",
        "Differences are after minus before, on the same test faces and seeds. Intervals are over seeds and test",
        f"people, and tests are corrected for {len(changes)} comparisons.",
        "",
        tabulate([_line(change) for change in changes], headings, "simple", disable_numparse=True),
        "",
        f"{len(changes)} compared: {', '.join(f'{n} {verdict}' for verdict, n in counts.items()) or 'none'}.",
    ]
    if any(change.gap is not None and change.gap.seeds == 1 for change in changes):
        lines.append("Rows of one seed: a difference shown is of these networks, and not of how they are trained.")
    for title, found in (
        ("Missing after", difference.missing),
        ("New after", difference.new),
        ("Not comparable", difference.refused),
        ("Settings that differ", difference.settings[:MOST_SETTINGS]),
    ):
        if found:
            lines += ["", f"{title}:", *(f"  {line}" for line in found)]
    if (n_more := len(difference.settings) - MOST_SETTINGS) > 0:
        lines.append(f"  and {n_more} more")
    return lines


def _line(change: "Change") -> list[str]:
    show = change.column.show
    gap, interval = "", ""
    if change.gap is not None and not change.same:
        gap = f"{'+' if change.gap.mean > 0 else ''}{show(change.gap.mean)}"
        if change.gap.known:
            low, high = change.gap.interval()
            interval = f"{show(low)} to {show(high)}"
    task = f"{change.column.task} ({change.column.measure})"
    return [change.row[1], task, show(change.before), show(change.after), gap, interval, str(change.verdict)]

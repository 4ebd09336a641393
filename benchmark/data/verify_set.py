"""Check a labelled set: read its files again, decode every image, and compare with the set in the cache."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.config.sets import AnyFaces
from benchmark.data import catalogue
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.faces.summary import summary
from benchmark.errors import DataError
from benchmark.files import write_json

# Reasons in a set's protocol that contain one of these are problems of its files, not choices of the protocol.
FAULTS = (
    *("image undecodable", "image unreadable", "image absent", "without image", "broken"),
    *("outside its image", "far outside", "beyond 180", "coincide"),
)


class SetReport(NamedTuple):
    """Result of a check.

    Attributes:
        summary: of the set as read now, with its problems.
        problems: one line each.
        path: the JSON file with the summary.
        cached: whether the cache has the set, at this size.
    """

    summary: dict[str, Any]
    problems: list[str]
    path: Path
    cached: bool


def report_path(set_file: Path) -> Path:
    """Where the report on a set is written, beside its file in the cache."""
    return set_file.with_suffix(".verify.json")


def verify_set(name: str, config: AnyFaces, cache: str, workers: int, progress: Callable[..., None]) -> SetReport:
    """Read the set again and compare it with the cache, where that has it. Nothing but the report is kept.

    Raises:
        DataError: the set cannot be made at all.
    """
    path = catalogue.set_file(name, config, cache)
    faces = catalogue.read_set(name, config, cache, workers, progress)
    problems = list(faces.protocol.get("miscounts", []))
    for counts in ("skipped", "noted"):
        for reason, count in faces.protocol.get(counts, {}).items():
            if any(fault in reason for fault in FAULTS):
                problems.append(f"{count:,} x {reason}")
    cached = path.is_file()
    if cached:
        try:
            if LabelledSet.load(path, thorough=True).hash != faces.hash:
                problems.append(f"{path}: made from other files than those there now; remove it to make it anew")
        except DataError as error:
            problems.append(str(error))
    report = summary(faces) | {"problems": problems}
    write_json(report_path(path), report)
    return SetReport(report, problems, report_path(path), cached)

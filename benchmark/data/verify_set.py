"""Checks a labelled set: reads its own files once more, every image decoded, and compares with what results used."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.data import catalogue
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.faces.summary import summary
from benchmark.errors import DataError
from benchmark.files import write_json

BROKEN = (
    *("image undecodable", "image unreadable", "image absent", "without image", "broken"),
    *("outside its image", "far outside", "beyond 180", "coincide"),
)


class Verified(NamedTuple):
    """The set's summary, what is wrong with it (a line each), and the JSON file that says both."""

    told: dict[str, Any]
    problems: list[str]
    report: Path


def report_path(made: Path) -> Path:
    """Where the check of a set, by its file in the cache, is written."""
    return made.with_suffix(".verify.json")


def verify_set(
    name: str, values: Mapping[str, Any], cache: str, workers: int, progress: Callable[..., None]
) -> Verified:
    """Reads the set anew; makes it where it is not in the cache yet.

    Raises:
        DataError: the set cannot be made at all.
    """
    made = catalogue.set_file(name, values, cache)
    faces = catalogue.read_set(name, values, cache, workers, progress)
    problems = list(faces.protocol.get("miscounts", []))
    for how in ("skipped", "noted"):
        for reason, count in faces.protocol.get(how, {}).items():
            if any(word in reason for word in BROKEN):
                problems.append(f"{count:,} x {reason}")
    if made.is_file():
        try:
            if LabelledSet.load(made, thorough=True).hash != faces.hash:
                problems.append(f"{made}: made of other files than there are now; remove it and it is made anew")
        except DataError as error:
            problems.append(str(error))
    else:
        faces.save(made)
    told = summary(faces) | {"problems": problems}
    write_json(report_path(made), told)
    return Verified(told, problems, report_path(made))

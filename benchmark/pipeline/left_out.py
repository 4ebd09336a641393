"""What tables leave out, in words: records of other data under the same name, and runs without scores.

A benchmark's records are of one version of each labelled set and of one set of training tracks. After a change of
either, and until every run is repeated, older records lie beside newer ones; they are not averaged.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import DataError
from benchmark.files import read_json
from benchmark.layout import ENVIRONMENT, ERROR_LOG
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord, SetRecord
from benchmark.pipeline.records import REMEDY

Record = dict[str, Any]
ON_TRACKS = ("method", "floor")  # kinds of rows whose data are the benchmark's tracks
MOST_NAMED = 6  # in a line
HASH_SHOWN = 7  # characters


def comparable(probes: Sequence[Record], sets: Mapping[str, SetRecord]) -> tuple[list[Record], list[str]]:
    """The records that may stand in one table, and a line on those that may not.

    Args:
        probes: probe records of one benchmark; those without hashes of their data, by early versions, stay.
        sets: the labelled sets of its last launch.
    """
    tracks = Counter(record["data"] for record in probes if record["kind"] in ON_TRACKS and record.get("data"))
    common = tracks.most_common(1)[0][0] if tracks else None
    kept: list[Record] = []
    of_other_faces: list[Record] = []
    of_other_tracks: list[Record] = []
    for record in probes:
        faces = record.get("set", {})
        launched = sets.get(faces.get("name", ""))
        if launched is not None and faces.get("hash", launched.hash) != launched.hash:
            of_other_faces.append(record)
        elif record["kind"] in ON_TRACKS and record.get("data", common) != common:
            of_other_tracks.append(record)
        else:
            kept.append(record)
    lines = [
        f"Left out, {reason}: {_runs_of(records)}. The same launch again computes them anew."
        for reason, records in (
            ("on another version of their labelled set", of_other_faces),
            ("trained on other tracks than most rows", of_other_tracks),
        )
        if records
    ]
    return kept, lines


def without_scores(folder: Path, benchmark: BenchmarkRecord, probes: Iterable[Record]) -> list[str]:
    """Lines on the runs of a launch that have no scores, or not on every task: failed, or not yet ended."""
    scored = {(record["run"], record["task"]) for record in probes}
    failed: list[RunRecord] = []
    open_: list[RunRecord] = []
    for run in benchmark.runs:
        if any((run.run, task) not in scored for task in run.tasks):
            (failed if (folder.parent / run.run / ERROR_LOG).is_file() else open_).append(run)
    return [
        f"{title}: {listed(run.name for run in runs)}."
        for title, runs in (("Failed, without all scores", failed), ("Without all scores yet", open_))
        if runs
    ]


def code_versions(folder: Path, benchmark: BenchmarkRecord) -> list[str]:
    """A line where the runs of a launch were computed by different code.

    Raises:
        DataError: the file about a run's environment is broken.
    """
    runs: dict[str, list[str]] = {}
    for run in benchmark.runs:
        path = folder.parent / run.run / ENVIRONMENT
        if path.is_file():
            runs.setdefault(_code(path), []).append(run.name)
    if len(runs) < 2:
        return []
    versions = "; ".join(f"{code} ({listed(names)})" for code, names in sorted(runs.items()))
    return [f"Runs by different code, whose methods have the same versions: {versions}."]


def _code(path: Path) -> str:
    try:
        about = read_json(path)
        commit = about.get("commit")
        changed = " with local changes" if about.get("dirty") else ""
    except (ValueError, OSError, AttributeError) as error:
        raise DataError(f"{path}: cut short or altered; {REMEDY}") from error
    return f"{str(commit)[:HASH_SHOWN]}{changed}" if commit else f"version {about.get('fab-bench', 'unknown')}"


def _runs_of(records: Iterable[Record]) -> str:
    """Each run and the tasks of its records."""
    tasks: dict[str, list[str]] = {}
    for record in records:
        tasks.setdefault(f"{record['variant']} seed {record['seed']}", []).append(record["task"])
    return listed(f"{run} ({', '.join(found)})" for run, found in tasks.items())


def listed(names: Iterable[str]) -> str:
    """Names with commas; of many the first ones, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"

"""A benchmark of a few files: runs of three stages that decide from disk what is left, and a table of all results."""

import json
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from slurm import signals
from slurm.graph import Job

STAGES = ("pretrain", "embed", "probe")
TABLES = "tables"
STEPS = 2

Runs = Mapping[str, str | None]  # names of the runs, and for each the run whose weights it starts from


def before_step() -> None:
    """Replaced by the process that runs a job."""


def result_file(folder: Path, run: str, stage: str) -> Path:
    return folder / f"{run}-{stage}.json"


def inputs(runs: Runs, run: str, stage: str) -> list[tuple[str, str]]:
    """Run and stage of the results that a stage reads."""
    if stage != STAGES[0]:
        return [(run, STAGES[STAGES.index(stage) - 1])]
    start = runs[run]
    return [(start, STAGES[0])] if start else []


def open_jobs(folder: Path, runs: Runs) -> list[Job]:
    """Jobs for everything that is not done, tables last; empty if all is done."""
    is_open = {(run, stage) for run in runs for stage in STAGES if not result_file(folder, run, stage).exists()}
    jobs = []
    for run in runs:
        for stage in STAGES:
            if (run, stage) in is_open:
                needed = inputs(runs, run, stage)
                parents = tuple(f"{each[0]} {each[1]}" for each in needed if each in is_open)
                jobs.append(Job(f"{run} {stage}", run_stage, (str(folder), run, stage, needed), parents, stage))
    if jobs:
        names = tuple(job.name for job in jobs)
        jobs.append(Job(TABLES, write_tables, (str(folder), list(runs)), names, TABLES, afterany=True))
    return jobs


def run_stage(folder: str, run: str, stage: str, needed: list[tuple[str, str]]) -> None:
    """Compute one stage in steps, each kept on disk, and note every step in a journal."""
    path = result_file(Path(folder), run, stage)
    if path.exists():
        return
    values = [json.loads(result_file(Path(folder), *each).read_text()) for each in needed]
    steps_file = path.with_suffix(".steps")
    while (step := len(steps_file.read_text()) if steps_file.exists() else 0) < STEPS:
        before_step()
        if signals.stop_requested():
            raise signals.Stopped(f"at step {step}")
        _write(steps_file, "x" * (step + 1))
        _note(path, f"step {step}")
    _write(path, json.dumps([run, stage, values]))
    _note(path, "done")


def write_tables(folder: str, runs: list[str]) -> None:
    """Write the results that exist into one file."""
    before_step()
    paths = [result_file(Path(folder), run, STAGES[-1]) for run in runs]
    _write(Path(folder, "tables.json"), json.dumps([json.loads(path.read_text()) for path in paths if path.exists()]))


def calm_tables(runs: Runs) -> str:
    """The text of the tables once every run is done."""

    def value(run: str, stage: str) -> object:
        return [run, stage, [value(*each) for each in inputs(runs, run, stage)]]

    return json.dumps([value(run, STAGES[-1]) for run in runs])


def done_twice(folder: Path) -> list[str]:
    """Stages with a step or an end that the journal has twice."""
    journals = {path.stem: path.read_text().splitlines() for path in folder.glob("*.journal")}
    return [name for name, lines in journals.items() if len(set(lines)) < len(lines)]


def _note(path: Path, line: str) -> None:
    with path.with_suffix(".journal").open("a") as journal:
        journal.write(f"{line}\n")


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(f".{uuid4().hex}")
    temporary.write_text(text)
    temporary.replace(path)

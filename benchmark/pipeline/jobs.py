"""A benchmark as a graph of jobs: each run's pretrain, embed and probe, after the run it starts from; tables last."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.variants import Variant
from benchmark.pipeline.run_folder import part_of
from slurm.graph import Job, Outcome

if TYPE_CHECKING:
    from benchmark.pipeline.stages import RunSpec

TABLES = "tables"


def jobs(works: "Sequence[RunSpec]", variants: dict[str, Variant], logged: bool = False) -> list[Job]:
    """Jobs for all that is missing of runs; the runs that most hangs on come first.

    ``logged``: each has a log of its own, and tells there how far it is.
    """
    effort: dict[str, int] = {}
    for work in reversed(works):  # those that start from a run stand after it
        effort[work.run.name] = _effort(work, variants[work.run.variant]) + effort.get(work.run.name, 0)
        if work.parent:
            effort[work.parent.name] = max(effort.get(work.parent.name, 0), effort[work.run.name])
    found: list[Job] = []
    names = {job_name(work.run.name, part) for work in works for part in missing_parts(work)}
    for work in sorted(works, key=lambda work: effort[work.run.name], reverse=True):
        found += _jobs(work, names, logged)
    return found


def tables_job(jobs: Sequence[Job], folder: Path, head: str) -> Job:
    """The tables, once all else has ended, well or not."""
    from benchmark.pipeline.results import write_tables

    return Job(TABLES, write_tables, (folder, head), tuple(job.name for job in jobs), TABLES, afterany=True)


def job_name(run: str, part: str) -> str:
    """What the job of one part of a run is called."""
    return f"{run} {part}"


def run_name(job: str) -> str:
    """The run that a job is a part of."""
    return job.rpartition(" ")[0]


def failures(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """One outcome for each run that did not end well, by its name: what went wrong first."""
    found: dict[str, Outcome] = {}
    for outcome in outcomes:
        run = run_name(outcome.name)
        if outcome.error and run not in found:
            error = f"not started, since {run_name(outcome.cause)} failed" if outcome.cause else outcome.error
            found[run] = Outcome(run, error, outcome.log)
    return list(found.values())


def missing_parts(work: "RunSpec") -> list[str]:
    """The parts of a run that are not done yet."""
    from benchmark.pipeline.stages import missing

    return list(dict.fromkeys(part_of(stage) for stage in missing(work)))


def _jobs(work: "RunSpec", names: set[str], logged: bool) -> list[Job]:
    from benchmark.pipeline.stages import do, job

    found: list[Job] = []
    for part in missing_parts(work):
        before = [found[-1].name] if found else []
        if part == "pretrain" and work.parent and (parent := job_name(work.parent.name, part)) in names:
            before = [parent]
        call = job if logged else do
        found.append(Job(job_name(work.run.name, part), call, (work, part), tuple(before), part))
    return found


def _effort(work: "RunSpec", variant: Variant) -> int:
    """A guess at a run's length."""
    return variant.train.steps * (1 + variant.frames) if work.run.kind == "method" else 0

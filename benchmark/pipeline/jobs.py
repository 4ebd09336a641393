"""Runs as a graph of jobs: each run's pretrain, embed and probe, after the run it starts from; tables last."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.config.variants import Variant
from benchmark.pipeline.run_spec import RunSpec, missing_parts
from slurm.graph import Job, Outcome

TABLES = "tables"
SUBMIT = "submit"  # the job that ends the preparation of the data, and submits the runs


def run_jobs(specs: Sequence[RunSpec], variants: Mapping[str, Variant], logged: bool = False) -> list[Job]:
    """Jobs for everything that is missing of runs: those of the first seed first, of one seed the longest path first.

    Args:
        specs: runs, each after the run it starts from.
        variants: by name.
        logged: each job has a log of its own and reports its progress there.
    """
    from benchmark.pipeline.stages import run_logged_part, run_part

    missing = {spec.run.name: missing_parts(spec) for spec in specs}
    jobs = []
    lengths = _path_lengths(specs, variants)
    rounds = list(dict.fromkeys(spec.run.seed for spec in specs))
    for spec in sorted(specs, key=lambda spec: (rounds.index(spec.run.seed), -lengths[spec.run.name])):
        run = spec.run.name
        previous: str | None = None
        for part in missing[run]:
            if part == "pretrain" and spec.parent and part in missing.get(spec.parent.name, []):
                previous = job_name(spec.parent.name, part)
            call = run_logged_part if logged else run_part
            jobs.append(Job(job_name(run, part), call, (spec, part), (previous,) if previous else (), part))
            previous = jobs[-1].name
    return jobs


def tables_job(jobs: Sequence[Job], folder: Path, head: str) -> Job:
    """The job that writes the tables once all others have ended, failed ones included."""
    from benchmark.pipeline.results import write_tables

    return Job(TABLES, write_tables, (folder, head), tuple(job.name for job in jobs), TABLES, afterany=True)


def job_name(run: str, part: str) -> str:
    """Name of the job of one part of a run."""
    return f"{run} {part}"


def run_name(job: str) -> str:
    """Name of the run that a job is a part of."""
    return job.rpartition(" ")[0]


def failures(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The first failure of each run that failed, under the run's name."""
    failed: dict[str, Outcome] = {}
    for outcome in outcomes:
        run = run_name(outcome.name)
        if outcome.error and run not in failed:
            error = f"not started, since {run_name(outcome.cause)} failed" if outcome.cause else outcome.error
            failed[run] = Outcome(run, error, outcome.log)
    return list(failed.values())


def _path_lengths(specs: Sequence[RunSpec], variants: Mapping[str, Variant]) -> dict[str, int]:
    """Estimated frames of training from each run to the end of the longest chain that starts from it."""
    lengths: dict[str, int] = {}
    for spec in reversed(specs):  # runs before the runs they start from
        run = spec.run
        lengths[run.name] = _training_frames(spec, variants[run.variant]) + lengths.get(run.name, 0)
        if spec.parent:
            lengths[spec.parent.name] = max(lengths.get(spec.parent.name, 0), lengths[run.name])
    return lengths


def _training_frames(spec: RunSpec, variant: Variant) -> int:
    """Estimate of a run's length; 0 for rows that are not trained, or on few faces."""
    return variant.train.steps * (1 + variant.frames) if spec.run.kind == "method" else 0

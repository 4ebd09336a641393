"""Launch of a benchmark on a cluster.

What a run's identity needs of the data is known only once they are prepared. Until then, a launch submits the jobs that
prepare what is missing, and a last one that submits the runs. Where nodes may not submit, the same command does that,
given again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.load import plain
from benchmark.errors import ClusterError, DataError, first_line
from benchmark.layout import STATUS
from benchmark.pipeline import cluster
from benchmark.pipeline.benchmark_record import BenchmarkRecord, DataJobRecord, last_record
from benchmark.pipeline.budget import laptop_warning
from benchmark.pipeline.cluster import JobGroup, JobPaths
from benchmark.pipeline.data_jobs import check_parts, data_groups, data_job_records
from benchmark.pipeline.jobs import SUBMIT, run_jobs, tables_job
from benchmark.pipeline.preparation import find_data, n_training_tracks
from benchmark.pipeline.results import write_tables
from benchmark.pipeline.run_folder import set_status
from benchmark.pipeline.run_spec import RunSpec
from benchmark.progress import say
from slurm.graph import Job
from slurm.submission import Submission

if TYPE_CHECKING:
    from benchmark.pipeline.plan import Plan


def launch(plan: "Plan") -> Submission | None:
    """Submits what is missing, except jobs that are in the queue already; None where nothing is missing.

    Raises:
        ClusterError: Slurm refused.
    """
    if plan.data is None:
        return _submit_preparation(plan)
    if cluster.submitted_before(plan.config, SUBMIT):
        cluster.cancel(plan.config, [SUBMIT])  # in case it has not run yet; this launch does its work
    return _submit_runs(plan)


def describe(plan: "Plan") -> list[str]:
    """The job arrays that `launch` would submit, and the parameters of each.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    paths = JobPaths.of_benchmark(plan.config)
    if plan.data is not None:
        return cluster.describe(plan.config, [JobGroup(paths, _jobs(plan, plan.open_runs))]) if plan.open_runs else []
    groups = _preparation_groups(plan, paths.snapshots / "SNAPSHOT")
    jobs = _jobs(plan, plan.with_unknown_data().runs)
    later = JobGroup(paths, jobs, start=f"submitted by the job {SUBMIT}, as far as not done")
    return cluster.describe(plan.config, [*groups, later])


def submit_runs(plan: "Plan", code: Path) -> None:
    """Submits the runs once the data are prepared: the job that ends the preparation.

    Args:
        plan: made before the data were prepared.
        code: snapshot that the jobs run.

    Raises:
        DataError: data are missing.
        ClusterError: this node may not submit jobs.
    """
    set_status(plan.folder, stage=SUBMIT, state="running")
    try:
        if (last := last_record(plan.folder)) and last.config != plain(plan.config):
            raise DataError("launched with other settings in the meantime; the same command again submits their runs")
        data = find_data(plan.config)
        if data is None:
            raise DataError("data are missing; the same command again prepares them")
        submitted = _submit_runs(replace(plan, data=data), code)
    except Exception as error:
        message = first_line(error)
        if isinstance(error, ClusterError):
            message = f"this node cannot submit jobs; the same command again goes on where they can be: {message}"
        set_status(plan.folder, stage=SUBMIT, state="failed", error=message)
        raise
    print("\n".join(cluster.summarise(submitted) if submitted else ["nothing is missing; the tables are written"]))


def _submit_preparation(plan: "Plan") -> Submission:
    """Submits the jobs that prepare the data, and the one that submits the runs."""
    config = plan.config
    check_parts(config)
    last = last_record(plan.folder)
    if last and last.config != plain(config):
        cluster.cancel(config, [SUBMIT])  # it would submit the runs of other settings
        last = None
    code = _snapshot(plan)
    groups = _preparation_groups(plan.with_code_in(code), code)
    record = BenchmarkRecord(
        benchmark=config.name,
        runs=[],
        tasks=config.tasks,
        note=config.note,
        config=plain(config),
        data_jobs=_merged(last.data_jobs if last else [], data_job_records(config, groups)),
    )
    n_tracks = n_training_tracks(config)
    if n_tracks is not None and (warning := laptop_warning(plan.variants, n_tracks)):
        say(f"warning: {warning}")
    (plan.folder / STATUS).unlink(missing_ok=True)
    record.write(plan.folder)
    return cluster.submit(config, groups, code)


def _merged(last: Sequence[DataJobRecord], new: Sequence[DataJobRecord]) -> list[DataJobRecord]:
    """Jobs of an earlier launch with the same settings, which may be done, and those of this one."""
    return list({job.job: job for job in [*last, *new]}.values())


def _preparation_groups(plan: "Plan", code: Path) -> list[JobGroup]:
    groups = data_groups(plan.config)
    jobs = [job for group in groups for job in group.jobs]
    needed = {name for job in jobs for name in job.depends_on}
    last = tuple(job.name for job in jobs if job.name not in needed)
    submit = Job(SUBMIT, submit_runs, (plan, code), last, SUBMIT)
    return [*groups, JobGroup(JobPaths.of_benchmark(plan.config), [submit])]


def _submit_runs(plan: "Plan", code: Path | None = None) -> Submission | None:
    """Submits what is missing of the runs, with a new snapshot or a given one, or writes the tables."""
    record = plan.record()
    if last := last_record(plan.folder):
        record = replace(record, data_jobs=last.data_jobs)
    plan.announce(record)
    submitted = None
    if plan.open_runs:
        code = code or _snapshot(plan)
        specs = [cluster.use_snapshot(spec, code) for spec in plan.open_runs]
        group = JobGroup(JobPaths.of_benchmark(plan.config), _jobs(plan, specs))
        submitted = cluster.submit(plan.config, [group], code)
    else:
        write_tables(plan.folder, plan.config.probe.table_head)
    set_status(plan.folder, stage=SUBMIT, state="done")
    return submitted


def _snapshot(plan: "Plan") -> Path:
    return cluster.take_snapshot(JobPaths.of_benchmark(plan.config), plan.targets)


def _jobs(plan: "Plan", specs: Sequence[RunSpec]) -> list[Job]:
    """The jobs of what is missing of some runs, and the one that writes the tables."""
    jobs = run_jobs(specs, plan.variants, logged=True)
    return [*jobs, tables_job(jobs, cluster.benchmark_folder(plan.config), plan.config.probe.table_head)]

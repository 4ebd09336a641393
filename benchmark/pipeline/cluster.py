"""A benchmark on a Slurm cluster: what its jobs ask for, the code they run, and where they are noted."""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.load import stage_resources
from benchmark.config.schema import STAGES, Config
from benchmark.config.variants import Variant
from benchmark.data import catalogue
from benchmark.errors import ClusterError, UsageError
from benchmark.files import sha256
from benchmark.pipeline import jobs as graph
from benchmark.pipeline.run_folder import code
from slurm.commands import SlurmError
from slurm.graph import Job
from slurm.ledger import Ledger
from slurm.resources import Resources, Site
from slurm.snapshot import path_in_snapshot, snapshot
from slurm.submission import Submission, in_queue, scripts, submit
from slurm.submission import cancel as take_out

if TYPE_CHECKING:
    from benchmark.pipeline.stages import RunSpec

PACKAGES = ("benchmark", "methods", "probes", "slurm")


@dataclass(frozen=True)
class JobPaths:
    """Where the jobs that make one thing, a benchmark or a track store, are noted and write, wherever they start."""

    name: str  # the first word of the jobs' names
    ledger: Path  # folder
    logs: Path
    snapshots: Path

    @classmethod
    def of_benchmark(cls, config: Config) -> "JobPaths":
        """In the benchmark's folder."""
        own = folder(config)
        return cls._in(own, config, ledger=own / "slurm", logs=own / "logs" / "slurm")

    @classmethod
    def of_store(cls, config: Config) -> "JobPaths":
        """Beside the track store, in which nothing else may be."""
        store = catalogue.store_folder(config.data, config.cache).absolute()
        own = store.with_name(f"{store.name}-jobs")
        return cls._in(own, config, ledger=own, logs=own / "logs")

    @classmethod
    def _in(cls, own: Path, config: Config, ledger: Path, logs: Path) -> "JobPaths":
        chosen = config.launcher
        return cls(
            own.name,
            ledger,
            Path(chosen.logs).absolute() if chosen.logs else logs,
            Path(chosen.snapshots).absolute() if chosen.snapshots else own / "snapshots",
        )


def submit_all(config: Config, works: "Sequence[RunSpec]", variants: dict[str, Variant]) -> Submission:
    """Puts all that is missing of a benchmark into the queue, but what is there already.

    Raises:
        ClusterError: Slurm refused.
    """
    place = JobPaths.of_benchmark(config)
    made = _snapshot(place, {Path(work.run.method) for work in works if work.run.method.endswith(".py")})
    jobs = graph.jobs([_with_own_methods(work, made) for work in works], variants, logged=True)
    jobs.append(graph.tables_job(jobs, folder(config), config.probe.table_head))
    return _submit(config, place, jobs, made)


def submit_preparation(config: Config, jobs: Sequence[Job]) -> Submission:
    """Puts the jobs that make a track store into the queue, but those that are there already.

    Raises:
        ClusterError: Slurm refused.
    """
    place = JobPaths.of_store(config)
    return _submit(config, place, jobs, _snapshot(place, set()))


def summarise(submission: Submission) -> list[str]:
    """What has been put into the queue, a line each array."""
    lines = [f"job {array.job_id}: {array.stage}, {_count(array.members)}" for array in submission.arrays]
    return lines + ([f"{len(submission.queued)} jobs are in the queue already"] if submission.queued else [])


def describe(config: Config, works: "Sequence[RunSpec]", variants: dict[str, Variant]) -> list[str]:
    """The job arrays that would be submitted, and the batch script of each.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    jobs = graph.jobs(works, variants)
    jobs.append(graph.tables_job(jobs, folder(config), config.probe.table_head))
    return _describe(config, JobPaths.of_benchmark(config), jobs)


def describe_preparation(config: Config, jobs: Sequence[Job]) -> list[str]:
    """The same of the jobs that make a track store.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    return _describe(config, JobPaths.of_store(config), jobs)


def check_parts(config: Config, parts: int) -> None:
    """Refuses to share out the tracks anew while they are shared out among another number of jobs.

    Raises:
        UsageError: such jobs are in the queue.
        ClusterError: Slurm cannot be reached.
    """
    with _in_its_words():
        queued = in_queue(Ledger(JobPaths.of_store(config).ledger))
    shares = {name: job.partition("_")[0] for name, job in queued.items() if "/" in name}
    if others := {job for name, job in shares.items() if not name.endswith(f"/{parts}")}:
        raise UsageError(
            f"jobs that prepare this store are in the queue, with other --parts; wait, or scancel {' '.join(others)}"
        )


def cancel(config: Config, names: Sequence[str] | None) -> list[str]:
    """Takes jobs of a benchmark out of the queue; returns which.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    with _in_its_words():
        return take_out(JobPaths.of_benchmark(config).ledger, names)


def folder(config: Config) -> Path:
    """The benchmark's folder, for jobs, wherever they start."""
    return Path(config.out, config.name).absolute()


def _submit(config: Config, place: JobPaths, jobs: Sequence[Job], made: Path) -> Submission:
    with _in_its_words():
        return submit(jobs, _asked(config), _site(config, place, made), place.ledger, place.logs)


def _describe(config: Config, place: JobPaths, jobs: Sequence[Job]) -> list[str]:
    with _in_its_words():
        site = _site(config, place, place.snapshots / "SNAPSHOT")
        made = scripts(jobs, _asked(config), site, place.ledger, place.logs)
    lines = [
        f"array    {array.job_id}: {array.stage} of {_count(array.members)}  {array.dependency or 'at once'}"
        for array, _ in made
    ]
    return [*lines, *(f"\n# {array.job_id}, submitted with --dependency={array.dependency}\n{t}" for array, t in made)]


@contextmanager
def _in_its_words() -> Iterator[None]:
    """Passes on what Slurm says as an error of ours."""
    try:
        yield
    except SlurmError as error:
        raise ClusterError(str(error)) from error


def _snapshot(place: JobPaths, methods: Collection[Path]) -> Path:
    root = Path(__file__).parents[2]
    return snapshot([root / name for name in PACKAGES], sorted(methods), place.snapshots, code())


def _asked(config: Config) -> dict[str, Resources]:
    return {stage: stage_resources(config, stage) for stage in STAGES}


def _site(config: Config, place: JobPaths, made: Path) -> Site:
    launcher = config.launcher
    for path in (made, place.logs):
        if set(str(path)) & set(":\\\n\r"):
            raise UsageError(
                f"{path}: a job cannot have its code or its log in a folder with a colon, a backslash or a line break "
                "in its path; choose another out=, or launcher.snapshots= and launcher.logs="
            )
    return Site(
        name=place.name,
        python=launcher.python or sys.executable,
        snapshot=made,
        setup=tuple(launcher.setup),
        notice_seconds=launcher.notice_seconds,
        requeues=launcher.requeues,
    )


def _with_own_methods(work: "RunSpec", made: Path) -> "RunSpec":
    """The same work with a method that is a user's file read from the snapshot.

    Raises:
        ClusterError: the file is no longer that of which the run is.
    """
    if not work.run.method.endswith(".py"):
        return work
    path = made / path_in_snapshot(Path(work.run.method))
    if not path.is_file() or sha256(path) != work.run.code:
        raise ClusterError(f"{work.run.method} has changed while the benchmark was submitted; launch again")
    return replace(work, run=replace(work.run, method=str(path)))


def _count(members: Mapping[int, Sequence[object]]) -> str:
    jobs = sum(len(pack) for pack in members.values())
    allocations = "" if jobs == len(members) else f" in {len(members)} allocation{'s' if len(members) > 1 else ''}"
    return f"{jobs} {'job' if jobs == 1 else 'jobs'}{allocations}"

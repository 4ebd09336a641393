"""Jobs on a Slurm cluster: their folders, the snapshot of the code they run, and the resources they ask for."""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from benchmark.config.schema import Config
from benchmark.data import catalogue
from benchmark.errors import ClusterError, UsageError
from benchmark.files import sha256
from benchmark.pipeline.provenance import ROOT, code_version
from benchmark.pipeline.run_spec import RunSpec
from benchmark.progress import say
from slurm import submission
from slurm.commands import SlurmError, SlurmUnreachableError
from slurm.graph import Job
from slurm.ledger import Ledger
from slurm.resources import Site
from slurm.snapshot import path_in_snapshot, snapshot
from slurm.submission import Submission

PACKAGES = ("benchmark", "methods", "plugins", "probes", "slurm")


@dataclass(frozen=True)
class JobPaths:
    """Ledger, log and snapshot paths of the jobs that make a benchmark or a track store."""

    name: str  # first word of the jobs' names
    ledger: Path  # folder
    logs: Path
    snapshots: Path

    @classmethod
    def of_benchmark(cls, config: Config) -> "JobPaths":
        """Inside the benchmark's folder."""
        folder = benchmark_folder(config)
        return cls._in(folder, config, ledger=folder / "slurm", logs=folder / "logs" / "slurm")

    @classmethod
    def of_store(cls, config: Config) -> "JobPaths":
        """In a folder beside the track store, which holds nothing but tracks."""
        store = catalogue.store_folder(config.data, config.cache).absolute()
        folder = store.with_name(f"{store.name}-jobs")
        return cls._in(folder, config, ledger=folder, logs=folder / "logs")

    @classmethod
    def _in(cls, folder: Path, config: Config, ledger: Path, logs: Path) -> "JobPaths":
        launcher = config.launcher
        return cls(
            folder.name,
            ledger,
            Path(launcher.logs).absolute() if launcher.logs else logs,
            Path(launcher.snapshots).absolute() if launcher.snapshots else folder / "snapshots",
        )


def benchmark_folder(config: Config) -> Path:
    """The benchmark's folder as an absolute path, since jobs may start in another working directory."""
    return Path(config.out, config.name).absolute()


def submit(config: Config, paths: JobPaths, jobs: Sequence[Job], code: Path) -> Submission:
    """Submits the jobs that are not in the queue already.

    Args:
        config: says how jobs start and what they ask for.
        paths: of the jobs.
        jobs: everything that is missing.
        code: snapshot that the jobs run, made by `take_snapshot`.

    Raises:
        ClusterError: Slurm refused.
    """
    with _cluster_errors():
        return submission.submit(jobs, config.launcher.resources, _site(config, paths, code), paths.ledger, paths.logs)


def describe(config: Config, paths: JobPaths, jobs: Sequence[Job]) -> list[str]:
    """The job arrays that `submit` would submit, a line each, and then the parameters of each for submitit.

    On a machine that cannot reach Slurm, those of an empty queue.

    Raises:
        ClusterError: Slurm refused.
    """
    site = _site(config, paths, paths.snapshots / "SNAPSHOT")
    arguments = (jobs, config.launcher.resources, site, paths.ledger, paths.logs)
    with _cluster_errors():
        try:
            arrays = submission.planned(*arguments)
        except SlurmUnreachableError as error:
            say(f"note: {error}; shown is what would be submitted if no job were in the queue")
            arrays = submission.planned(*arguments, offline=True)
    lines = [
        f"array    {array.job_id}: {array.stage} of {_count(array.members)}  {array.dependency or 'at once'}"
        for array, _ in arrays
    ]
    for array, parameters in arrays:
        given = {key: value for key, value in parameters.items() if value is not None}
        text = yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=1000)
        lines.append(f"\n# {array.job_id}, for update_parameters of submitit.SlurmExecutor\n{text}")
    return lines


def summarise(submitted: Submission) -> list[str]:
    """What a launch put into the queue, a line for each array."""
    lines = [f"job {array.job_id}: {array.stage}, {_count(array.members)}" for array in submitted.arrays]
    return lines + ([f"{len(submitted.queued)} jobs are in the queue already"] if submitted.queued else [])


def cancel(config: Config, names: Sequence[str] | None) -> list[str]:
    """Cancels jobs of a benchmark; returns their names.

    Args:
        config: of the benchmark.
        names: of jobs; None: all.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    with _cluster_errors():
        return submission.cancel(JobPaths.of_benchmark(config).ledger, names)


def check_parts(config: Config, parts: int) -> None:
    """Refuses another number of shares while jobs that prepare the track store are in the queue.

    Raises:
        UsageError: such jobs are in the queue.
        ClusterError: Slurm cannot be reached.
    """
    with _cluster_errors():
        queued = submission.in_queue(Ledger(JobPaths.of_store(config).ledger))
    arrays = {name: job.partition("_")[0] for name, job in queued.items() if "/" in name}
    if others := {array for name, array in arrays.items() if not name.endswith(f"/{parts}")}:
        raise UsageError(
            f"jobs that prepare this store are in the queue, with other --parts; wait, or scancel {' '.join(others)}"
        )


def take_snapshot(paths: JobPaths, method_files: Collection[Path] = ()) -> Path:
    """Copies the code that jobs will run, and users' method files; returns the folder of the copy."""
    packages = [ROOT / name for name in PACKAGES]
    return snapshot(packages, sorted(method_files), paths.snapshots, code_version())


def use_snapshot(spec: RunSpec, code: Path) -> RunSpec:
    """The same run with its method, if that is a user's file, read from a snapshot.

    Raises:
        ClusterError: the file is not the one the run was planned with.
    """
    if not spec.run.method.endswith(".py"):
        return spec
    path = code / path_in_snapshot(Path(spec.run.method))
    if not path.is_file() or sha256(path) != spec.run.code:
        raise ClusterError(f"{spec.run.method} has changed while the benchmark was submitted; launch again")
    return replace(spec, run=replace(spec.run, method=str(path)))


@contextmanager
def _cluster_errors() -> Iterator[None]:
    """Turns errors of Slurm into `ClusterError`."""
    try:
        yield
    except SlurmError as error:
        raise ClusterError(str(error)) from error


def _site(config: Config, paths: JobPaths, code: Path) -> Site:
    launcher = config.launcher
    for path in (code, paths.logs):
        if set(str(path)) & set(":\\\n\r"):
            raise UsageError(
                f"{path}: a job cannot have its code or its log in a folder with a colon, a backslash or a line break "
                "in its path; choose another out=, or launcher.snapshots= and launcher.logs="
            )
    return Site(name=paths.name, python=launcher.python or sys.executable, snapshot=code)


def _count(members: Mapping[int, Sequence[object]]) -> str:
    jobs = sum(len(pack) for pack in members.values())
    allocations = "" if jobs == len(members) else f" in {len(members)} allocation{'s' if len(members) > 1 else ''}"
    return f"{jobs} {'job' if jobs == 1 else 'jobs'}{allocations}"

"""Jobs on a Slurm cluster: their folders, the snapshot of the code they run, and the resources they ask for."""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from benchmark.config.own import Own
from benchmark.config.probing import ProbeParts
from benchmark.config.schema import Config
from benchmark.data import catalogue
from benchmark.errors import ClusterError, UsageError
from benchmark.files import digest
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.pipeline.provenance import ROOT, code_version
from benchmark.pipeline.run_spec import RunSpec
from benchmark.progress import say
from plugins import code_hash, source_files, split_target
from slurm import submission
from slurm.arrays import Array
from slurm.commands import SlurmError, SlurmUnreachableError
from slurm.graph import Job
from slurm.ledger import Ledger
from slurm.resources import Site
from slurm.snapshot import snapshot
from slurm.submission import Submission

PACKAGES = ("benchmark", "methods", "plugins", "probes", "slurm")


@dataclass(frozen=True)
class JobPaths:
    """Ledger, log and snapshot paths of the jobs that make a benchmark, a track store or labelled sets."""

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
    def of_sets(cls, config: Config) -> "JobPaths":
        """In a folder beside that of the labelled sets, which all benchmarks with the same cache share."""
        sets = catalogue.set_folder(config.cache).absolute()
        folder = sets.with_name(f"{sets.name}-jobs")
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


@dataclass(frozen=True)
class JobGroup:
    """Jobs that are recorded in one ledger. They may depend on jobs of the groups before theirs."""

    paths: JobPaths
    jobs: Sequence[Job]
    start: str = "at once"  # when those start that depend on nothing, for descriptions


def benchmark_folder(config: Config) -> Path:
    """The benchmark's folder as an absolute path, since jobs may start in another working directory."""
    return Path(config.out, config.name).absolute()


def submit(config: Config, groups: Sequence[JobGroup], code: Path) -> Submission:
    """Submits the jobs that are not in the queue already.

    A job of an earlier group that ends while the later ones are submitted is waited for no more: the jobs look at their
    inputs themselves.

    Args:
        config: says how jobs start and what they ask for.
        groups: everything that is missing.
        code: snapshot that the jobs run, made by `take_snapshot`.

    Raises:
        ClusterError: Slurm refused.
    """
    arrays: list[Array] = []
    queued: dict[str, str] = {}
    job_ids: dict[str, str] = {}
    with _cluster_errors():
        for group in groups:
            jobs = _without_ended(group.jobs, job_ids)
            site = _site(config, group.paths, code)
            paths = group.paths
            submitted = submission.submit(
                jobs, config.launcher.resources, site, paths.ledger, paths.logs, _needed(jobs, job_ids)
            )
            arrays += submitted.arrays
            queued |= submitted.queued
            job_ids |= submitted.job_ids
    return Submission(arrays, queued)


def describe(config: Config, groups: Sequence[JobGroup]) -> list[str]:
    """The job arrays that `submit` would submit, a line each, and then the parameters of each for submitit.

    On a machine that cannot reach Slurm, those of an empty queue.

    Raises:
        ClusterError: Slurm refused.
    """
    with _cluster_errors():
        try:
            arrays = _planned(config, groups, offline=False)
        except SlurmUnreachableError as error:
            say(f"note: {error}; shown is what would be submitted if no job were in the queue")
            arrays = _planned(config, groups, offline=True)
    lines = [
        f"array    {array.job_id}: {array.stage} of {_count(array.members)}  {array.dependency or group.start}"
        for group, array, _ in arrays
    ]
    for _, array, parameters in arrays:
        given = {key: value for key, value in parameters.items() if value is not None}
        text = yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=1000)
        lines.append(f"\n# {array.job_id}, for update_parameters of submitit.SlurmExecutor\n{text}")
    return lines


def _planned(config: Config, groups: Sequence[JobGroup], offline: bool) -> list[tuple[JobGroup, Array, dict[str, Any]]]:
    arrays: list[tuple[JobGroup, Array, dict[str, Any]]] = []
    job_ids: dict[str, str] = {}
    for group in groups:
        paths = group.paths
        planned = submission.planned(
            _without_ended(group.jobs, job_ids),
            config.launcher.resources,
            _site(config, paths, paths.snapshots / "SNAPSHOT"),
            paths.ledger,
            paths.logs,
            _needed(group.jobs, job_ids),
            offline=offline,
            first=len(arrays),
        )
        arrays += [(group, *each) for each in planned]
        queued = {} if offline else submission.in_queue(Ledger(paths.ledger))
        job_ids |= queued | submission.job_ids_of([array for array, _ in planned])
    return arrays


def _without_ended(jobs: Sequence[Job], elsewhere: Mapping[str, str]) -> list[Job]:
    """The same jobs, which wait only for jobs of their group and those of others that are in the queue."""
    known = elsewhere.keys() | {job.name for job in jobs}
    return [replace(job, depends_on=tuple(name for name in job.depends_on if name in known)) for job in jobs]


def _needed(jobs: Sequence[Job], elsewhere: Mapping[str, str]) -> dict[str, str]:
    """Those of the jobs elsewhere that some of these depend on."""
    return {name: elsewhere[name] for job in jobs for name in job.depends_on if name in elsewhere}


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


def queued_data_jobs(benchmark: BenchmarkRecord) -> list[str]:
    """Slurm job ids of the jobs in the queue that prepare a benchmark's data.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    with _cluster_errors():
        queues = {job.ledger: submission.in_queue(Ledger(Path(job.ledger))) for job in benchmark.data_jobs}
    return [queues[job.ledger][job.job] for job in benchmark.data_jobs if job.job in queues[job.ledger]]


def submitted_before(config: Config, job: str) -> bool:
    """Whether a job of a benchmark has ever been submitted.

    Raises:
        ClusterError: the ledger cannot be read.
    """
    with _cluster_errors():
        return job in Ledger(JobPaths.of_benchmark(config).ledger).entries


def queued(paths: JobPaths) -> dict[str, str]:
    """Slurm job ids by name of the jobs of a ledger that are in the queue.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    with _cluster_errors():
        return submission.in_queue(Ledger(paths.ledger))


def take_snapshot(paths: JobPaths, targets: Collection[str] = ()) -> Path:
    """Copies the code that jobs will run; returns the folder of the copy.

    Args:
        paths: of the jobs.
        targets: methods, encoders and the like, of which those in users' files are copied, each with the modules
            beside it that it imports, to ``files/HASH/``, of which there is one for each folder they come from.
    """
    packages = [ROOT / name for name in PACKAGES]
    files: dict[str, Path] = {}
    for target in targets:
        source, _ = split_target(target)
        if isinstance(source, Path):
            folder = source.resolve().parent
            copies = _copies(source)
            files |= {str(copies / file.relative_to(folder)): file for file in source_files(source)}
    return snapshot(packages, files, paths.snapshots, code_version())


def use_snapshot(spec: RunSpec, code: Path) -> RunSpec:
    """The same run with its method, encoder, heads and metrics, if they are a user's files, read from a snapshot.

    Raises:
        ClusterError: a file is not the one the run was planned with.
    """
    run = spec.run
    method, encoder = in_snapshot(run.method, code), in_snapshot(run.encoder.name, code)
    parts = parts_in_snapshot(spec.parts, code)
    probing = [(part.target, part.code) for part in (*parts.heads, *parts.metrics)]
    for target, expected in ((method, run.code), (encoder, run.encoder_code), *probing):
        source, _ = split_target(target)
        if isinstance(source, Path) and code_hash(source) != expected:
            raise ClusterError(f"{source.name} has changed while the benchmark was submitted; launch again")
    run = replace(run, method=method, encoder=replace(run.encoder, name=encoder))
    return replace(spec, run=run, parts=parts)


def parts_in_snapshot(parts: ProbeParts, code: Path) -> ProbeParts:
    """The same heads and metrics, those in users' files read from a snapshot.

    Raises:
        ClusterError: as `in_snapshot`.
    """
    heads, metrics = (
        [replace(part, target=in_snapshot(part.target, code)) for part in each] for each in (parts.heads, parts.metrics)
    )
    return replace(parts, heads=heads, metrics=metrics)


def config_in_snapshot(config: Config, code: Path) -> Config:
    """The same configuration, of which jobs read a user's own sets and source of tracks from a snapshot.

    Raises:
        ClusterError: as `in_snapshot`.
    """

    def moved(group: Any) -> Any:
        return group.moved(in_snapshot(group.target, code)) if isinstance(group, Own) else group

    sets = {name: moved(each) for name, each in config.sets.items()}
    return replace(config, data=moved(config.data), sets=sets)


def own_targets(config: Config) -> set[str]:
    """Where a user's own sets and source of tracks are defined."""
    return {group.target for group in (config.data, *config.sets.values()) if isinstance(group, Own)}


def in_snapshot(target: str, code: Path) -> str:
    """A method or an encoder as it is, or the path of its file in a snapshot.

    Raises:
        ClusterError: the snapshot does not have the file as it is now.
    """
    source, name = split_target(target)
    if not isinstance(source, Path) or source.is_relative_to(code):
        return target
    path = code / _copies(source) / source.resolve().name
    if not path.is_file() or code_hash(path) != code_hash(source):
        raise ClusterError(f"{source} has changed while the benchmark was submitted; launch again")
    return f"{path}:{name}" if name else str(path)


def _copies(source: Path) -> Path:
    """The folder in a snapshot of the user's files of one folder, which may import the same modules beside them."""
    return Path("files", digest(str(source.resolve().parent))[:16])


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

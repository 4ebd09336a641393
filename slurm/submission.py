"""Submission of a graph of jobs to Slurm. It returns at once; no process stays on the login node."""

import pickle
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from slurm.arrays import Array, arrange
from slurm.commands import DEFAULT_MAX_ARRAY_SIZE, JobInfo, SlurmError, max_array_size, sbatch, scancel, squeue
from slurm.graph import Job
from slurm.ledger import Entry, Ledger, locked_ledger
from slurm.resources import Resources, Site
from slurm.script import log_path, script

NEVER = "DependencyNeverSatisfied"
COMPLETING_SECONDS = 60.0  # how long to wait for jobs that are about to end


@dataclass(frozen=True)
class Submission:
    """Result of a launch.

    Attributes:
        arrays: arrays that were submitted.
        queued: names of the jobs that were in the queue before.
    """

    arrays: list[Array]
    queued: list[str]


def submit(jobs: Sequence[Job], resources: Mapping[str, Resources], site: Site, folder: Path, logs: Path) -> Submission:
    """Submit every job that is not in the queue.

    Args:
        jobs: every job that is not done, including those that may be pending or running.
        resources: resources by stage.
        site: how jobs start on this cluster.
        folder: folder of the ledger and of the files that jobs read, on a file system that the nodes share.
        logs: folder of the log files, on such a file system.

    Raises:
        SlurmError: Slurm refused something. As after any other exception, what this launch had submitted is cancelled.
        ValueError: as `slurm.graph.ordered`.
    """
    with locked_ledger(folder) as ledger:
        queue = _queue_after_completing(ledger, jobs)
        if unrecorded := _unrecorded(ledger, queue):
            scancel(unrecorded)
        job_ids = _queued_ids(ledger, queue)
        outdated = _outdated(jobs, job_ids)
        job_ids = {job.name: job_ids[job.name] for job in jobs if job.name in job_ids.keys() - outdated.keys()}
        arrays = _arrange(jobs, job_ids, resources, max_array_size())
        if not arrays:
            return Submission([], list(job_ids))
        launch_folder = Path(tempfile.mkdtemp(dir=folder, prefix=time.strftime("%Y%m%d-%H%M%S-")))
        logs.mkdir(parents=True, exist_ok=True)
        try:
            for position, array in enumerate(arrays):
                stem = launch_folder / f"{position}-{array.stage}"
                _submit_array(array, stem, resources[array.stage], site, logs, ledger)
        except BaseException:
            with suppress(SlurmError):  # the next launch cancels what is left
                scancel([job for job, info in squeue().items() if Path(info.command).parent.name == launch_folder.name])
            raise
        if outdated:
            scancel(list(outdated.values()))
    return Submission(arrays, list(job_ids))


def cancel(folder: Path, names: Collection[str] | None) -> list[str]:
    """Remove a ledger's jobs from the queue. Waits for a launch in progress, so that its jobs are included.

    Args:
        folder: folder of the ledger.
        names: jobs to cancel; None for all.

    Returns:
        Names of the cancelled jobs, including those packed with the given ones.

    Raises:
        SlurmError: Slurm does not answer.
    """
    if not folder.is_dir():
        return []
    with locked_ledger(folder) as ledger:
        queue = squeue()
        job_ids = _queued_ids(ledger, queue)
        cancelled = {job_id for name, job_id in job_ids.items() if names is None or name in names}
        unrecorded = _unrecorded(ledger, queue) if names is None else []
        if cancelled or unrecorded:
            scancel([*sorted(cancelled), *unrecorded])
    return [name for name, job_id in job_ids.items() if job_id in cancelled]


def scripts(
    jobs: Sequence[Job],
    resources: Mapping[str, Resources],
    site: Site,
    folder: Path,
    logs: Path,
    *,
    offline: bool = False,
) -> list[tuple[Array, str]]:
    """The arrays that `submit` would submit, each with its batch script. Writes and submits nothing.

    Args:
        jobs: as for `submit`.
        resources: as for `submit`.
        site: as for `submit`.
        folder: as for `submit`.
        logs: as for `submit`.
        offline: assume an empty queue and Slurm's default size of arrays, and do not ask Slurm.

    Raises:
        SlurmError: Slurm does not answer.
        ValueError: as `slurm.graph.ordered`.
    """
    queued = {} if offline else in_queue(Ledger(folder))
    limit = DEFAULT_MAX_ARRAY_SIZE if offline else max_array_size()
    arrays = _arrange(jobs, {job.name: queued[job.name] for job in jobs if job.name in queued}, resources, limit)
    texts = []
    for position, array in enumerate(arrays):
        array.job_id = f"ARRAY{position}"
        bundle = folder / "LAUNCH" / f"{position}-{array.stage}.pickle"
        texts.append(script(array, _array_name(site, array), resources[array.stage], site, bundle, logs))
    return list(zip(arrays, texts, strict=True))


def in_queue(ledger: Ledger) -> dict[str, str]:
    """Slurm job ids by name of the ledger's pending and running jobs.

    Raises:
        SlurmError: Slurm does not answer.
    """
    if not ledger.entries:
        return {}
    return _queued_ids(ledger, squeue())


def _queued_ids(ledger: Ledger, queue: Mapping[str, JobInfo]) -> dict[str, str]:
    """As `in_queue`, without jobs that wait for a dependency that has failed."""
    job_ids = {}
    for name, entry in ledger.entries.items():
        info = queue.get(entry.job)
        if info is not None and _submitted_from(ledger, info) and info.reason != NEVER:
            job_ids[name] = entry.job
    return job_ids


def _submitted_from(ledger: Ledger, info: JobInfo) -> bool:
    """Whether a queued job's batch script lies in the ledger's folder, by whichever path it was reached.

    Job ids and names are not enough: a cluster may be reset, and two benchmarks may have the same name.
    """
    batch = Path(info.command)
    return (ledger.folder / batch.parent.name / batch.name).is_file()


def _unrecorded(ledger: Ledger, queue: Mapping[str, JobInfo]) -> list[str]:
    """Queued jobs of this folder without an entry: a launch was killed between two steps, or the ledger was lost."""
    recorded = {entry.job for entry in ledger.entries.values()}
    return [job_id for job_id, info in queue.items() if job_id not in recorded and _submitted_from(ledger, info)]


def _queue_after_completing(ledger: Ledger, jobs: Sequence[Job]) -> dict[str, JobInfo]:
    """The queue once none of the given jobs is completing, or after `COMPLETING_SECONDS`."""
    job_ids = {ledger.entries[job.name].job for job in jobs if job.name in ledger.entries}
    deadline = time.monotonic() + COMPLETING_SECONDS
    while True:
        queue = squeue()
        completing = any(job_id in queue and queue[job_id].state == "COMPLETING" for job_id in job_ids)
        if not completing or time.monotonic() > deadline:
            return queue
        time.sleep(1)


def _outdated(jobs: Sequence[Job], job_ids: Mapping[str, str]) -> dict[str, str]:
    """Queued ``afterany`` jobs that would not wait for what is about to be submitted: they are submitted anew."""
    if all(job.name in job_ids for job in jobs if not job.afterany):
        return {}
    return {job.name: job_ids[job.name] for job in jobs if job.afterany and job.name in job_ids}


def _arrange(
    jobs: Sequence[Job], queued: Mapping[str, str], resources: Mapping[str, Resources], limit: int
) -> list[Array]:
    packs = {stage: stage_resources.pack for stage, stage_resources in resources.items()}
    return arrange(jobs, queued, packs, limit)


def _array_name(site: Site, array: Array) -> str:
    return f"{site.name}-{array.stage}"


def _submit_array(array: Array, stem: Path, resources: Resources, site: Site, logs: Path, ledger: Ledger) -> None:
    bundle, batch = stem.with_suffix(".pickle"), stem.with_suffix(".sbatch")
    calls = {index: [(job.name, job.call, job.args) for job in pack] for index, pack in array.members.items()}
    bundle.write_bytes(pickle.dumps(calls))
    batch.write_text(script(array, _array_name(site, array), resources, site, bundle, logs))
    try:
        array.job_id = sbatch(batch, [f"--dependency={array.dependency}"] if array.dependency else [])
    except SlurmError as error:
        raise SlurmError(f"{array.stage}: {error}") from error
    submitted = time.time()
    entries = {}
    for index, pack in array.members.items():
        for position, job in enumerate(pack):
            log = str(log_path(array, index, position, resources, logs))
            job_id = f"{array.job_id}_{index}"
            entries[job.name] = Entry(array.stage, job_id, _array_name(site, array), log, submitted)
    ledger.add(entries)

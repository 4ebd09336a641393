"""Submission of a graph of jobs to Slurm. It returns at once; no process stays on the login node."""

import re
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slurm.arrays import Array, arrange
from slurm.commands import DEFAULT_MAX_ARRAY_SIZE, JobInfo, SlurmError, max_array_size, scancel, squeue
from slurm.executor import log_path, parameters, submit_array
from slurm.graph import Job
from slurm.ledger import Entry, Ledger, locked_ledger
from slurm.resources import Resources, Site

LAUNCH_FOLDER = re.compile(r"\d{8}-\d{6}-\w+")  # name of a launch's folder in that of the ledger
NEVER = "DependencyNeverSatisfied"
ENDING_SECONDS = 60.0  # how long to wait for jobs that are about to end


@dataclass(frozen=True)
class Submission:
    """Result of a launch.

    Attributes:
        arrays: arrays that were submitted.
        queued: Slurm job ids by name of the jobs that were in the queue before.
    """

    arrays: list[Array]
    queued: dict[str, str]

    @property
    def job_ids(self) -> dict[str, str]:
        """Slurm job ids by name of all jobs that are in the queue now."""
        return self.queued | job_ids_of(self.arrays)


def submit(
    jobs: Sequence[Job],
    resources: Mapping[str, Resources],
    site: Site,
    folder: Path,
    logs: Path,
    elsewhere: Mapping[str, str] | None = None,
) -> Submission:
    """Submit every job that is not in the queue.

    Args:
        jobs: every job that is not done, including those that may be pending or running.
        resources: resources by stage.
        site: how jobs start on this cluster.
        folder: folder of the ledger and of the files that jobs read, on a file system that the nodes share.
        logs: folder of the log files, on such a file system.
        elsewhere: Slurm job ids by name of queued jobs of other ledgers, which these may depend on.

    Raises:
        SlurmError: Slurm refused something. As after any other exception, what this launch had submitted is cancelled.
        ValueError: as `slurm.graph.ordered`.
    """
    with locked_ledger(folder) as ledger:
        queue = _settled_queue(ledger, jobs)
        elsewhere = elsewhere or {}
        outdated = _outdated(jobs, ledger, queue, elsewhere)
        job_ids = _queued_ids(ledger, queue)
        job_ids = {job.name: job_ids[job.name] for job in jobs if job.name in job_ids.keys() - outdated.keys()}
        arrays = _arrange(jobs, job_ids, elsewhere, resources, max_array_size())
        if not arrays:
            return Submission([], job_ids)
        launch_folder = Path(tempfile.mkdtemp(dir=folder, prefix=time.strftime("%Y%m%d-%H%M%S-")))
        logs.mkdir(parents=True, exist_ok=True)
        try:
            for array in arrays:
                names = {job.name for pack in array.members.values() for job in pack}
                _cancel_and_wait([job_id for name, job_id in outdated.items() if name in names])
                _submit_array(array, resources[array.stage], site, launch_folder, logs, ledger, elsewhere)
        except BaseException:
            with suppress(SlurmError):  # the next launch cancels what is left
                scancel([job for job, info in squeue().items() if Path(info.command).parent.name == launch_folder.name])
            raise
    return Submission(arrays, job_ids)


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
        abandoned = _abandoned(ledger, queue) if names is None else []
        if cancelled or abandoned:
            scancel([*sorted(cancelled), *abandoned])
    return [name for name, job_id in job_ids.items() if job_id in cancelled]


def planned(
    jobs: Sequence[Job],
    resources: Mapping[str, Resources],
    site: Site,
    folder: Path,
    logs: Path,
    elsewhere: Mapping[str, str] | None = None,
    *,
    offline: bool = False,
    first: int = 0,
) -> list[tuple[Array, dict[str, Any]]]:
    """The arrays that `submit` would submit, each with its parameters for submitit. Writes and submits nothing.

    Args:
        jobs: as for `submit`.
        resources: as for `submit`.
        site: as for `submit`.
        folder: as for `submit`.
        logs: as for `submit`.
        elsewhere: as for `submit`.
        offline: assume an empty queue and Slurm's default size of arrays, and do not ask Slurm.
        first: number of the first array; the arrays are named by their numbers.

    Raises:
        SlurmError: Slurm does not answer, or resources cannot be used.
        ValueError: as `slurm.graph.ordered`.
    """
    queued = {} if offline else in_queue(Ledger(folder))
    limit = DEFAULT_MAX_ARRAY_SIZE if offline else max_array_size()
    job_ids = {job.name: queued[job.name] for job in jobs if job.name in queued}
    arrays = _arrange(jobs, job_ids, elsewhere or {}, resources, limit)
    for position, array in enumerate(arrays, first):
        array.job_id = f"ARRAY{position}"
    return [(array, _parameters(array, resources[array.stage], site, logs)) for array in arrays]


def job_ids_of(arrays: Sequence[Array]) -> dict[str, str]:
    """Slurm job ids by name of the jobs of arrays that have an id."""
    return {
        job.name: f"{array.job_id}_{index}" for array in arrays for index, pack in array.members.items() for job in pack
    }


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
        if info is None or info.reason == NEVER or not _submitted_from(ledger, info):
            continue
        if entry.launch in ("", Path(info.command).parent.name):
            job_ids[name] = entry.job
    return job_ids


def _submitted_from(ledger: Ledger, info: JobInfo) -> bool:
    """Whether a queued job's batch script lies in the ledger's folder, by whichever path it was reached.

    Job ids and names are not enough: a cluster may be reset, and two benchmarks may have the same name. The script
    itself may be missing: submitit renames it after the submission, and links to it from its first name.
    """
    launch_folder = Path(info.command).parent.name
    return bool(LAUNCH_FOLDER.fullmatch(launch_folder)) and (ledger.folder / launch_folder).is_dir()


def _abandoned(ledger: Ledger, queue: Mapping[str, JobInfo]) -> list[str]:
    """Queued jobs of this folder that no launch counts on.

    They have no entry, since a launch was killed between two steps or the ledger was lost, or wait for a dependency
    that has failed.
    """
    job_ids = set(_queued_ids(ledger, queue).values())
    return [job_id for job_id, info in queue.items() if job_id not in job_ids and _submitted_from(ledger, info)]


def _settled_queue(ledger: Ledger, jobs: Sequence[Job]) -> dict[str, JobInfo]:
    """The queue after abandoned jobs are cancelled, and once none of the given jobs is completing.

    A job that is completing for longer than `ENDING_SECONDS` remains in it.

    Raises:
        SlurmError: as `_cancel_and_wait`.
    """
    job_ids = {ledger.entries[job.name].job for job in jobs if job.name in ledger.entries}
    deadline = time.monotonic() + ENDING_SECONDS
    while True:
        queue = squeue()
        if abandoned := _abandoned(ledger, queue):
            _cancel_and_wait(abandoned)  # after which others may have lost what they wait for
            continue
        completing = any(job_id in queue and queue[job_id].state == "COMPLETING" for job_id in job_ids)
        if not completing or time.monotonic() > deadline:
            return queue
        time.sleep(1)


def _cancel_and_wait(job_ids: Collection[str]) -> None:
    """Cancel jobs and wait until their processes have ended, so that no other job writes the same files.

    Raises:
        SlurmError: they have not ended after `ENDING_SECONDS`.
    """
    if not job_ids:
        return
    scancel(list(job_ids))
    deadline = time.monotonic() + ENDING_SECONDS
    while remaining := sorted(squeue().keys() & set(job_ids)):
        if time.monotonic() > deadline:
            raise SlurmError(f"cancelled jobs have not ended, launch again later: {', '.join(remaining)}")
        time.sleep(1)


def _outdated(
    jobs: Sequence[Job], ledger: Ledger, queue: Mapping[str, JobInfo], elsewhere: Mapping[str, str]
) -> dict[str, str]:
    """Queued jobs that must be submitted anew: they do not wait for what they depend on as it is, or will be, queued.

    They wait for earlier submissions of it, which have failed or were cancelled. If one job of a pack is outdated, all
    are.
    """
    outdated: dict[str, str] = {}
    job_ids = _queued_ids(ledger, queue)
    known = {**job_ids, **elsewhere}

    def waits_for_all(job: Job) -> bool:
        if any(name not in known or name in outdated for name in job.depends_on):
            return False
        return {known[name] for name in job.depends_on} <= {*ledger.entries[job.name].depends_on}

    while True:
        new = {
            job.name: job_ids[job.name]
            for job in jobs
            if job.name in job_ids.keys() - outdated.keys()
            if job_ids[job.name] in outdated.values()
            or (not waits_for_all(job) and (job.afterany or queue[job_ids[job.name]].state == "PENDING"))
        }
        if not new:
            return outdated
        outdated |= new


def _arrange(
    jobs: Sequence[Job],
    queued: Mapping[str, str],
    elsewhere: Mapping[str, str],
    resources: Mapping[str, Resources],
    limit: int,
) -> list[Array]:
    packs = {stage: stage_resources.pack for stage, stage_resources in resources.items()}
    others = [Job(name, print) for name in elsewhere]  # in the queue, so they are depended on and not arranged
    return arrange([*others, *jobs], {**elsewhere, **queued}, packs, limit)


def _array_name(site: Site, array: Array) -> str:
    return f"{site.name}-{array.stage}"


def _parameters(array: Array, resources: Resources, site: Site, logs: Path) -> dict[str, Any]:
    try:
        return parameters(array, _array_name(site, array), resources, site, logs)
    except SlurmError as error:
        raise SlurmError(f"{array.stage}: {error}") from error


def _submit_array(
    array: Array,
    resources: Resources,
    site: Site,
    launch_folder: Path,
    logs: Path,
    ledger: Ledger,
    elsewhere: Mapping[str, str],
) -> None:
    name = _array_name(site, array)
    try:
        array.job_id = submit_array(array, name, resources, site, launch_folder, logs)
    except SlurmError as error:
        raise SlurmError(f"{array.stage}: {error}") from error
    submitted = time.time()
    entries = {}
    for index, jobs in array.members.items():
        for position, job in enumerate(jobs):
            log = str(log_path(array, index, position, resources, logs))
            parents = [elsewhere.get(parent) or ledger.entries[parent].job for parent in job.depends_on]
            job_id = f"{array.job_id}_{index}"
            entries[job.name] = Entry(array.stage, job_id, name, log, submitted, launch_folder.name, tuple(parents))
    ledger.add(entries)

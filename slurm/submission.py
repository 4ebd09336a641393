"""Submits a graph to Slurm in one go and returns: nothing has to stay behind on the login node."""

import pickle
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from slurm.arrays import Array, arrange
from slurm.commands import JobInfo, SlurmError, max_array_size, sbatch, scancel, squeue
from slurm.graph import Job
from slurm.ledger import Entry, Ledger, opened
from slurm.resources import Resources, Site
from slurm.script import log, script

NEVER = "DependencyNeverSatisfied"
ENDING_SECONDS = 60.0  # what is just coming to an end is waited for


@dataclass(frozen=True)
class Submission:
    """What a launch has put into the queue, and the names of jobs that were there already."""

    arrays: list[Array]
    queued: list[str]


def submit(jobs: Sequence[Job], resources: Mapping[str, Resources], site: Site, folder: Path, logs: Path) -> Submission:
    """Submits every job that is not in the queue already.

    Args:
        jobs: all that is not done yet, with what may be queued or running.
        resources: by stage.
        site: how jobs start there.
        folder: of the ledger and of what the jobs read; on a file system that the nodes share.
        logs: where their output goes; on such a file system as well.

    Raises:
        SlurmError: Slurm refused something. As with whatever else ends this early, what this launch had submitted
            before it is cancelled again.
        ValueError: a graph that cannot be run.
    """
    with opened(folder) as ledger:
        seen = _settled(ledger, jobs)
        if strays := _strays(ledger, seen):
            scancel(strays)
        queued = _known(ledger, seen)
        late = [queued.pop(job.name) for job in jobs if job.afterany and job.name in queued and _anew(jobs, queued)]
        arrays = _arrange(jobs, {job.name: queued[job.name] for job in jobs if job.name in queued}, resources)
        kept = [job.name for job in jobs if job.name in queued]
        if not arrays:
            return Submission([], kept)
        place = Path(tempfile.mkdtemp(dir=folder, prefix=time.strftime("%Y%m%d-%H%M%S-")))
        logs.mkdir(parents=True, exist_ok=True)
        try:
            for number, array in enumerate(arrays):
                _submit(array, place / f"{number}-{array.stage}", resources[array.stage], site, logs, ledger)
        except BaseException:
            with suppress(SlurmError):  # the next launch finds what is left
                scancel([job for job, one in squeue().items() if Path(one.command).parent.name == place.name])
            raise
        if late:
            scancel(late)  # it would not wait for what is submitted now
    return Submission(arrays, kept)


def cancel(folder: Path, names: Collection[str] | None) -> list[str]:
    """Takes jobs of a ledger out of the queue, all or those named; returns which, with those packed together with them.

    Waits for a launch that is under way, so as to find all it submits.

    Raises:
        SlurmError: Slurm cannot be reached.
    """
    if not folder.is_dir():
        return []
    with opened(folder) as ledger:
        seen = squeue()
        queued = _known(ledger, seen)
        found = {job for name, job in queued.items() if names is None or name in names}
        if out := sorted(found) + (_strays(ledger, seen) if names is None else []):
            scancel(out)
    return [name for name, job in queued.items() if job in found]


def scripts(
    jobs: Sequence[Job], resources: Mapping[str, Resources], site: Site, folder: Path, logs: Path
) -> list[tuple[Array, str]]:
    """What `submit` would submit, with the text of each batch script; writes and submits nothing."""
    ledger = Ledger(folder)
    queued = in_queue(ledger) if ledger.entries else {}
    arrays = _arrange(jobs, {job.name: queued[job.name] for job in jobs if job.name in queued}, resources)
    for number, array in enumerate(arrays):
        array.number = f"ARRAY{number}"
    place = folder / "LAUNCH"
    return [
        (
            array,
            script(array, _name(site, array), resources[array.stage], site, place / f"{n}-{array.stage}.pickle", logs),
        )
        for n, array in enumerate(arrays)
    ]


def in_queue(ledger: Ledger) -> dict[str, str]:
    """The names of jobs that wait or run, with Slurm's number_index."""
    if not ledger.entries:
        return {}
    return _known(ledger, squeue())


def _known(ledger: Ledger, seen: Mapping[str, JobInfo]) -> dict[str, str]:
    return {
        name: entry.job
        for name, entry in ledger.entries.items()
        if entry.job in seen and _own(ledger, seen[entry.job]) and seen[entry.job].reason != NEVER
    }


def _own(ledger: Ledger, seen: JobInfo) -> bool:
    """Whether a job was submitted from this folder, whatever path leads to it: numbers and names may come again."""
    batch = Path(seen.command)
    return (ledger.folder / batch.parent.name / batch.name).is_file()


def _strays(ledger: Ledger, seen: Mapping[str, JobInfo]) -> list[str]:
    """Jobs of this folder that are not noted: the command was ended before it could, or the ledger was lost."""
    noted = {entry.job for entry in ledger.entries.values()}
    return [job for job, one in seen.items() if job not in noted and _own(ledger, one)]


def _settled(ledger: Ledger, jobs: Sequence[Job]) -> dict[str, JobInfo]:
    """The queue once it is known what becomes of the jobs that are just coming to an end."""
    wanted = {ledger.entries[job.name].job for job in jobs if job.name in ledger.entries}
    deadline = time.monotonic() + ENDING_SECONDS
    while True:
        seen = squeue()
        ending = any(job in seen and seen[job].state == "COMPLETING" for job in wanted)
        if not ending or time.monotonic() > deadline:
            return seen
        time.sleep(1)


def _anew(jobs: Sequence[Job], queued: dict[str, str]) -> bool:
    """Whether there is anything to submit but what waits for all else."""
    return any(job.name not in queued for job in jobs if not job.afterany)


def _arrange(jobs: Sequence[Job], queued: dict[str, str], resources: Mapping[str, Resources]) -> list[Array]:
    packs = {stage: one.pack for stage, one in resources.items()}
    return arrange(jobs, queued, packs, max_array_size())


def _name(site: Site, array: Array) -> str:
    return f"{site.name}-{array.stage}"


def _submit(array: Array, place: Path, resources: Resources, site: Site, logs: Path, ledger: Ledger) -> None:
    bundle, batch = place.with_suffix(".pickle"), place.with_suffix(".sbatch")
    calls = {index: [(job.name, job.call, job.args) for job in members] for index, members in array.members.items()}
    bundle.write_bytes(pickle.dumps(calls))
    batch.write_text(script(array, _name(site, array), resources, site, bundle, logs))
    try:
        array.number = sbatch(batch, [f"--dependency={array.dependency}"] if array.dependency else [])
    except SlurmError as error:
        raise SlurmError(f"{array.stage}: {error}") from error
    ledger.add(
        {
            job.name: Entry(
                array.stage,
                f"{array.number}_{index}",
                _name(site, array),
                str(log(array, index, position, resources, logs)),
                time.time(),
            )
            for index, members in array.members.items()
            for position, job in enumerate(members)
        }
    )

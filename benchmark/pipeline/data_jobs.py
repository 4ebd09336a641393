"""Preparation of data as jobs: tracks are listed, packed in parts and indexed; each labelled set is a job of its own.

The jobs that make a track store are recorded beside it, and those that make labelled sets beside the sets in the cache,
so that benchmarks that need the same data wait for the same jobs.
"""

from collections.abc import Sequence
from pathlib import Path

from benchmark.config.schema import Config
from benchmark.data import catalogue
from benchmark.data.catalogue import set_config
from benchmark.errors import UsageError
from benchmark.files import digest, read_json, write_json
from benchmark.pipeline import cluster
from benchmark.pipeline.benchmark_record import DataJobRecord
from benchmark.pipeline.cluster import JobGroup, JobPaths
from benchmark.pipeline.preparation import (
    prepare_tracks,
    sets_to_make,
    track_packer,
    track_store,
    tracks_ready,
    tracks_report,
    waits_for_tracks,
)
from benchmark.progress import data_progress
from slurm.env import available_cores
from slurm.graph import Job, file_name
from slurm.signals import stop_requested

PREPARE = "prepare"  # stage of all these jobs
LIST, INDEX = "list", "index"


def data_groups(config: Config) -> list[JobGroup]:
    """The jobs for everything that is missing of a benchmark's data.

    Raises:
        UsageError: a set without its folder.
        DataError: a folder does not hold the set.
    """
    groups = []
    if not tracks_ready(config):
        groups.append(JobGroup(JobPaths.of_store(config), track_jobs(config)))
    if names := sets_to_make(config):
        groups.append(JobGroup(JobPaths.of_sets(config), set_jobs(config, names)))
    return groups


def track_jobs(config: Config) -> list[Job]:
    """The jobs that make the track store.

    One lists the tracks, unless they are listed; one packs each unfinished part of ``launcher.parts``; one writes the
    index.
    """
    from benchmark.data.tracks.slices import slices_done

    done, parts = slices_done(track_store(config)), config.launcher.parts
    listing = [] if done else [Job(LIST, list_tracks, (config,), stage=PREPARE)]
    packing = [
        Job(part_name(part, parts), pack_part, (config, part, parts), tuple(job.name for job in listing), PREPARE)
        for part in range(min(parts, len(done) or parts))
        if not all(done[part::parts]) or not done
    ]
    return [*listing, *packing, Job(INDEX, index_tracks, (config,), tuple(job.name for job in packing), PREPARE)]


def part_name(part: int, parts: int) -> str:
    """Name of the job that packs a part of the tracks."""
    return f"{PREPARE} {part}/{parts}"


def check_parts(config: Config) -> None:
    """Refuses another number of parts while jobs that pack the tracks are in the queue.

    Raises:
        UsageError: such jobs are in the queue.
        ClusterError: Slurm cannot be reached.
    """
    queued = cluster.queued(JobPaths.of_store(config))
    parts = config.launcher.parts
    arrays = {name: job.partition("_")[0] for name, job in queued.items() if "/" in name}
    if others := {array for name, array in arrays.items() if not name.endswith(f"/{parts}")}:
        raise UsageError(
            f"jobs that prepare this store are in the queue, with other parts than {parts} (launcher.parts); wait, or "
            f"scancel {' '.join(sorted(others))}"
        )


def set_jobs(config: Config, names: Sequence[str]) -> list[Job]:
    """A job for each of some labelled sets; one that is made of the benchmark's tracks waits for their index."""
    jobs = []
    for name in names:
        after = (INDEX,) if waits_for_tracks(config, name) else ()
        jobs.append(Job(_set_job_name(config, name), make_set, (config, name), after, PREPARE))
    return jobs


def data_job_records(config: Config, groups: Sequence[JobGroup]) -> list[DataJobRecord]:
    """The jobs of `data_groups` and those of the same store that are done, as they are recorded in `benchmark.json`."""
    found = []
    if not tracks_ready(config):
        ledger, store, parts = str(JobPaths.of_store(config).ledger), str(track_store(config)), config.launcher.parts
        found.append(DataJobRecord(LIST, "list of tracks", ledger, store))
        for part in range(parts):
            found.append(DataJobRecord(part_name(part, parts), f"tracks {part}/{parts}", ledger, store, (part, parts)))
        found.append(DataJobRecord(INDEX, "index of tracks", ledger, store))
    sets = [job for group in groups for job in group.jobs if job.call is make_set]
    ledger = str(JobPaths.of_sets(config).ledger)
    return found + [DataJobRecord(job.name, f"faces {job.args[1]}", ledger) for job in sets]


def is_done(job: DataJobRecord) -> bool:
    """Whether the work of a job is done, by what is on disk."""
    from benchmark.data.tracks.manifest import MANIFEST
    from benchmark.data.tracks.slices import slices_done

    if job.store is None:
        return _set_is_made(Path(job.ledger), job.job)
    if (Path(job.store) / MANIFEST).is_file():
        return True
    slices = slices_done(job.store)
    if job.job == LIST:
        return bool(slices)
    return job.part is not None and bool(slices) and all(slices[job.part[0] :: job.part[1]])


# -- what the jobs do --------------------------------------------------------------------------------------------------


def list_tracks(config: Config) -> None:
    """Lists the tracks of the raw data: the first job."""
    track_packer(config).list_tracks()


def pack_part(config: Config, part: int, parts: int) -> None:
    """Packs part ``part`` of ``parts``, counted from 0.

    Raises:
        Stopped: this process was asked to stop; calling again continues.
    """
    with data_progress(f"tracks: {config.data.name}, part {part} of {parts}") as progress:
        track_packer(config).pack_part(part, parts, workers=available_cores(), progress=progress, stop=stop_requested)


def index_tracks(config: Config) -> None:
    """Writes the store's index and manifest after all parts, and prints a report: the last job of a store."""
    print("\n".join(tracks_report(config, prepare_tracks(config))))


def make_set(config: Config, name: str) -> None:
    """Makes a labelled set, or finds it made, notes where it is, and prints what it holds.

    It cannot be stopped on the way: ended early, it begins anew.
    """
    from benchmark.data.faces.labelled_set import SPLITS, LabelledSet

    note = _set_note(JobPaths.of_sets(config).ledger, _set_job_name(config, name))
    note.unlink(missing_ok=True)
    with data_progress(f"faces: {name}") as progress:
        path = catalogue.make_set(name, set_config(config, name), config.cache, available_cores(), progress)
    faces = LabelledSet.load(path)  # which notes beside it that its content has been checked
    write_json(note, {"file": str(path.absolute())})
    counts = ", ".join(f"{len(faces.indices(split)):,} {split}" for split in SPLITS)
    print(f"{name}: {counts}, {faces.frames.shape[1]} px: {path}")


def _set_job_name(config: Config, name: str) -> str:
    """Different for other settings, since all benchmarks with the same cache share a ledger."""
    return f"faces {name} {digest(catalogue.set_settings(name, set_config(config, name)))[:10]}"


def _set_note(ledger: Path, job: str) -> Path:
    return ledger / "made" / f"{file_name(job)}.json"


def _set_is_made(ledger: Path, job: str) -> bool:
    try:
        return Path(read_json(_set_note(ledger, job))["file"]).is_file()
    except (OSError, ValueError, KeyError, TypeError):
        return False

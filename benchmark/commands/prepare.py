"""`fabbench prepare`: packs raw tracks here, one share of them, or all of them as jobs on a cluster."""

from pathlib import Path

from benchmark.config.schema import Config
from benchmark.data import catalogue
from benchmark.data.tracks.pack import report, slices_done
from benchmark.errors import UsageError
from benchmark.pipeline import cluster, pipeline
from slurm.graph import Job

MOST_PARTS = 100_000


def prepare(config: Config) -> list[str]:
    """Packs all tracks here, with a process a core; returns what the store holds, in lines for people."""
    folder = _store(config)
    lines = report(pipeline.prepare_tracks(config))
    return [*lines, f"store: {folder}  (use it with data={config.data.kind} data.store={folder})"]


def prepare_part(config: Config, share: str) -> list[str]:
    """Does a share such as ``3/16``; they count from 0, as SLURM's array indices may.

    Raises:
        UsageError: no such share.
    """
    part, slash, parts = share.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise UsageError(f"--part is {share!r}; such as 3/16, from 0/16 to 15/16")
    pipeline.prepare_part(config, int(part), int(parts))
    return [f"part {part} of {parts} of {_store(config)} is done; after all parts, the same command without --part"]


def submit(config: Config, parts: int) -> list[str]:
    """Lists the tracks, and puts all that is missing of the store into a cluster's queue.

    Raises:
        UsageError: ``parts`` is no number of jobs, or jobs of another number of parts are in the queue.
        ClusterError: Slurm refused.
    """
    _check_parts(parts)
    if _ready(config):
        return prepare(config)
    cluster.check_parts(config, parts)
    pipeline.list_tracks(config)
    submitted = cluster.submit_preparation(config, _jobs(config, parts))
    return [
        progress(config),
        *cluster.summarise(submitted),
        "",
        f"logs: {cluster.JobPaths.of_store(config).logs}",
        "The same command with --dry-run tells how far it is; without, it submits what failed or was lost by then.",
    ]


def describe(config: Config, parts: int) -> list[str]:
    """How far the store is and, on a cluster, what would be submitted, reading no track and writing nothing.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    _check_parts(parts)
    catalogue.source(config.data).tracks()
    lines = [progress(config)]
    if config.launcher.kind == "slurm" and not _ready(config):
        lines += cluster.describe_preparation(config, _jobs(config, parts))
    return lines


def progress(config: Config) -> str:
    """How far the store is, in one line."""
    done = slices_done(_store(config))
    begun = f"{sum(done)} of {len(done)} slices are done" if done else "to be prepared"
    return f"tracks   {_store(config)}: {'ready' if _ready(config) else begun}"


def make_index(config: Config) -> None:
    """The last job: what is left to do once all slices are there."""
    print("\n".join(prepare(config)))


def _jobs(config: Config, parts: int) -> list[Job]:
    """A job for each share of which something is missing, and the index after them."""
    done = slices_done(_store(config))
    shares = [
        Job(f"prepare {part}/{parts}", pipeline.prepare_part, (config, part, parts), stage="prepare")
        for part in range(min(parts, len(done) or parts))
        if not done or not all(done[part::parts])
    ]
    return [*shares, Job("index", make_index, (config,), tuple(job.name for job in shares), "prepare")]


def _check_parts(parts: int) -> None:
    if not 1 <= parts <= MOST_PARTS:
        raise UsageError(f"--parts is {parts}; how many jobs share the work, from 1 to {MOST_PARTS}")


def _store(config: Config) -> Path:
    return catalogue.store_folder(config.data, config.cache)


def _ready(config: Config) -> bool:
    return (_store(config) / "manifest.json").is_file()

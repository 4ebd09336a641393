"""`fabbench prepare`: pack raw tracks into a store here, one share of them, or all of them as jobs on a cluster."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "prepare"
SUMMARY = "pack raw videos or frames into a track store"
EXAMPLES = """
  fabbench prepare data=videos data.root=/data/vox2 data.store=/data/vox2-packed data.fps=1
  fabbench prepare data=frames data.root=/data/vox1
  fabbench prepare data=voxceleb root=/data launcher=slurm --parts 64    64 jobs on the cluster, and the index
  fabbench prepare data=voxceleb root=/data --part 3/16     one share of 16; then once more without --part
"""
WORDS = ""
SETTINGS = (
    "data",
    "cache",
    *(f"launcher.{key}" for key in ("kind", "job", "prepare", "python", "logs", "snapshots")),
)
FOR_LAUNCHED = False

DEFAULT_PARTS, MAX_PARTS = 16, 100_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, do nothing")
    parser.add_argument("--part", metavar="I/N", help="pack share I of N, from 0, at the same time as the others")
    parser.add_argument("--parts", metavar="N", type=int, help="with launcher=slurm: jobs (16)")


def main(arguments: Namespace, config: "Config") -> int:
    parts = _parts(arguments.parts, config)
    share = _share(arguments.part, config) if arguments.part is not None else None
    if arguments.dry_run:
        lines = _describe(config, parts)
    elif share is not None:
        lines = _pack_share(config, *share)
    elif config.launcher.kind == "slurm":
        lines = _submit(config, parts)
    else:
        lines = _pack(config)
    print("\n".join(lines))
    return 0


def _pack(config: "Config") -> list[str]:
    """Packs all tracks here, with a process for each core; returns a report of the store."""
    from benchmark.pipeline.preparation import prepare_tracks, tracks_report

    return tracks_report(config, prepare_tracks(config))


def _parts(typed: int | None, config: "Config") -> int:
    """The number of jobs that share the work on a cluster.

    Raises:
        UsageError: it is out of range, or was given without a cluster.
    """
    parts = DEFAULT_PARTS if typed is None else typed
    if not 1 <= parts <= MAX_PARTS:
        raise UsageError(f"--parts is {parts}; how many jobs share the work, from 1 to {MAX_PARTS}")
    if typed is not None and config.launcher.kind != "slurm":
        raise UsageError("--parts has no effect without launcher=slurm; --part I/N packs one share here")
    return parts


def _share(text: str, config: "Config") -> tuple[int, int]:
    """Share and number of shares in a text such as ``3/16``; shares count from 0, as the indices of job arrays do.

    Raises:
        UsageError: it cannot be read, or a cluster is to do the work.
    """
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise UsageError(f"--part is {text!r}; such as 3/16, from 0/16 to 15/16")
    if config.launcher.kind == "slurm":
        raise UsageError("--part packs one share here; leave out launcher=slurm, or give --parts N for N jobs")
    return int(part), int(parts)


def _pack_share(config: "Config", part: int, parts: int) -> list[str]:
    """Packs one share here."""
    from benchmark.pipeline.preparation import prepare_share, track_store

    prepare_share(config, part, parts)
    store = track_store(config)
    return [f"part {part} of {parts} of {store} is done; after all parts, the same command without --part"]


def _submit(config: "Config", parts: int) -> list[str]:
    """Lists the tracks, and submits jobs for what is missing of the store."""
    from benchmark.pipeline import cluster
    from benchmark.pipeline.preparation import describe_tracks, track_jobs, track_packer, tracks_ready

    if tracks_ready(config):
        return _pack(config)
    cluster.check_parts(config, parts)
    track_packer(config).list_tracks()
    paths = cluster.JobPaths.of_store(config)
    submitted = cluster.submit(config, paths, track_jobs(config, parts), cluster.take_snapshot(paths))
    return [
        describe_tracks(config),
        *cluster.summarise(submitted),
        "",
        f"logs: {paths.logs}",
        "The same command with --dry-run tells how far it is; without, it submits what failed or was lost by then.",
    ]


def _describe(config: "Config", parts: int) -> list[str]:
    """The state of the store and, on a cluster, the jobs that would be submitted. Reads no track, writes nothing."""
    from benchmark.data import catalogue
    from benchmark.data.own import check_source
    from benchmark.pipeline import cluster
    from benchmark.pipeline.preparation import describe_tracks, track_jobs, tracks_ready

    check_source(catalogue.source(config.data))
    lines = [describe_tracks(config)]
    if config.launcher.kind == "slurm" and not tracks_ready(config):
        lines += cluster.describe(config, cluster.JobPaths.of_store(config), track_jobs(config, parts))
    return lines

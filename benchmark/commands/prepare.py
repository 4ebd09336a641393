"""`fabbench prepare`: pack raw tracks into a store, or make labelled sets, here or as jobs on a cluster."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.commands._settings import refuse_unused, set_keys
from benchmark.errors import UsageError, suggestion

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.pipeline.cluster import JobGroup

NAME = "prepare"
SUMMARY = "pack raw videos or frames into a track store, or make labelled sets"
EXAMPLES = """
  fabbench prepare data=videos data.root=/data/vox2 data.store=/data/vox2-packed data.fps=1
  fabbench prepare data=frames data.root=/data/vox1
  fabbench prepare data=voxceleb root=/data launcher=slurm --parts 64    64 jobs on the cluster, and the index
  fabbench prepare data=voxceleb root=/data --part 3/16     one share of 16; then once more without --part
  fabbench prepare w300 aflw root=/data data.size=256       labelled sets, into the cache
  fabbench prepare w300 aflw root=/data launcher=slurm      the same, a job each
"""
WORDS = "[SET ...]"
LAUNCHER = tuple(f"launcher.{key}" for key in ("kind", "parts", "job", "prepare", "python", "logs", "snapshots"))
SETTINGS = ("data", "sets", "cache", *LAUNCHER)
FOR_LAUNCHED = False

MAX_PARTS = 100_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, do nothing")
    parser.add_argument("--part", metavar="I/N", help="pack share I of N, from 0, at the same time as the others")
    parser.add_argument(
        "--parts", metavar="N", type=int, help="with launcher=slurm: jobs that pack tracks (launcher.parts)"
    )


def main(arguments: Namespace, config: "Config") -> int:
    config = _with_parts(arguments.parts, config)
    share = _share(arguments.part, config) if arguments.part is not None else None
    if arguments.words:
        used = set_keys(arguments.words, config)
        refuse_unused("prepare SET", (*used, "cache", *LAUNCHER), arguments.settings)
        if share is not None or arguments.parts is not None:
            raise UsageError("--part and --parts are for tracks; each labelled set is one job")
        lines = _prepare_sets(arguments.words, config, arguments.dry_run)
    else:
        refuse_unused("prepare", ("data", "cache", *LAUNCHER), arguments.settings)
        lines = _describe_tracks(config) if arguments.dry_run else _prepare_tracks(config, share)
    if lines:
        print("\n".join(lines))
    return 0


# -- tracks ------------------------------------------------------------------------------------------------------------


def _prepare_tracks(config: "Config", share: tuple[int, int] | None) -> list[str]:
    """Packs one share or all tracks here, with a process for each core, or submits jobs for what is missing."""
    from benchmark.data import catalogue
    from benchmark.data.own import check_source
    from benchmark.pipeline.preparation import prepare_tracks, tracks_ready, tracks_report

    if not tracks_ready(config):
        check_source(catalogue.source(config.data))
    if share is not None:
        return _pack_share(config, *share)
    if config.launcher.kind == "slurm" and not tracks_ready(config):
        return _submit_tracks(config)
    return tracks_report(config, prepare_tracks(config))


def _with_parts(typed: int | None, config: "Config") -> "Config":
    """The configuration with the number of jobs that share the work on a cluster.

    Raises:
        UsageError: it is out of range, or was given without a cluster.
    """
    if typed is None:
        return config
    if not 1 <= typed <= MAX_PARTS:
        raise UsageError(f"--parts is {typed}; how many jobs share the work, from 1 to {MAX_PARTS}")
    if config.launcher.kind != "slurm":
        raise UsageError("--parts has no effect without launcher=slurm; --part I/N packs one share here")
    return replace(config, launcher=replace(config.launcher, parts=typed))


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
    from benchmark.pipeline.data_jobs import pack_part
    from benchmark.pipeline.preparation import track_store

    pack_part(config, part, parts)
    store = track_store(config)
    return [f"part {part} of {parts} of {store} is done; after all parts, the same command without --part"]


def _submit_tracks(config: "Config") -> list[str]:
    """Submits jobs for what is missing of the store."""
    from benchmark.pipeline.data_jobs import check_parts
    from benchmark.pipeline.preparation import describe_tracks

    check_parts(config)
    return [describe_tracks(config), *_submit(config, _track_group)]


def _describe_tracks(config: "Config") -> list[str]:
    """The state of the store and, on a cluster, the jobs that would be submitted. Reads no track, writes nothing."""
    from benchmark.data import catalogue
    from benchmark.data.own import check_source
    from benchmark.pipeline import cluster
    from benchmark.pipeline.preparation import describe_tracks, tracks_ready

    if not tracks_ready(config):
        check_source(catalogue.source(config.data))
    lines = [describe_tracks(config)]
    if config.launcher.kind == "slurm" and not tracks_ready(config):
        lines += cluster.describe(config, [_track_group(config)])
    return lines


def _track_group(config: "Config") -> "JobGroup":
    from benchmark.pipeline.cluster import JobGroup, JobPaths
    from benchmark.pipeline.data_jobs import track_jobs

    return JobGroup(JobPaths.of_store(config), track_jobs(config))


# -- labelled sets -----------------------------------------------------------------------------------------------------


def _prepare_sets(names: Sequence[str], config: "Config", dry_run: bool) -> list[str]:
    """Makes labelled sets here, one after another, or submits a job for each that is missing; or says so only.

    Raises:
        UsageError: no such set.
    """
    from benchmark.data import catalogue
    from benchmark.pipeline import cluster
    from benchmark.pipeline.cluster import JobGroup, JobPaths
    from benchmark.pipeline.data_jobs import make_set, set_jobs

    for name in names:
        if name not in config.sets:
            raise UsageError(f"unknown set {name!r}{suggestion(name, config.sets)}")
    missing = [name for name in names if not catalogue.set_made(name, catalogue.set_config(config, name), config.cache)]
    lines = [f"faces    {name}: {'to be made' if name in missing else 'ready'}" for name in names]

    def set_group(config: "Config") -> JobGroup:
        return JobGroup(JobPaths.of_sets(config), set_jobs(config, missing))

    if config.launcher.kind == "slurm" and missing:
        return lines + (cluster.describe(config, [set_group(config)]) if dry_run else _submit(config, set_group))
    if not dry_run:
        for name in names:
            make_set(config, name)
    return lines if dry_run or config.launcher.kind == "slurm" else []


def _submit(config: "Config", group_of: "Callable[[Config], JobGroup]") -> list[str]:
    """Submits the jobs that are not in the queue; returns what was submitted, and what comes next."""
    from benchmark.pipeline import cluster

    code = cluster.take_snapshot(group_of(config).paths, cluster.own_targets(config))
    group = group_of(cluster.config_in_snapshot(config, code))
    submitted = cluster.submit(config, [group], code)
    return [
        *cluster.summarise(submitted),
        "",
        f"logs: {group.paths.logs}",
        "The same command with --dry-run tells how far it is; without, it submits what failed or was lost by then.",
    ]

"""`fabbench prepare`: pack raw tracks into a store here, one share of them, or all of them as jobs on a cluster."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from slurm.graph import Job

NAME = "prepare"
SUMMARY = "pack raw videos or frames into a track store"
EXAMPLES = """
  fabbench prepare data=videos data.root=/data/vox2 data.store=/data/vox2-packed data.fps=1
  fabbench prepare data=frames data.root=/data/vox1
  fabbench prepare data=voxceleb root=/data launcher=slurm --parts 64    64 jobs on the cluster, and the index
  fabbench prepare data=voxceleb root=/data --part 3/16     one share of 16; then once more without --part
"""
WORDS = ""

MAX_PARTS = 100_000


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, do nothing")
    parser.add_argument("--part", metavar="I/N", help="pack share I of N, from 0, at the same time as the others")
    parser.add_argument("--parts", metavar="N", type=int, default=16, help="with launcher=slurm: jobs (16)")


def main(arguments: Namespace, config: "Config") -> int:
    if arguments.dry_run:
        lines = _describe(config, arguments.parts)
    elif arguments.part:
        lines = _pack_share(config, arguments.part)
    elif config.launcher.kind == "slurm":
        lines = _submit(config, arguments.parts)
    else:
        lines = _pack(config)
    print("\n".join(lines))
    return 0


def finish_store(config: "Config") -> None:
    """The last job on a cluster: packs what is left, which is the index once all shares are done."""
    print("\n".join(_pack(config)))


def _pack(config: "Config") -> list[str]:
    """Packs all tracks here, with a process for each core; returns a report of the store."""
    from benchmark.data.tracks.summary import summarise
    from benchmark.pipeline.pipeline import prepare_tracks

    lines = summarise(prepare_tracks(config))
    folder = _store(config)
    return [*lines, f"store: {folder}  (use it with data={config.data.kind} data.store={folder})"]


def _pack_share(config: "Config", share: str) -> list[str]:
    """Packs a share such as ``3/16``; shares count from 0, as the indices of job arrays do."""
    from benchmark.pipeline.pipeline import prepare_part

    part, slash, parts = share.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise UsageError(f"--part is {share!r}; such as 3/16, from 0/16 to 15/16")
    prepare_part(config, int(part), int(parts))
    return [f"part {part} of {parts} of {_store(config)} is done; after all parts, the same command without --part"]


def _submit(config: "Config", parts: int) -> list[str]:
    """Lists the tracks, and submits jobs for what is missing of the store."""
    from benchmark.pipeline import cluster
    from benchmark.pipeline.pipeline import packer

    _check_parts(parts)
    if _is_ready(config):
        return _pack(config)
    cluster.check_parts(config, parts)
    packer(config).list_tracks()
    submitted = cluster.submit_preparation(config, _jobs(config, parts))
    return [
        _progress(config),
        *cluster.summarise(submitted),
        "",
        f"logs: {cluster.JobPaths.of_store(config).logs}",
        "The same command with --dry-run tells how far it is; without, it submits what failed or was lost by then.",
    ]


def _describe(config: "Config", parts: int) -> list[str]:
    """The state of the store and, on a cluster, the jobs that would be submitted. Reads no track, writes nothing."""
    from benchmark.data import catalogue
    from benchmark.pipeline import cluster

    _check_parts(parts)
    catalogue.source(config.data).tracks()
    lines = [_progress(config)]
    if config.launcher.kind == "slurm" and not _is_ready(config):
        lines += cluster.describe_preparation(config, _jobs(config, parts))
    return lines


def _progress(config: "Config") -> str:
    """The state of the store in one line."""
    from benchmark.data.tracks.slices import slices_done

    done = slices_done(_store(config))
    unfinished = f"{sum(done)} of {len(done)} slices are done" if done else "to be prepared"
    return f"tracks   {_store(config)}: {'ready' if _is_ready(config) else unfinished}"


def _jobs(config: "Config", parts: int) -> "list[Job]":
    """A job for each share that is not done, and `finish_store` after them."""
    from benchmark.data.tracks.slices import slices_done
    from benchmark.pipeline.pipeline import prepare_part
    from slurm.graph import Job

    done = slices_done(_store(config))
    shares = [
        Job(f"prepare {part}/{parts}", prepare_part, (config, part, parts), stage="prepare")
        for part in range(min(parts, len(done) or parts))
        if not done or not all(done[part::parts])
    ]
    return [*shares, Job("index", finish_store, (config,), tuple(job.name for job in shares), "prepare")]


def _check_parts(parts: int) -> None:
    if not 1 <= parts <= MAX_PARTS:
        raise UsageError(f"--parts is {parts}; how many jobs share the work, from 1 to {MAX_PARTS}")


def _store(config: "Config") -> Path:
    from benchmark.data import catalogue

    return catalogue.store_folder(config.data, config.cache)


def _is_ready(config: "Config") -> bool:
    return (_store(config) / "manifest.json").is_file()

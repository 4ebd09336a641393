"""A benchmark from configuration to tables: data, then every run, then the tables."""

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config import load as configuration
from benchmark.config.schema import Config, SyntheticData, row_name
from benchmark.config.variants import Variant, WeightsFolder, resolve
from benchmark.data import catalogue
from benchmark.data.split import SPLITS
from benchmark.data.verify_set import report_path
from benchmark.errors import DataError, UsageError, suggestion
from benchmark.files import sha256, write_json
from benchmark.pipeline import cluster
from benchmark.pipeline import jobs as graph
from benchmark.pipeline.progress import RunsProgress
from benchmark.pipeline.run_folder import Run
from benchmark.progress import data_progress, say
from slurm.env import available_cores
from slurm.graph import Outcome
from slurm.launch import launch
from slurm.signals import stop_requested
from slurm.submission import Submission

if TYPE_CHECKING:
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.tracks.pack import TrackPacker
    from benchmark.pipeline.stages import RunSpec, SetFile


@dataclass(frozen=True)
class Summary:
    """How a launch ended."""

    folder: Path
    failed: list[Outcome]
    submitted: Submission | None = None  # to a cluster: nothing has ended yet


def check_data(config: Config, variants: dict[str, Variant]) -> None:
    """Looks whether tracks and labelled sets can be there, before hours are spent on making them.

    Raises:
        UsageError: settings that make no data, data of different sizes, or tracks too short for a variant's samples.
        DataError: raw data that are missing, or a store that cannot be read.
    """
    from benchmark.data.tracks.manifest import MANIFEST, read_manifest

    size = config.data.size
    for name in _set_names(config):
        if (own := catalogue.faces_config(name, config.sets[name]).size) != size:
            raise UsageError(f"set {name} holds {own} px faces, data.size={size}; make them the same")
    folder = catalogue.store_folder(config.data, config.cache)
    if not (folder / MANIFEST).is_file():
        catalogue.source(config.data).tracks()
    elif (stored := read_manifest(folder)["size"]) != size:
        raise UsageError(f"the track store {folder} holds {stored} px frames, data.size={size}")
    if isinstance(config.data, SyntheticData):
        check_tracks(variants, config.data.frames_per_track)


def check_tracks(variants: dict[str, Variant], longest: int) -> None:
    """Refuses variants whose samples need more frames than any track has.

    Raises:
        UsageError: there is one.
    """
    for variant in variants.values():
        if variant.kind == "method" and variant.frames > longest:
            raise UsageError(f"{variant.name} needs {variant.frames} frames of one track; the longest has {longest}")


def prepare_tracks(config: Config) -> dict[str, Any]:
    """Makes the packed track store, or finds it made; returns its manifest."""
    folder = catalogue.store_folder(config.data, config.cache)
    if (folder / "manifest.json").is_file() and config.data.kind != "synthetic" and config.data.root is None:
        from benchmark.data.tracks.store import TrackStore

        return TrackStore(folder).manifest
    with data_progress(f"tracks: {config.data.name}") as progress:
        return packer(config).pack(workers=cores(), progress=progress)


def prepare_part(config: Config, part: int, parts: int) -> None:
    """Makes one of ``parts`` shares of the track store's slices: the work of one job of an array.

    Raises:
        Stopped: this process was asked to stop; calling again goes on.
    """
    with data_progress(f"tracks: {config.data.name}, part {part} of {parts}") as progress:
        packer(config).pack_part(part, parts, workers=cores(), progress=progress, stop=stop_requested)


def packer(config: Config) -> "TrackPacker":
    """What packs the configuration's raw tracks into its track store."""
    from benchmark.data.tracks.pack import TrackPacker

    folder = catalogue.store_folder(config.data, config.cache)
    data = config.data
    return TrackPacker(catalogue.source(data), folder, split_seed=data.split_seed, jpeg_quality=data.jpeg_quality)


def prepare_sets(config: Config) -> "dict[str, SetFile]":
    """Makes the labelled sets of all tasks, or finds them made; returns their files by name.

    Raises:
        UsageError: a set without a task's target.
        DataError: a set cannot be made or read, or a split of it has no label of a task.
    """
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.pipeline.stages import SetFile

    files = {}
    for name in _set_names(config):
        with data_progress(f"faces: {name}") as progress:
            path = catalogue.make_set(name, config.sets[name], config.cache, cores(), progress)
        faces = LabelledSet.load(path)
        for task in config.tasks:
            if config.task[task].set == name:
                _check_task(task, config.task[task].target, faces)
        files[name] = SetFile(path, faces.hash)
    return files


def _check_task(task: str, name: str, faces: "LabelledSet") -> None:
    """Refuses a task that could not be probed once everything is trained."""
    if name not in faces.targets:
        raise UsageError(f"task {task}: set {faces.name} has no target {name!r}{suggestion(name, faces.targets)}")
    known = faces.targets[name].known
    for split in SPLITS:
        if not known[faces.indices(split)].any():
            raise DataError(f"task {task}: no {split} face of set {faces.name} has a known value of {name}")


def plan(
    config: Config, variants: dict[str, Variant], manifest: dict[str, Any], sets: "dict[str, SetFile]"
) -> "list[RunSpec]":
    """Every run of the benchmark with all it reads, each after the run it starts from.

    A row that nothing random enters is run once, with the first seed; a row trained on labels once for each
    seed and task. A variant that is there only for others to start from is trained and not probed.
    """
    from benchmark.pipeline.stages import RunSpec

    rows = {row_name(name) for name in config.methods}
    store = catalogue.store_folder(config.data, config.cache)
    works: list[RunSpec] = []
    runs: dict[tuple[str, int], Run] = {}
    for variant in variants.values():
        for seed in config.seeds[:1] if variant.fixed else config.seeds:
            for own_task in config.tasks if variant.kind == "ceiling" else [None]:
                names = [own_task] if own_task else config.tasks if variant.name in rows else []
                tasks = {name: config.task[name] for name in names}
                used = {task.set: sets[task.set] for task in tasks.values()}
                parent = runs[variant.parent, seed] if variant.parent else None
                data_hash = used[tasks[own_task].set].hash if own_task else manifest["hash"]
                run = _run(config, variant, seed, own_task, data_hash, parent)
                runs[variant.name, seed] = run
                origin = variant.start or variant.weights
                works.append(RunSpec(run, store, used, tasks, config.probe, _threads(config), sys.argv, parent, origin))
    return works


def _run(config: Config, variant: Variant, seed: int, task: str | None, data_hash: str, parent: Run | None) -> Run:
    from methods.registry import get

    return Run(
        out=config.out,
        benchmark=config.name,
        data=variant.kind if variant.weights else task or config.data.name,
        variant=variant.name,
        method=variant.method,
        version=get(variant.method).version,
        kind=variant.kind,
        seed=seed,
        options=variant.options,
        encoder=variant.encoder,
        size=variant.size,
        augment=config.augment,
        train=variant.train,
        data_hash=data_hash,
        task=task,
        code=sha256(Path(variant.method)) if variant.method.endswith(".py") else None,
        start=parent.key if parent else WeightsFolder(variant.start).hash if variant.start else None,
        weights=WeightsFolder(variant.weights).hash if variant.weights else None,
    )


def run(config: Config) -> Summary:
    """Runs the benchmark, doing only what is not done yet, and writes its tables; on a cluster, submits all of it."""
    from benchmark.pipeline import stages
    from benchmark.pipeline.results import BENCHMARK, write_tables

    variants = resolve(config)
    check_data(config, variants)
    _check_writable(Path(config.out))
    sets = prepare_sets(config)
    manifest = prepare_tracks(config)
    check_tracks(variants, _longest_track(config))
    works = plan(config, variants, manifest, sets)
    folder = Path(config.out, config.name)
    warnings = _data_warnings(config, sets)
    for warning in warnings:
        say(f"warning: {warning}")
    write_json(folder / BENCHMARK, _description(config, works, sets, warnings))
    open_works = [work for work in works if stages.missing(work)]
    say(f"{len(works)} runs: {len(works) - len(open_works)} done, {len(open_works)} to do")
    if open_works and config.launcher.kind == "slurm":
        return Summary(folder, [], cluster.submit_all(config, open_works, variants))
    outcomes: list[Outcome] = []
    if open_works:
        jobs = graph.jobs(open_works, variants)
        logs = folder / "logs" / time.strftime("%Y%m%d-%H%M%S")
        with RunsProgress([work.run for work in open_works]):
            outcomes = launch(jobs, config.launcher.kind, _workers(config), logs, _gpus())
    write_tables(folder, config.probe.table_head)
    return Summary(folder, graph.failures(outcomes))


def describe_plan(config: Config) -> list[str]:
    """What `run` would do, a line each, computing and writing nothing."""
    from benchmark.data.tracks.manifest import MANIFEST, read_manifest
    from benchmark.pipeline.stages import missing

    variants = resolve(config)
    check_data(config, variants)
    folder = catalogue.store_folder(config.data, config.cache)
    lines = []
    ready = (folder / MANIFEST).is_file()
    lines.append(f"tracks   {folder}: {'ready' if ready else 'to be prepared'}")
    sets = {name: catalogue.set_file(name, config.sets[name], config.cache) for name in _set_names(config)}
    lines += [f"faces    {name}: {'ready' if path.is_file() else 'to be made'}" for name, path in sets.items()]
    if not ready or not all(path.is_file() for path in sets.values()):
        size = f"{len(config.methods)} variants x {len(config.seeds)} seeds x {len(config.tasks)} tasks"
        starts = [f"start    {v.name}: from {v.parent} of the same seed" for v in variants.values() if v.parent]
        return [*lines, *starts, f"runs     {size}, once the data are there"]
    from benchmark.pipeline.stages import SetFile

    files = {name: SetFile.of(path) for name, path in sets.items()}
    works = plan(config, variants, read_manifest(folder), files)
    for work in works:
        todo = ", ".join(missing(work)) or "done"
        after = f" (after {work.parent.name})" if work.parent and todo != "done" else ""
        lines.append(f"run      {work.run.name}: {todo}{after}  [{work.run.folder}]")
    open_works = [work for work in works if missing(work)]
    if open_works and config.launcher.kind == "slurm":
        lines += cluster.describe(config, open_works, variants)
    return lines


def _data_warnings(config: Config, sets: "dict[str, SetFile]") -> list[str]:
    """Why scores on this copy of the data may not compare with others', or not with each other."""
    from benchmark.data.faces.labelled_set import LabelledSet
    from benchmark.data.faces.summary import warnings
    from benchmark.data.tracks.leakage import overlap

    store = catalogue.store_folder(config.data, config.cache)
    found = []
    for name, file in sets.items():
        faces = LabelledSet.load(file.path)
        shared = overlap(faces, store)
        found += [f"set {name}: {line}" for line in warnings(faces)] + ([shared] if shared else [])
    return found


def _check_writable(out: Path) -> None:
    """Refuses a place where nothing can be written, before hours are spent on what should go there."""
    there = next(place for place in [out, *out.absolute().parents] if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise DataError(f"out={out}: {there} is not a folder that can be written to; choose another")


def _set_names(config: Config) -> Iterable[str]:
    return dict.fromkeys(config.task[task].set for task in config.tasks)


def _description(
    config: Config, works: "list[RunSpec]", sets: "dict[str, SetFile]", warnings: list[str]
) -> dict[str, Any]:
    return {
        "schema": 1,
        "benchmark": config.name,
        "note": config.note,
        "config": configuration.plain(config),
        "tasks": config.tasks,
        "warnings": warnings,
        "sets": {
            name: {"hash": file.hash, "file": str(file.path), "report": str(report_path(file.path))}
            for name, file in sets.items()
        },
        "runs": [_described(work, config.out) for work in works if work.tasks],
        "starts": [_described(work, config.out) for work in works if not work.tasks],
    }


def _described(work: "RunSpec", out: str) -> dict[str, Any]:
    return {
        "run": str(work.run.folder.relative_to(out)),
        "name": work.run.name,
        "variant": work.run.variant,
        "kind": work.run.kind,
        "seed": work.run.seed,
        "sets": list(work.sets),
        "tasks": list(work.tasks),
    }


def _longest_track(config: Config) -> int:
    from benchmark.data.tracks.store import TrackStore

    return int(TrackStore(catalogue.store_folder(config.data, config.cache)).n_frames().max(initial=0))


def cores() -> int:
    """Processes at a time for work on data."""
    return available_cores()


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _workers(config: Config) -> int:
    return config.launcher.workers or _gpus() or cores()


def _threads(config: Config) -> int:
    if config.train.threads:
        return config.train.threads
    if config.launcher.kind == "slurm":
        return 0  # what each job is given
    return cores() if config.launcher.kind == "inline" else max(1, cores() // _workers(config))

"""The stages of one run: pretrain, then embed every labelled set, then probe every task. Each is done once.

They are done in three parts, `pretrain`, `embed` and `probe`, which may run in different places. A stage's key is a
digest of its inputs; it is skipped when its done-marker names that key and its files are unaltered. So the same call
after a crash redoes only what was under way.
"""

import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file as save_arrays

from benchmark.config.schema import ProbeConfig, TaskConfig
from benchmark.data.batches import LabelledBatches, TrackBatches
from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError, first_line
from benchmark.files import atomic, digest, sha256, write_json
from benchmark.layout import CHECKPOINT, COST, METRICS, PARTS, PICTURES, WEIGHTS
from benchmark.pipeline.features import embed, features_file, load_features, save_features
from benchmark.pipeline.progress import job_progress
from benchmark.pipeline.run_folder import Run, is_done, locked, mark_done, part_of, set_status
from benchmark.train.distributed import ProcessGroup, is_main_process
from benchmark.train.loop import parameters, pick_device, pretrain, save_method
from benchmark.train.supervised import task_coding, task_loss
from benchmark.train.warm_start import load_all, load_matching, steps_spent
from benchmark.viz.samples import training_curves
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import get
from probes.probe import probe
from slurm.env import available_cores
from slurm.signals import Stopped, stop_requested

VERSION = 1  # of what the embed and probe stages compute; raise it when their results change


@dataclass(frozen=True)
class SetFile:
    """A labelled set on disk, and the hash of its content."""

    path: Path
    hash: str

    @classmethod
    def of(cls, path: Path) -> "SetFile":
        """The set in a file, which is checked; nothing is written."""
        return cls(path, LabelledSet.load(path, take_note=False).hash)


@dataclass(frozen=True)
class RunSpec:
    """One run and all it reads: enough for a worker process to do it and nothing more.

    A run that nothing is probed of is there for others to start from.
    """

    run: Run
    store: Path
    sets: dict[str, SetFile]  # labelled sets by name
    tasks: dict[str, TaskConfig]
    probe: ProbeConfig
    threads: int  # 0: as many as the job is given cores
    command: list[str]  # what was typed, for the record
    parent: Run | None = None  # starts from this run's weights
    origin: Path | None = None  # or starts from, or if pretrained consists of, the weights in this folder

    @cached_property
    def faces(self) -> dict[str, LabelledSet]:
        """The labelled sets this run is probed on."""
        return {name: LabelledSet.load(file.path) for name, file in self.sets.items()}

    def target(self, task: str) -> Target:
        """The target of a task.

        Raises:
            DataError: the set has no such target.
        """
        faces, name = self.faces[self.tasks[task].set], self.tasks[task].target
        if name not in faces.targets:
            raise DataError(f"task {task}: set {faces.name} has no target {name!r}; it has {', '.join(faces.targets)}")
        return faces.targets[name]


def do(work: RunSpec, part: str) -> None:
    """Brings one part of a run to its end, doing only what is not done yet.

    Raises:
        DataError: a part before it is not done.
        Stopped: this process was asked to stop; calling again goes on.
    """
    torch.set_num_threads(work.threads or available_cores())
    run = work.run
    group = ProcessGroup.from_environment() if part == "pretrain" and _trains(run) else ProcessGroup()
    if group.rank or not is_main_process():
        _help(work, group)
        return
    with locked(run.folder):
        stage = part
        try:
            run.create(work.command)
            for stage, key, make in _stages(work, group):
                if is_done(run.folder, stage, key):
                    continue
                if part_of(stage) != part:
                    if PARTS.index(part_of(stage)) < PARTS.index(part):
                        raise DataError(f"{stage} of {run.name} is not done; run the benchmark again")
                    break
                if stop_requested():
                    raise Stopped(f"before {stage}")
                set_status(run.folder, stage=stage, state="running")
                mark_done(run.folder, stage, key, make())
            for name in (CHECKPOINT, "error.log"):  # the checkpoint not before the marker, or a crash costs training
                (run.folder / name).unlink(missing_ok=True)
            set_status(run.folder, stage=stage, state="waiting" if missing(work) else "done")
        except Stopped:
            set_status(run.folder, stage=stage, state="stopped")
            raise
        except Exception as error:
            with suppress(OSError):  # on a full disk what went wrong first is what to tell
                (run.folder / "error.log").write_text(traceback.format_exc())
                set_status(run.folder, stage=stage, state="failed", error=first_line(error))
            raise


def job(work: RunSpec, part: str) -> None:
    """`do` as a job on a cluster, whose log tells where it runs and how far it is.

    Raises:
        DataError, Stopped: as `do`.
    """
    if not is_main_process():
        do(work, part)
        return
    with job_progress(work.run, part):
        do(work, part)


def _help(work: RunSpec, group: ProcessGroup) -> None:
    """What a process besides the first does: its share of the training, and no more."""
    if group.size > 1 and not is_done(work.run.folder, "pretrain", work.run.key):
        _pretrain(work, group)


def _trains(run: Run) -> bool:
    return get(run.method).trained and not run.weights


def missing(work: RunSpec) -> list[str]:
    """The stages of a run that are not done yet, in order; computes nothing."""
    stages = ["pretrain", *(f"embed-{name}" for name in work.sets), *(f"probe-{task}" for task in work.tasks)]
    for stage, key, _ in _stages(work, ProcessGroup()):
        if not is_done(work.run.folder, stage, key):
            break  # the keys of what follows need files that are not there yet
        stages.remove(stage)
    return stages


def _stages(work: RunSpec, group: ProcessGroup) -> Iterator[tuple[str, str, Callable[[], list[Path]]]]:
    """Stages as (name, key, maker), one by one, since a key may need the files of the stage before."""
    run = work.run
    yield "pretrain", run.key, lambda: _pretrain(work, group)
    weights = run.folder / WEIGHTS
    for name in work.sets:
        key = digest([VERSION, sha256(weights), work.sets[name].hash])
        yield f"embed-{name}", key, lambda name=name: _embed(work, name)  # type: ignore[misc]
    for task, config in work.tasks.items():
        features = features_file(run.folder, config.set)
        heads = [work.probe.heads, work.probe.seed]
        key = digest([VERSION, sha256(features), work.sets[config.set].hash, config.target, heads])
        yield f"probe-{task}", key, lambda task=task: _probe(work, task)  # type: ignore[misc]


def _pretrain(work: RunSpec, group: ProcessGroup) -> list[Path]:
    run = work.run
    torch.manual_seed(run.seed)
    method = _method(work)
    if run.weights:
        load_all(method, _origin(work))
        write_json(run.folder / COST, parameters(method))
        return [*save_method(method, run.folder), run.folder / COST]
    steps_before = 0
    if run.start:
        load_matching(method, _origin(work))
        steps_before = steps_spent(_origin(work))
    share = group.shard(run.train.batch_size)
    train: Any
    val: Any
    if run.task is not None:
        faces, target = work.faces[work.tasks[run.task].set], work.target(run.task)
        has_val = len(faces.indices("val")) > 0
        train = LabelledBatches(faces, target, "train", run.train.batch_size, (run.seed, 0), share)
        val = LabelledBatches(faces, target, "val", run.train.batch_size, (1,), share) if has_val else None
    else:
        store = TrackStore(work.store)
        train = TrackBatches(store, "train", method.frames, run.train.batch_size, (run.seed, 0), share)
        has_val = len(store.tracks("val")) > 0
        val = TrackBatches(store, "val", method.frames, run.train.batch_size, (1,), share) if has_val else None

    def progress(values: dict[str, Any]) -> None:
        set_status(run.folder, stage="pretrain", state="running", **values)

    made = pretrain(
        method,
        train,
        val,
        config=run.train,
        augment=run.augment,
        seed=run.seed,
        folder=run.folder,
        steps_before=steps_before,
        progress=progress,
        stop=stop_requested,
        group=group,
    )
    if (run.folder / METRICS).is_file():
        training_curves(run.folder / METRICS, run.folder / PICTURES / "training.png")
    return made


def _origin(work: RunSpec) -> Path:
    """The folder whose weights a run starts from or consists of, after a look that they are those it was planned with.

    Raises:
        DataError: they are missing, unfinished or others.
    """
    if work.parent is not None:
        if not is_done(work.parent.folder, "pretrain", work.parent.key):
            raise DataError(f"starts from {work.parent.name}, which is not trained; run the benchmark again")
        return work.parent.folder
    assert work.origin is not None
    if sha256(work.origin / WEIGHTS) not in (work.run.start, work.run.weights):
        raise DataError(f"{work.origin / WEIGHTS} has changed since the benchmark began; start it again")
    return work.origin


def _embed(work: RunSpec, name: str) -> list[Path]:
    method = _method(work)
    load_all(method, work.run.folder)
    path = features_file(work.run.folder, name)
    save_features(embed(method, work.faces[name].frames, pick_device(work.run.train.device)), path)
    return [path]


def _probe(work: RunSpec, task: str) -> list[Path]:
    run, config = work.run, work.tasks[task]
    faces, target = work.faces[config.set], work.target(task)
    features = load_features(features_file(run.folder, config.set))
    own_head = get(run.method).scored_by
    heads = [own_head] if own_head else work.probe.heads
    probed = probe(target, faces.split, features, heads=heads, seed=work.probe.seed, group=faces.group)
    record = {
        "schema": 1,
        "benchmark": run.benchmark,
        "variant": run.variant,
        "kind": run.kind,
        "seed": run.seed,
        "task": task,
        "target": config.target,
        "set": {"name": faces.name, "hash": faces.hash, "protocol": faces.protocol},
        "run": str(run.folder.relative_to(run.out)),
        "data": run.data_hash,
        **probed.record,
    }
    path, per_image = (run.folder / "probes" / f"{task}{end}" for end in (".json", ".safetensors"))
    with atomic(per_image) as temporary:
        ids = faces.image_ids[probed.arrays["rows"]].tolist()
        save_arrays(probed.arrays, temporary, metadata={"image_ids": json.dumps(ids)})
    write_json(path, record)
    return [path, per_image]


def _method(work: RunSpec) -> Method:
    run = work.run
    spec = EncoderSpec(size=run.size, width=run.encoder.width, dim=run.encoder.dim)
    kind = get(run.method)
    if run.task is None:
        return kind(spec, run.options)
    coding = task_coding(work.faces[work.tasks[run.task].set], work.target(run.task))
    return kind(spec, run.options, outputs=coding.width, loss=task_loss(coding))  # type: ignore[call-arg]

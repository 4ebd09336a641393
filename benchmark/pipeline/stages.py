"""Computes the stages of a run: pretrain, then embed every labelled set, then probe every task. Each is done once.

A stage is skipped when its marker names the hash of its present inputs and its files are unaltered, so that the same
call after a crash computes only what was interrupted.
"""

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file as save_arrays

from benchmark.config.schema import row_name
from benchmark.data.batches import LabelledBatches, TrackBatches
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError, first_line
from benchmark.files import atomic, digest, sha256, write_json
from benchmark.layout import (
    CHECKPOINT,
    COST,
    ERROR_LOG,
    METRICS,
    PARTS,
    PICTURES,
    WEIGHTS,
    features_file,
    heads_file,
    per_image_file,
    scores_file,
)
from benchmark.pipeline.features import embed, load_features, save_features
from benchmark.pipeline.progress import job_progress
from benchmark.pipeline.run_folder import Run, is_done, locked, mark_done, part_of, set_status
from benchmark.pipeline.run_spec import RunSpec, missing_stages, stage_keys
from benchmark.train.device import pick_device
from benchmark.train.distributed import ProcessGroup, is_main_process
from benchmark.train.loop import pretrain
from benchmark.train.supervised import task_coding, task_loss
from benchmark.train.trackers import TrackedRun, open_tracker
from benchmark.train.warm_start import load_matching, steps_spent
from benchmark.train.weights import load_method, parameter_counts, save_method
from benchmark.viz.samples import training_curves
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import get
from probes.few_shot import few_shot
from probes.fitted import save_heads
from probes.probe import Probed, probe
from probes.retrieval import retrieve
from probes.target import RETRIEVAL
from slurm.env import available_cores
from slurm.signals import Stopped, stop_requested


def run_part(spec: RunSpec, part: str) -> None:
    """Computes those stages of one part of a run that are not done yet.

    Raises:
        DataError: an earlier part is not done.
        Stopped: this process was asked to stop; calling again continues.
    """
    torch.set_num_threads(spec.threads or available_cores())
    run = spec.run
    group = ProcessGroup.from_environment() if part == "pretrain" and _is_trained(run) else ProcessGroup()
    if group.rank or not is_main_process():
        _run_secondary_process(spec, group)
        return
    with locked(run.folder):
        stage = part
        try:
            run.create(spec.command)
            for stage, key in stage_keys(spec):
                if is_done(run.folder, stage, key):
                    continue
                if part_of(stage) != part:
                    if PARTS.index(part_of(stage)) < PARTS.index(part):
                        raise DataError(f"{stage} of {run.name} is not done; run the benchmark again")
                    break
                if stop_requested():
                    raise Stopped(f"before {stage}")
                set_status(run.folder, stage=stage, state="running")
                with _exits_as_errors(run):
                    paths = _run_stage(spec, stage, group)
                mark_done(run.folder, stage, key, paths)
            for name in (CHECKPOINT, ERROR_LOG):  # the checkpoint not before the marker, or a crash costs training
                (run.folder / name).unlink(missing_ok=True)
            set_status(run.folder, stage=stage, state="waiting" if missing_stages(spec) else "done")
        except Stopped:
            set_status(run.folder, stage=stage, state="stopped")
            raise
        except Exception as error:
            with suppress(OSError):  # on a full disk the first error is the one to report
                (run.folder / ERROR_LOG).write_text(traceback.format_exc())
                set_status(run.folder, stage=stage, state="failed", error=first_line(error))
            raise


def run_logged_part(spec: RunSpec, part: str) -> None:
    """`run_part` as a job of its own, which logs its node, progress and end.

    Raises:
        DataError, Stopped: as `run_part`.
    """
    if not is_main_process():
        run_part(spec, part)
        return
    with job_progress(spec.run, part):
        run_part(spec, part)


def _run_secondary_process(spec: RunSpec, group: ProcessGroup) -> None:
    """Share of a process other than the first: of the training, and nothing else."""
    if group.size > 1 and not is_done(spec.run.folder, "pretrain", spec.run.key):
        with _exits_as_errors(spec.run):
            _pretrain(spec, group)


@contextmanager
def _exits_as_errors(run: Run) -> Iterator[None]:
    """Makes what a method raises that is no `Exception`, such as SystemExit, a failure of its run alone.

    Raises:
        DataError: in its place.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise DataError(f"{run.method} raised {error!r}, which would end the whole launch") from error


def _is_trained(run: Run) -> bool:
    return get(run.method).trained and not run.weights


def _run_stage(spec: RunSpec, stage: str, group: ProcessGroup) -> list[Path]:
    """Computes one stage; returns the files it wrote."""
    part, _, name = stage.partition("-")
    if part == "pretrain":
        return _pretrain(spec, group)
    return _embed(spec, name) if part == "embed" else _probe(spec, name)


def _pretrain(spec: RunSpec, group: ProcessGroup) -> list[Path]:
    run = spec.run
    torch.manual_seed(run.seed)
    method = _method(spec)
    if run.weights:
        load_method(method, _weights_folder(spec))
        write_json(run.folder / COST, parameter_counts(method))
        return [*save_method(method, run.folder), run.folder / COST]
    steps_before = 0
    if run.initial_weights:
        load_matching(method, _weights_folder(spec))
        steps_before = steps_spent(_weights_folder(spec))
    train, val = _batches(spec, method, group)

    def progress(values: dict[str, Any]) -> None:
        set_status(run.folder, stage="pretrain", state="running", **values)

    paths = pretrain(
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
        tracker=lambda: open_tracker(spec.tracker, _tracked(run)),
    )
    if (run.folder / METRICS).is_file():
        training_curves(run.folder / METRICS, run.folder / PICTURES / "training.png")
    return paths


def _tracked(run: Run) -> TrackedRun:
    """What a tracker is told of a run. Its identity is the same after every interruption."""
    folder = Path(run.out, run.benchmark)
    return TrackedRun(run.benchmark, run.name, digest([run.benchmark, run.key])[:16], run.identity, folder)


def _batches(spec: RunSpec, method: Method, group: ProcessGroup) -> tuple[Any, Any]:
    """Training batches, and validation batches or None: of a task's faces, or of tracks."""
    run = spec.run
    size = run.train.batch_size
    shard = group.shard(size)
    if run.task is not None:
        faces, target = spec.task_faces(run.task), spec.target(run.task)
        has_val = len(faces.indices("val")) > 0
        labelled = LabelledBatches(faces, target, "train", size, (run.seed, 0), shard)
        return labelled, LabelledBatches(faces, target, "val", size, (1,), shard) if has_val else None
    store = TrackStore(spec.store)
    has_val = len(store.tracks("val")) > 0
    tracks = TrackBatches(store, "train", method.frames, size, (run.seed, 0), shard, run.sampling)
    if not has_val:
        return tracks, None
    return tracks, TrackBatches(store, "val", method.frames, size, (1,), shard, run.sampling)


def _weights_folder(spec: RunSpec) -> Path:
    """The folder whose weights a run starts from or consists of.

    Raises:
        DataError: the weights are missing, unfinished, or not those the run was planned with.
    """
    if spec.parent is not None:
        if not is_done(spec.parent.folder, "pretrain", spec.parent.key):
            raise DataError(f"starts from {spec.parent.name}, which is not trained; run the benchmark again")
        return spec.parent.folder
    assert spec.initial_weights is not None
    if sha256(spec.initial_weights / WEIGHTS) not in (spec.run.initial_weights, spec.run.weights):
        raise DataError(f"{spec.initial_weights / WEIGHTS} has changed since the benchmark began; start it again")
    return spec.initial_weights


def _embed(spec: RunSpec, name: str) -> list[Path]:
    method = _method(spec)
    load_method(method, spec.run.folder)
    path = features_file(spec.run.folder, name)
    save_features(embed(method, spec.faces[name].frames, pick_device(spec.run.train.device)), path)
    return [path]


def _probe(spec: RunSpec, task: str) -> list[Path]:
    run, config = spec.run, spec.tasks[task]
    faces = spec.task_faces(task)
    features = load_features(features_file(run.folder, config.set), len(faces.frames))
    if config.target == RETRIEVAL:
        probed = retrieve(faces.targets, faces.split, features, faces.identity)
    else:
        probed = _probe_target(spec, task, features)
    record = {
        "schema": 1,
        "benchmark": run.benchmark,
        "variant": run.variant,
        "kind": run.kind,
        "seed": run.seed,
        "task": task,
        "target": config.target,
        "set": {"name": faces.name, "hash": spec.sets[config.set].hash, "protocol": faces.protocol},
        "run": str(run.folder.relative_to(run.out)),
        "data": run.data_hash,
        "encoder": _encoder(run),
        "dim": features.shape[1],
        **probed.record,
    }
    if config.target != RETRIEVAL and spec.probe.few_shot:
        record["few_shot"] = _few_shot(spec, task, features)
    scores, per_image, fitted = (path(run.folder, task) for path in (scores_file, per_image_file, heads_file))
    with atomic(per_image) as temporary:
        ids = faces.image_ids[probed.arrays["rows"]].tolist()
        save_arrays(probed.arrays, temporary, metadata={"image_ids": json.dumps(ids)})
    with atomic(fitted) as temporary:
        save_heads(probed.fitted, temporary)
    write_json(scores, record)
    return [scores, per_image, fitted]


def _probe_target(spec: RunSpec, task: str, features: NDArray[np.float32]) -> Probed:
    """The scores of one target by every head of the benchmark, or by the head of the run's method."""
    faces = spec.task_faces(task)
    return probe(
        spec.target(task),
        faces.split,
        features,
        heads=_heads(spec),
        metrics=[metric.target for metric in spec.parts.metrics],
        seed=spec.probe.seed,
        group=faces.group,
        people=faces.identity,
        options=spec.parts.options,
        refit=spec.probe.refit,
    )


def _few_shot(spec: RunSpec, task: str, features: NDArray[np.float32]) -> list[dict[str, Any]]:
    """The scores of one target by the same heads, fitted on fractions of the labels."""
    return few_shot(
        spec.target(task),
        spec.task_faces(task).split,
        features,
        fractions=spec.probe.few_shot,
        draws=spec.probe.draws,
        heads=_heads(spec),
        seed=spec.probe.seed,
        options=spec.parts.options,
        refit=spec.probe.refit,
    )


def _heads(spec: RunSpec) -> list[str]:
    """The heads of the benchmark, or the head of the run's method."""
    method_head = get(spec.run.method).scored_by
    return [method_head] if method_head else [head.target for head in spec.parts.heads]


def _encoder(run: Run) -> dict[str, Any] | None:
    """What a record says of the encoder; None for an embedding that is not the common encoder's."""
    method = get(run.method)
    if method.kind == "pretrained" or (method.kind == "floor" and not method.needs_statistics):
        return None
    return {"name": row_name(run.encoder.name), "width": run.encoder.width, "size": run.size}


def _method(spec: RunSpec) -> Method:
    run = spec.run
    encoder = EncoderSpec(size=run.size, **asdict(run.encoder))
    kind = get(run.method)
    if run.task is None:
        return kind(encoder, run.options)
    coding = task_coding(spec.task_faces(run.task), spec.target(run.task))
    return kind(encoder, run.options, outputs=coding.width, loss=task_loss(coding))  # type: ignore[call-arg]

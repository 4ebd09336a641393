"""Refuses a configuration whose values cannot work, before anything is computed."""

import math
from collections.abc import Iterable, Mapping

from benchmark.config.schema import SHIFTS, ConcatData, Config, TrainConfig, row_name
from benchmark.errors import UsageError, suggestion
from slurm.resources import Resources


def check(config: Config, trains: Mapping[str, TrainConfig], jobs: Mapping[str, Resources]) -> None:
    """Checks every number, choice and name; ``trains`` holds the training settings of each variant.

    ``jobs`` holds what the jobs of each stage ask a cluster for.

    Raises:
        UsageError: a number out of range, an unknown choice or task, a name that is used twice or no name.
    """
    for key, number, low, high in _ranges(config):
        _check_range(key, number, low, high)
    _check_train("train", config.train)
    for name, train in trains.items():
        _check_train(f"variants.{name}.train", train)
    _check_choice("launcher.kind", config.launcher.kind, ("inline", "local", "slurm"))
    for stage, resources in jobs.items():
        _check_resources(f"launcher.{stage}", resources, config.launcher.kind)
    if config.launcher.kind != "inline":
        _check_shares({name: trains[name] for name in config.methods}, jobs["pretrain"])
    for head in config.probe.heads:
        _check_choice("probe.heads", head, ("linear", "exact", "mean"))
    _check_choice("probe.table_head", config.probe.table_head, config.probe.heads)
    _check_names(config)
    _check_rows_and_tasks(config)


def _ranges(config: Config) -> list[tuple[str, float, float, float]]:
    """Key, value, least and greatest."""
    parts = len(config.data.parts) if isinstance(config.data, ConcatData) else 1
    return [
        ("encoder.width", config.encoder.width, 1, math.inf),
        ("encoder.dim", config.encoder.dim, 2, math.inf),
        ("data.size", config.data.size, 16, math.inf),
        ("data.jpeg_quality", config.data.jpeg_quality, 1, 100),
        ("the number of data.parts", parts, 1, math.inf),
        ("data.fps", getattr(config.data, "fps", 1.0), 0, math.inf),
        ("data.tighten", getattr(config.data, "tighten", 1.0), 0, math.inf),
        ("augment.translate", config.augment.translate, 0, 1),
        ("augment.scale", config.augment.scale, 0, 0.9),
        ("probe.seed", config.probe.seed, 0, 2**63 - 1),
        ("launcher.workers", config.launcher.workers, 0, 1024),
    ]


def _check_train(prefix: str, train: TrainConfig) -> None:
    for key in ("steps", "batch_size", "epoch_samples", "val_samples", "log_steps", "checkpoint_steps"):
        _check_range(f"{prefix}.{key}", getattr(train, key), 1)
    for key in ("lr", "weight_decay", "plateau_patience", "checkpoint_minutes"):
        _check_range(f"{prefix}.{key}", getattr(train, key), 0)
    for key, high in {"momentum": 1, "workers": 1024, "threads": 1024}.items():
        _check_range(f"{prefix}.{key}", getattr(train, key), 0, high)
    _check_range(f"{prefix}.picture_steps", train.picture_steps, 0)
    _check_range(f"{prefix}.curriculum_start", train.curriculum_start, 0, SHIFTS)
    if train.clip is not None:
        _check_range(f"{prefix}.clip", train.clip, 0)
    _check_choice(f"{prefix}.optimiser", train.optimiser, ("adam", "sgd"))
    _check_choice(f"{prefix}.schedule", train.schedule, ("one_cycle", "plateau", "constant"))
    _check_choice(f"{prefix}.amp", train.amp, ("auto", "bf16", "off"))
    _check_choice(f"{prefix}.device", train.device, ("auto", "cpu", "cuda"))


def _check_resources(prefix: str, resources: Resources, kind: str) -> None:
    for key in ("cpus_per_task", "nodes", "tasks_per_node", "pack"):
        _check_range(f"{prefix}.{key}", getattr(resources, key), 1)
    for key in ("gpus_per_node", "slurm_max_num_timeout"):
        _check_range(f"{prefix}.{key}", getattr(resources, key), 0)
    _check_range(f"{prefix}.slurm_signal_delay_s", resources.slurm_signal_delay_s, 1, 65535)
    if kind == "slurm" and (problem := resources.problem()):
        raise UsageError(f"{prefix}.{problem}")
    if kind == "local" and resources.nodes > 1:
        raise UsageError(f"{prefix}.nodes={resources.nodes}: launcher=local uses this machine alone")


def _check_shares(trains: Mapping[str, TrainConfig], pretrain: Resources) -> None:
    processes = pretrain.processes
    for name, train in trains.items():
        if train.batch_size % processes:
            raise UsageError(
                f"launcher.pretrain: {name}'s train.batch_size={train.batch_size} cannot be shared out among "
                f"{processes} processes"
            )


def _check_range(key: str, number: float, low: float, high: float = math.inf) -> None:
    if not low <= number <= high or math.isinf(number):  # NaN is in no range
        allowed = f"of at least {low}" if math.isinf(high) else f"from {low} to {high}"
        raise UsageError(f"{key}={number} must be a number {allowed}")


def _check_choice(key: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise UsageError(f"unknown {key}={value}{suggestion(value, allowed)}")


def _check_names(config: Config) -> None:
    """Refuses names that cannot be one folder's or file's."""
    rows = [row_name(name) for name in config.variants]
    named = {"name": [config.name], "data.name": [config.data.name], "variants": rows}
    for key, names in {**named, "sets": config.sets, "task": config.task}.items():
        for name in names:
            check_folder_name(key, name)


def check_folder_name(key: str, name: str) -> None:
    """Refuses a name that cannot be one folder's.

    Raises:
        UsageError: it is empty, hidden or a path, or cannot be shown in a line.
    """
    if not name.isprintable() or not name or "/" in name or name.startswith("."):
        raise UsageError(
            f"{key}: {name!r} cannot name a folder; leave out slashes, leading full stops and what cannot be printed"
        )


def _check_rows_and_tasks(config: Config) -> None:
    rows = [row_name(name) for name in config.methods]
    for key, names in (("methods", rows), ("tasks", config.tasks)):
        if not names:
            raise UsageError(f"{key} is empty: name at least one")
        if len(set(names)) < len(names):
            raise UsageError(f"{key}: {', '.join(names)} names one twice")
    for task in config.tasks:
        if task not in config.task:
            raise UsageError(f"unknown task {task!r}{suggestion(task, config.task)}")
        name = config.task[task].set
        if name not in config.sets:
            raise UsageError(f"task {task}: unknown set {name!r}{suggestion(name, config.sets)}")

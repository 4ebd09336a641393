"""Checks across several keys of a configuration, made before anything is computed."""

from benchmark.config.probing import check_probe
from benchmark.config.schema import Config, row_name
from benchmark.errors import UsageError, suggestion

LONGEST_NAME = 200  # bytes; files named after a row have up to 255


def check(config: Config) -> None:
    """Checks what spans several keys.

    Raises:
        UsageError: an unknown task, set or head, a name that is used twice or cannot be a folder's, walltimes too
            short to save a job, or a batch that cannot be shared out.
    """
    launcher = config.launcher
    for stage, resources in {"job": launcher.job, **launcher.resources}.items():
        if problem := resources.problem():
            raise UsageError(f"launcher.{stage}.{problem}")
        if launcher.kind == "slurm" and resources.timeout_min is None and stage != "job":
            raise UsageError(
                f"launcher.{stage}.timeout_min, the walltime in minutes, must be given; for all stages by "
                "launcher.job.timeout_min"
            )
        if launcher.kind == "local" and resources.nodes > 1:
            raise UsageError(f"launcher.{stage}.nodes={resources.nodes}: launcher=local uses this machine alone")
    if launcher.kind != "inline":
        _check_batches(config)
    _check_lists(config)
    check_probe(config.probe)
    _check_names(config)
    _check_tasks(config)


def _check_batches(config: Config) -> None:
    """Refuses batches that the processes of a training job cannot share equally."""
    processes = config.launcher.pretrain.processes
    for name in config.methods:
        batch_size = config.variants[name].train.batch_size
        if batch_size % processes:
            raise UsageError(
                f"launcher.pretrain: {name}'s train.batch_size={batch_size} cannot be shared out among "
                f"{processes} processes"
            )


def _check_names(config: Config) -> None:
    """Refuses names that cannot be one folder's or file's."""
    rows = [row_name(name) for name in config.variants]
    named = {"name": [config.name], "data.name": [config.data.name], "variants": rows}
    for key, names in {**named, "sets": config.sets, "task": config.task}.items():
        for name in names:
            check_folder_name(key, name)


def check_reference(config: Config) -> None:
    """Refuses a reference of the tables that is no row of the benchmark.

    Raises:
        UsageError: there is no such row.
    """
    rows = [row_name(name) for name in (*config.methods, *config.absent)]
    if (reference := config.tables.reference) is not None and reference not in rows:
        raise UsageError(f"tables.reference={reference} is not among methods={suggestion(reference, rows)}")


def check_folder_name(key: str, name: str) -> None:
    """Refuses a name that cannot be the name of one folder.

    Raises:
        UsageError: it is empty, hidden or a path, cannot be shown in a line, or is too long.
    """
    if len(name.encode()) > LONGEST_NAME:
        raise UsageError(f"{key}: {name[:20]}... cannot name a folder: it has more than {LONGEST_NAME} bytes")
    if not name.isprintable() or not name or "/" in name or name.startswith("."):
        raise UsageError(
            f"{key}: {name!r} cannot name a folder; leave out slashes, leading full stops and what cannot be printed"
        )


def _check_lists(config: Config) -> None:
    """Refuses empty lists and repeated names."""
    rows = [row_name(name) for name in config.methods]
    for key, names in (("methods", rows), ("tasks", config.tasks)):
        if not names:
            raise UsageError(f"{key} is empty: name at least one")
        if len(set(names)) < len(names):
            raise UsageError(f"{key}: {', '.join(names)} names one twice")


def _check_tasks(config: Config) -> None:
    """Refuses tasks and sets that do not exist."""
    for task in config.tasks:
        if task not in config.task:
            built_in = f"synthetic-{task}"  # needs no files, so that it is suggested before others
            near = suggestion(built_in if built_in in config.task else task, config.task)
            raise UsageError(f"tasks: unknown task {task!r}{near}")
        name = config.task[task].set
        if name not in config.sets:
            raise UsageError(f"task {task}: unknown set {name!r}{suggestion(name, config.sets)}")

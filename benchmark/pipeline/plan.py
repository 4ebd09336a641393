"""A benchmark as a plan: made once from a config, then described, executed here, or submitted to a cluster."""

import os
import sys
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from benchmark.config.checks import check_reference
from benchmark.config.data import SAMPLING
from benchmark.config.load import plain
from benchmark.config.probing import ProbeParts, resolve_probe
from benchmark.config.schema import Config, TrackerName, row_name
from benchmark.config.variants import Variant, WeightsFolder, resolve
from benchmark.data.verify_set import report_path
from benchmark.errors import DataError, FabbenchError, UsageError
from benchmark.pipeline import cluster, cluster_launch
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord, SetRecord
from benchmark.pipeline.budget import absent_rows, budget_note, laptop_warning, within_budget
from benchmark.pipeline.jobs import failures, run_jobs
from benchmark.pipeline.preparation import (
    PreparedData,
    check_data,
    check_track_length,
    data_warnings,
    describe_data,
    find_data,
    prepare_data,
    unknown_data,
)
from benchmark.pipeline.progress import RunsProgress
from benchmark.pipeline.results import render, write_tables
from benchmark.pipeline.run_folder import Run
from benchmark.pipeline.run_spec import RunSpec, missing_stages
from benchmark.progress import say
from probes.target import RETRIEVAL
from slurm.env import available_cores
from slurm.graph import Outcome
from slurm.launch import launch, load_executor
from slurm.submission import Submission


@dataclass(frozen=True)
class Summary:
    """Result of a launch."""

    folder: Path
    failed: list[Outcome]  # one a run
    submitted: Submission | None = None  # to a cluster: nothing has run yet


@dataclass(frozen=True)
class Plan:
    """What a benchmark consists of and what of it is missing.

    The identity of a run depends on the content of its data, so the runs are known once the data are prepared.
    """

    config: Config
    variants: dict[str, Variant]
    parts: ProbeParts
    data: PreparedData | None  # None: not all prepared yet
    command: list[str] = field(default_factory=lambda: list(sys.argv))  # command line of the launch, for the record

    @classmethod
    def of(cls, config: Config) -> "Plan":
        """Resolves and checks a configuration; computes and writes nothing.

        Raises:
            UsageError: settings that cannot work.
            DataError: data or weights that are missing or cannot be read, or a folder that cannot be written to.
        """
        _check_executor(config)
        _check_tracker(config.tracker)
        check_reference(config)
        variants = within_budget(resolve(config))
        parts = resolve_probe(config.probe)
        check_data(config, variants)
        data = find_data(config)
        check_writable("out", config.out)
        if data is None:  # what is missing of it will be written to the cache
            check_writable("cache", config.cache)
        return cls(config, variants, parts, data)

    def prepared(self) -> "Plan":
        """The plan with its data prepared: makes what is missing, and checks the rest.

        Raises:
            UsageError: tracks that are too short, or a set without a task's target.
            DataError: data that cannot be made.
        """
        return replace(self, data=prepare_data(self.config))

    def with_unknown_data(self) -> "Plan":
        """The plan of the same runs on data that are not known yet: their names, but not their folders."""
        return replace(self, data=unknown_data(self.config))

    def with_code_in(self, code: Path) -> "Plan":
        """The plan with all that is in users' files read from a snapshot.

        Raises:
            ClusterError: a file has changed since the snapshot.
        """
        variants = {}
        for name, variant in self.variants.items():
            encoder = replace(variant.encoder, name=cluster.in_snapshot(variant.encoder.name, code))
            variants[name] = replace(variant, method=cluster.in_snapshot(variant.method, code), encoder=encoder)
        parts = cluster.parts_in_snapshot(self.parts, code)
        return replace(self, variants=variants, parts=parts, config=cluster.config_in_snapshot(self.config, code))

    @property
    def targets(self) -> set[str]:
        """All that may be in users' files: methods, encoders, heads, metrics, sets and a source of tracks."""
        of_variants = {target for each in self.variants.values() for target in (each.method, each.encoder.name)}
        of_probes = {part.target for part in (*self.parts.heads, *self.parts.metrics)}
        return of_variants | of_probes | cluster.own_targets(self.config)

    @property
    def folder(self) -> Path:
        """The benchmark's folder."""
        return Path(self.config.out, self.config.name)

    @cached_property
    def runs(self) -> list[RunSpec]:
        """Every run of the benchmark with everything it reads, each after the run it starts from.

        A row without randomness is run once, with the first seed; a row trained on labels once for each seed and
        task that has some. A variant that only others start from is trained and not probed.

        Raises:
            UsageError: tracks too short for a variant's samples.
        """
        assert self.data is not None
        check_track_length(self.variants, self.data.longest_track)
        specs: list[RunSpec] = []
        runs: dict[tuple[str, int], Run] = {}
        for variant in self.variants.values():
            for seed in self.config.seeds[:1] if variant.fixed else self.config.seeds:
                parent = runs[variant.parent, seed] if variant.parent else None
                if variant.kind == "ceiling":
                    specs += [self._spec(variant, seed, [task], parent, label_task=task) for task in self._label_tasks]
                    continue  # no other run starts from it
                specs.append(self._spec(variant, seed, self._probed_tasks(variant), parent))
                runs[variant.name, seed] = specs[-1].run
        return specs

    @cached_property
    def open_runs(self) -> list[RunSpec]:
        """The runs of which a stage is missing."""
        return [spec for spec in self.runs if missing_stages(spec)]

    def describe(self) -> list[str]:
        """What a launch would do, a line each, and on a cluster the parameters of the job arrays.

        Raises:
            ClusterError: Slurm cannot be reached.
        """
        config = self.config
        lines = describe_data(config)
        if self.data is None:
            for variant in self.variants.values():
                if variant.parent:
                    lines.append(f"start    {variant.name}: from {variant.parent} of the same seed")
            size = f"{len(config.methods)} variants x {len(config.seeds)} seeds x {len(config.tasks)} tasks"
            lines.append(f"runs     {size}, once the data are there")
        else:
            for spec in self.runs:
                missing = ", ".join(missing_stages(spec))
                after = f" (after {spec.parent.name})" if spec.parent and missing else ""
                lines.append(f"run      {spec.run.name}: {missing or 'done'}{after}  [{spec.run.folder}]")
        return lines + (cluster_launch.describe(self) if config.launcher.kind == "slurm" else [])

    def run(self) -> Summary:
        """Prepares the data, then runs what is missing and writes the tables, or submits all of that to a cluster."""
        if self.config.launcher.kind == "slurm":
            return Summary(self.folder, [], cluster_launch.launch(self))
        plan = self.prepared()
        plan.announce(plan.record())
        outcomes = plan.execute() if plan.open_runs else []
        write_tables(plan.folder, plan.config.probe.table_head)
        return Summary(plan.folder, failures(outcomes))

    def announce(self, record: BenchmarkRecord) -> None:
        """Writes the record of a launch, and says what is to do."""
        for warning in record.warnings:
            say(f"warning: {warning}")
        record.write(self.folder)
        n_open = len(self.open_runs)
        say(f"{len(self.runs)} runs: {len(self.runs) - n_open} done, {n_open} to do")

    def execute(self) -> list[Outcome]:
        """Runs what is missing on this machine; returns how each job ended."""
        launcher = self.config.launcher
        logs = self.folder / "logs" / time.strftime("%Y%m%d-%H%M%S")
        with RunsProgress([spec.run for spec in self.open_runs], self._show_tables_so_far):
            jobs = run_jobs(self.open_runs, self.variants)
            workers = _workers(self.config)
            return launch(jobs, launcher.kind, workers, logs, _gpus(), launcher.resources, launcher.executor)

    def _show_tables_so_far(self) -> None:
        """Prints the first table from the runs that have ended, while others go on."""
        try:
            first = render(self.folder, "text", self.config.probe.table_head, full=False)
            say(f"so far:\n\n{first}\n")
        except FabbenchError as error:  # tables at the end will say so again
            say(f"no tables so far: {error}")

    def record(self) -> BenchmarkRecord:
        """What the benchmark consists of, for those who read its folder."""
        from benchmark.data.tracks.store import TrackStore

        assert self.data is not None
        store = TrackStore(self.data.store)
        tracks = store.tracks("train")
        budget = budget_note(self.variants, int(store.n_frames()[tracks].sum()))
        sets = {
            name: SetRecord(file.hash, str(file.path), str(report_path(file.path)))
            for name, file in self.data.sets.items()
        }
        return BenchmarkRecord(
            benchmark=self.config.name,
            runs=[_run_record(spec) for spec in self.runs if spec.tasks],
            starts=[_run_record(spec) for spec in self.runs if not spec.tasks],
            tasks=self.config.tasks,
            sets=sets,
            absent=self.config.absent,
            note="\n".join(filter(None, [self.config.note, budget])),
            warnings=[*data_warnings(self.data), *self._budget_warnings(len(tracks)), *self._rows_without_runs()],
            config=plain(self.config),
        )

    def _budget_warnings(self, n_tracks: int) -> list[str]:
        warning = laptop_warning(self.variants, n_tracks)
        return [warning] if warning else []

    def _rows_without_runs(self) -> list[str]:
        """A line for each row that is a gap: without weights, or trained on labels where no task has any."""
        ceilings = [variant.name for variant in self.variants.values() if variant.kind == "ceiling"]
        without_labels = [] if self._label_tasks else ceilings
        reason = "is trained on the labels of a task, and retrieval has none to train on"
        return [*absent_rows(self.config), *(f"row {name} is left out: it {reason}" for name in without_labels)]

    @property
    def _label_tasks(self) -> list[str]:
        """The tasks that a row can be trained on: all but retrieval, where nothing is predicted."""
        return [task for task in self.config.tasks if self.config.task[task].target != RETRIEVAL]

    def _probed_tasks(self, variant: Variant) -> list[str]:
        is_row = variant.name in {row_name(name) for name in self.config.methods}
        return self.config.tasks if is_row else []

    def _spec(
        self, variant: Variant, seed: int, tasks: list[str], parent: Run | None, label_task: str | None = None
    ) -> RunSpec:
        assert self.data is not None
        config = self.config
        task_configs = {name: config.task[name] for name in tasks}
        sets = {task.set: self.data.sets[task.set] for task in task_configs.values()}
        data_hash = sets[task_configs[label_task].set].hash if label_task else self.data.store_hash
        return RunSpec(
            run=_run(config, variant, seed, label_task, data_hash, parent),
            store=self.data.store,
            sets=sets,
            tasks=task_configs,
            probe=config.probe,
            parts=self.parts,
            threads=_threads(config),
            command=self.command,
            tracker=config.tracker,
            parent=parent,
            initial_weights=variant.init_folder or variant.weights,
        )


def _check_executor(config: Config) -> None:
    """Refuses an executor of the user's own that cannot be imported.

    Raises:
        UsageError: it cannot.
    """
    if config.launcher.kind == "local":
        try:
            load_executor(config.launcher.executor)
        except ValueError as error:
            raise UsageError(f"launcher.executor: {error}") from error


def _check_tracker(name: TrackerName) -> None:
    """Refuses a tracker whose package is not installed.

    Raises:
        UsageError: it is not.
    """
    if name != "none" and find_spec(name) is None:
        raise UsageError(f"tracker={name}: the package {name} is not installed; pip install 'fab-bench[{name}]'")


def check_writable(key: str, folder: str) -> None:
    """Refuses a folder that cannot be written to, before hours are spent on results that belong there.

    Args:
        key: of the configuration, for the message.
        folder: its value.

    Raises:
        DataError: it cannot.
    """
    existing = next(path for path in [Path(folder), *Path(folder).absolute().parents] if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise DataError(f"{key}={folder}: {existing} is not a folder that can be written to; choose another")


def _run(config: Config, variant: Variant, seed: int, task: str | None, data_hash: str, parent: Run | None) -> Run:
    from methods.encoders import ENCODERS, get_encoder
    from methods.registry import METHODS

    initial_weights = None
    if parent:
        initial_weights = parent.key
    elif variant.init_folder:
        initial_weights = WeightsFolder(variant.init_folder).hash
    return Run(
        out=config.out,
        benchmark=config.name,
        data=variant.kind if variant.weights else task or config.data.name,
        variant=variant.name,
        method=variant.method,
        version=METHODS.get(variant.method).version,
        kind=variant.kind,
        seed=seed,
        options=variant.options,
        encoder=variant.encoder,
        size=variant.size,
        augment=variant.augment,
        train=variant.train,
        data_hash=data_hash,
        task=task,
        sampling=SAMPLING if task else config.data.sampling,
        code=METHODS.code(variant.method),
        encoder_version=get_encoder(variant.encoder.name).version,
        encoder_code=ENCODERS.code(variant.encoder.name),
        initial_weights=initial_weights,
        weights=WeightsFolder(variant.weights).hash if variant.weights else None,
    )


def _run_record(spec: RunSpec) -> RunRecord:
    run = spec.run
    return RunRecord(
        run=str(run.folder.relative_to(run.out)),
        name=run.name,
        variant=run.variant,
        kind=run.kind,
        seed=run.seed,
        sets=list(spec.sets),
        tasks=list(spec.tasks),
        trained_on=WeightsFolder(spec.initial_weights).trained_on if run.weights and spec.initial_weights else "",
    )


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _workers(config: Config) -> int:
    """Workers of the local launcher: as many as have GPUs or cores of their own."""
    if config.launcher.workers:
        return config.launcher.workers
    resources = config.launcher.pretrain
    gpus = _gpus()
    if gpus:
        return max(1, gpus // max(1, resources.gpus_per_node))
    return max(1, available_cores() // resources.tasks_per_node)


def _threads(config: Config) -> int:
    """Threads of a run on the CPU; 0: as many as its job is given cores."""
    if config.train.threads:
        return config.train.threads
    if config.launcher.kind == "slurm":
        return 0
    if config.launcher.kind == "inline":
        return available_cores()
    processes = config.launcher.pretrain.tasks_per_node
    return max(1, available_cores() // (_workers(config) * processes))

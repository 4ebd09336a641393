"""A run with everything it reads, and the stages it consists of.

The stages are `pretrain`, `embed-<set>` for every labelled set and `probe-<task>` for every task. They are grouped in
three parts, `pretrain`, `embed` and `probe`, which may run in different jobs. A stage's key is a hash of its inputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.probing import ProbeParts
from benchmark.config.schema import ProbeConfig, TaskConfig, TrackerName
from benchmark.errors import DataError
from benchmark.files import digest, sha256
from benchmark.layout import WEIGHTS, features_file
from benchmark.pipeline.run_folder import Run, is_done, part_of

if TYPE_CHECKING:
    from benchmark.data.faces.labelled_set import LabelledSet, Target

VERSION = 1  # of what the embed stage computes; raise it when its results change
FEW_SHOT_VERSION = 1  # of what `probes.few_shot` computes
PROBE_VERSION = 2  # of what the probe stage computes beside the heads, which have versions of their own


@dataclass(frozen=True)
class SetFile:
    """A labelled set on disk, and the hash of its content."""

    path: Path
    hash: str


@dataclass(frozen=True)
class RunSpec:
    """One run and everything it reads: all that a worker process needs.

    A run without tasks is trained for other runs to start from, and not probed.
    """

    run: Run
    store: Path  # of the tracks it is trained on
    sets: dict[str, SetFile]  # labelled sets by name
    tasks: dict[str, TaskConfig]
    probe: ProbeConfig
    parts: ProbeParts  # heads and metrics
    threads: int  # 0: as many as the job is given cores
    command: list[str]  # command line of the launch, for the record
    tracker: TrackerName  # that training is logged to
    parent: Run | None = None  # training starts from the weights of this run
    initial_weights: Path | None = None  # or from those in this folder; for a pretrained row, the weights themselves

    @cached_property
    def faces(self) -> "dict[str, LabelledSet]":
        """The labelled sets by name."""
        from benchmark.data.faces.labelled_set import LabelledSet

        return {name: LabelledSet.load(file.path) for name, file in self.sets.items()}

    def task_faces(self, task: str) -> "LabelledSet":
        """The labelled set of a task, divided as the task needs it.

        Raises:
            DataError: its people cannot be told apart.
        """
        from benchmark.data.faces.people import faces_of_task

        config = self.tasks[task]
        return faces_of_task(self.faces[config.set], config.target)

    def target(self, task: str) -> "Target":
        """The target of a task.

        Raises:
            DataError: the set has no such target.
        """
        from benchmark.data.faces.targets import with_protocol

        faces, name = self.task_faces(task), self.tasks[task].target
        if name not in faces.targets:
            raise DataError(f"task {task}: set {faces.name} has no target {name!r}; it has {', '.join(faces.targets)}")
        return with_protocol(faces.targets[name], faces.protocol)


def stage_keys(spec: RunSpec) -> Iterator[tuple[str, str]]:
    """Name and key of every stage, in order.

    Lazy: the key of a stage reads files that the stages before it write.
    """
    folder = spec.run.folder
    yield "pretrain", spec.run.key
    for name, file in spec.sets.items():
        yield f"embed-{name}", digest([VERSION, sha256(folder / WEIGHTS), file.hash])
    for task, config in spec.tasks.items():
        features = sha256(features_file(folder, config.set))
        probe = _probe_identity(spec)
        yield f"probe-{task}", digest([PROBE_VERSION, features, spec.sets[config.set].hash, config.target, probe])


def _probe_identity(spec: RunSpec) -> list[Any]:
    """What the scores of a task depend on beside features and labels."""
    parts = spec.parts
    identity: list[Any] = [[head.identity for head in parts.heads], spec.probe.seed]
    if parts.metrics or parts.options:
        identity += [[metric.identity for metric in parts.metrics], parts.options]
    if spec.probe.refit:
        identity.append("refit")
    if spec.probe.few_shot:
        identity.append({"few_shot": [FEW_SHOT_VERSION, spec.probe.few_shot, spec.probe.draws]})
    return identity


def missing_stages(spec: RunSpec) -> list[str]:
    """The stages that are not done, in order."""
    stages = ["pretrain", *(f"embed-{name}" for name in spec.sets), *(f"probe-{task}" for task in spec.tasks)]
    for stage, key in stage_keys(spec):
        if not is_done(spec.run.folder, stage, key):
            break  # the keys of the later stages need files that are not written yet
        stages.remove(stage)
    return stages


def missing_parts(spec: RunSpec) -> list[str]:
    """The parts that are not done, in order."""
    return list(dict.fromkeys(part_of(stage) for stage in missing_stages(spec)))

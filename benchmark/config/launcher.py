"""Schema of the launcher: where the stages of a benchmark run, and what their jobs ask a cluster for."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from benchmark.config.base import Schema, Whole, check_keys, merged
from slurm.resources import Resources

STAGES = ("prepare", "submit", "pretrain", "embed", "probe", "tables")  # whose jobs ask for resources of their own

LEAST = {
    **{"cpus_per_task": 1, "gpus_per_node": 0, "nodes": 1, "tasks_per_node": 1, "pack": 1},
    **{"timeout_min": 1, "slurm_array_parallelism": 1, "slurm_signal_delay_s": 1, "slurm_max_num_timeout": 0},
}


def _check_resources(resources: Resources) -> Resources:
    for key, least in LEAST.items():
        value = getattr(resources, key)
        if value is not None and value < least:
            raise PydanticCustomError(
                "out_of_range", "must be at least {least}", {"key": key, "value": value, "least": least}
            )
    return resources


JobResources = Annotated[
    Resources, BeforeValidator(lambda values: check_keys(Resources, values)), AfterValidator(_check_resources)
]


@dataclass(frozen=True)
class LauncherConfig(Schema):
    """Where stages run.

    ``job`` is what the jobs of every stage ask a cluster for; a stage's own keys override it. The keys are those of
    `slurm.resources.Resources`.
    """

    kind: Literal["inline", "local", "slurm"] = "inline"  # this process | worker processes here | a Slurm cluster
    workers: Annotated[Whole, Field(ge=0, le=1024)] = 0  # local: jobs at a time; 0: one a GPU or core
    executor: str = "submitit:LocalExecutor"  # local: MODULE:CLASS with the interface of submitit.Executor
    parts: Annotated[Whole, Field(ge=1, le=100_000)] = 16  # slurm: jobs that share the packing of the tracks
    job: JobResources = Field(default_factory=Resources)
    prepare: JobResources = Field(default_factory=Resources)  # of tracks and labelled sets; a process for each CPU
    submit: JobResources = Field(default_factory=Resources)  # the job that submits the runs once the data are there
    pretrain: JobResources = Field(default_factory=Resources)
    embed: JobResources = Field(default_factory=Resources)
    probe: JobResources = Field(default_factory=Resources)
    tables: JobResources = Field(default_factory=Resources)
    python: str | None = None  # runs Python in a job: a path, or a container's command; default: this Python
    logs: str | None = None  # folder of the jobs' output; default: logs/slurm in the benchmark's folder
    snapshots: str | None = None  # folder of the code that jobs run; default: snapshots in the benchmark's folder

    @model_validator(mode="before")
    @classmethod
    def _share_job(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        job = values.get("job", {})
        return {**values, **{stage: merged(job, values.get(stage, {})) for stage in STAGES}}

    @property
    def resources(self) -> dict[str, Resources]:
        """What the jobs of each stage ask for, by stage."""
        return {stage: getattr(self, stage) for stage in STAGES}

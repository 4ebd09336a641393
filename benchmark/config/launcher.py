"""Schema of the launcher: where the stages of a benchmark run, and what their jobs ask a cluster for."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from benchmark.config.base import Schema, Whole, check_keys, merged
from slurm.resources import Resources

STAGES = ("prepare", "pretrain", "embed", "probe", "tables")  # whose jobs ask for resources of their own

# Options that every batch script sets, so that jobs and their output are found again and stop in order.
RESERVED_OPTIONS = (
    "--array",
    "--chdir",
    "--dependency",
    "--error",
    "--job-name",
    "--kill-on-invalid-dep",
    "--no-requeue",
    "--open-mode",
    "--output",
    "--parsable",
    "--signal",
    "--test-only",
    "--wait",
    "--wrap",
)
RESERVED_LETTERS = ("-a", "-D", "-d", "-e", "-J", "-o", "-W")
LEAST = {"minutes": 0, "cpus": 1, "gpus": 0, "nodes": 1, "processes": 1, "pack": 1, "parallel": 0}


def _check_resources(resources: Resources) -> Resources:
    for key, least in LEAST.items():
        if (value := getattr(resources, key)) < least:
            raise PydanticCustomError(
                "out_of_range", "must be at least {least}", {"key": key, "value": value, "least": least}
            )
    if resources.pack > 1 and (resources.nodes > 1 or resources.processes > 1):
        raise ValueError("jobs of several nodes or processes cannot be packed; leave out pack or the others")
    for option in resources.options:
        if not option.startswith("-"):
            raise ValueError(f"options: {option!r} is not an option of sbatch, such as --exclude=n3")
        if option.partition("=")[0] in RESERVED_OPTIONS or option[:2] in RESERVED_LETTERS:
            raise ValueError(f"options: {option} cannot be set: fabbench sets it to find and stop its jobs")
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
    workers: Annotated[Whole, Field(ge=0, le=1024)] = 0  # local: processes at a time; 0: one a core
    job: JobResources = Field(default_factory=Resources)
    prepare: JobResources = Field(default_factory=Resources)
    pretrain: JobResources = Field(default_factory=Resources)
    embed: JobResources = Field(default_factory=Resources)
    probe: JobResources = Field(default_factory=Resources)
    tables: JobResources = Field(default_factory=Resources)
    setup: list[str] = Field(default_factory=list)  # shell lines before a job: module load cuda, conda activate fab
    python: str | None = None  # runs Python in a job: a path, or a container's command; default: this Python
    logs: str | None = None  # folder of the jobs' output; default: logs/slurm in the benchmark's folder
    snapshots: str | None = None  # folder of the code that jobs run; default: snapshots in the benchmark's folder
    notice_seconds: Annotated[Whole, Field(ge=1, le=65535)] = 180  # warning before the walltime ends, to save
    requeues: Annotated[Whole, Field(ge=0)] = 100  # restarts after which a job is not queued again

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

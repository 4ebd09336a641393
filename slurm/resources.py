"""Resources requested by the jobs of a stage, and settings common to all jobs of a submission."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Resources:
    """Resources of one job. None or 0 leaves the choice to the cluster."""

    minutes: int = 0  # walltime; a job that saves its state is requeued before it ends
    cpus: int = 1  # per process
    gpus: int = 0  # per node
    memory: str | None = None  # per node, in sbatch's notation: 16G
    nodes: int = 1
    processes: int = 1  # per node, for jobs that train on several GPUs
    pack: int = 1  # jobs that run side by side in one allocation and share its GPUs
    parallel: int = 0  # jobs of an array that run at the same time; 0: no limit
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    reservation: str | None = None
    options: list[str] = field(default_factory=list)  # other sbatch options, as on the command line: --exclude=n3


@dataclass(frozen=True)
class Site:
    """How jobs start on a cluster."""

    name: str  # first word of the job names
    python: str  # command that runs Python on a node: a path, or a container's command
    snapshot: Path  # the code to run
    setup: tuple[str, ...] = ()  # shell lines before Python starts: module load, conda activate
    notice_seconds: int = 180  # time between the signal to save state and the end of the walltime
    requeues: int = 100  # restarts after which a job is not requeued again

"""What the jobs of a stage ask a cluster for, and what all jobs of a submission have in common."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Resources:
    """What one job asks for; what is None or 0 is left to the cluster's own defaults."""

    minutes: int = 0  # walltime; a job that can save itself is queued again before it ends
    cpus: int = 1  # for each process
    gpus: int = 0  # on each node
    memory: str | None = None  # on each node, as sbatch reads it: 16G
    nodes: int = 1
    processes: int = 1  # of one job on each node, for jobs that train on several GPUs together
    pack: int = 1  # jobs that share one allocation and its GPUs, as processes side by side
    parallel: int = 0  # jobs of an array that run at a time; 0: as many as there is room for
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    reservation: str | None = None
    options: list[str] = field(default_factory=list)  # any other options of sbatch, as typed: --exclude=n3


@dataclass(frozen=True)
class Site:
    """How jobs start on a cluster."""

    name: str  # the first word of the jobs' names
    python: str  # runs Python there: its path, or a container's command before it
    snapshot: Path  # the code they run
    setup: tuple[str, ...] = ()  # shell lines before it: module load, conda activate
    notice_seconds: int = 180  # before its walltime ends, a job is told to save itself
    requeues: int = 100  # after so many restarts a job is not queued again

"""Resources requested by the jobs of a stage, and settings common to all jobs of a submission."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

# Options that submission sets itself: with other values no command would find the job again, or it would not restart.
OWN_OPTIONS = (
    *("array", "chdir", "dependency", "error", "job-name", "kill-on-invalid-dep", "no-requeue", "open-mode", "output"),
    *("parsable", "requeue", "signal", "test-only", "time", "wait", "wrap"),
)


@dataclass
class Resources:
    """Resources of one job, in the vocabulary of `submitit.AutoExecutor.update_parameters`, and `pack`.

    None leaves the choice to the cluster.
    """

    timeout_min: int | None = None  # walltime, required on Slurm; a job that saves its state is requeued before it ends
    cpus_per_task: int = 1
    gpus_per_node: int = 0
    tasks_per_node: int = 1  # processes of one job, for jobs that train on several GPUs
    nodes: int = 1
    mem_gb: float | None = None  # per node
    pack: int = 1  # jobs that run side by side in one allocation and share its GPUs
    slurm_partition: str | None = None
    slurm_account: str | None = None
    slurm_qos: str | None = None
    slurm_constraint: str | None = None
    slurm_exclude: str | None = None  # nodes
    slurm_nodelist: str | None = None
    slurm_gres: str | None = None
    slurm_exclusive: bool | None = None
    slurm_cpus_per_gpu: int | None = None
    slurm_gpus_per_task: int | None = None
    slurm_mem_per_gpu: str | None = None
    slurm_mem_per_cpu: str | None = None
    slurm_comment: str | None = None
    slurm_wckey: str | None = None
    slurm_mail_type: str | None = None
    slurm_mail_user: str | None = None
    slurm_array_parallelism: int | None = None  # jobs of an array that run at the same time
    slurm_signal_delay_s: int = 180  # time between the signal to save state and the end of the walltime
    slurm_max_num_timeout: int = 100  # restarts after which a job is not requeued again
    slurm_setup: list[str] = field(default_factory=list)  # shell lines before Python starts: module load cuda
    slurm_srun_args: list[str] = field(default_factory=list)
    slurm_additional_parameters: dict[str, Any] = field(default_factory=dict)  # other sbatch options: reservation: name

    def problem(self) -> str | None:
        """What makes these resources unusable, as a message that starts with the name of a field; None: nothing."""
        if self.timeout_min is not None and self.timeout_min * 60 <= self.slurm_signal_delay_s:
            return (
                f"timeout_min={self.timeout_min} leaves no time before slurm_signal_delay_s="
                f"{self.slurm_signal_delay_s}, when a job is told to leave; give more minutes or a shorter delay"
            )
        if self.pack > 1 and (self.nodes > 1 or self.tasks_per_node > 1):
            return (
                f"pack={self.pack}: jobs of several nodes or processes cannot be packed; leave out pack or the others"
            )
        for option in self.slurm_additional_parameters:
            if option.replace("_", "-") in OWN_OPTIONS:
                return f"slurm_additional_parameters: {option} cannot be set, or no command would find the job again"
        return None

    @property
    def processes(self) -> int:
        """Number of processes of one job."""
        return self.nodes * self.tasks_per_node

    def submitit_parameters(self) -> dict[str, Any]:
        """The given fields as arguments of `submitit.AutoExecutor.update_parameters`."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        del values["pack"], values["slurm_max_num_timeout"]  # the latter is an argument of the executor's constructor
        return {name: value for name, value in values.items() if value not in (None, [], {})}

    def slurm_options(self) -> dict[str, Any]:
        """The fields ``slurm_*`` that are given, without their prefix."""
        names = [each.name for each in fields(self) if each.name.startswith("slurm_")]
        values = {name.removeprefix("slurm_"): getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Site:
    """How jobs start on a cluster."""

    name: str  # first word of the job names
    python: str  # command that runs Python on a node: a path, or a container's command
    snapshot: Path  # the code to run

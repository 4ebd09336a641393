"""Submission of one job array through `submitit.SlurmExecutor`."""

import io
import os
import shlex
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from slurm.arrays import Array
from slurm.commands import KEPT, SlurmError
from slurm.member import Member, write_bundle
from slurm.resources import Resources, Site
from slurm.snapshot import ABOUT

# A notice before submitit has installed its handler would end the process. Ignored signals stay so across exec.
IGNORE_EARLY_NOTICE = 'bash -c \'trap "" USR2; exec "$@"\' bash'

# Replaced by job ids in paths, by submitit and by Slurm.
PATTERNS = ("%A", "%a", "%j", "%t")

# Options of `Resources` that `parameters` combines with its own; the others go to submitit as they are.
COMBINED = ("array_parallelism", "max_num_timeout", "setup", "srun_args", "additional_parameters", "wckey")


def parameters(array: Array, name: str, resources: Resources, site: Site, logs: Path) -> dict[str, Any]:
    """Arguments of `submitit.SlurmExecutor.update_parameters` for an array.

    submitit numbers the members of an array from 0; the option ``array`` selects those that exist, so that a member
    keeps the index of the one it depends on.

    Raises:
        SlurmError: the resources cannot be used.
    """
    if resources.timeout_min is None:  # submitit would request 5 minutes
        raise SlurmError("timeout_min, the walltime in minutes, must be given")
    if problem := resources.problem():
        raise SlurmError(problem)
    output = f"{str(logs).replace('%', '%%')}/{array.stage}-%A_%a.log"
    cpus = resources.cpus_per_task * resources.pack  # packed jobs are processes of one task
    given = resources.slurm_options()
    limit = f"%{resources.slurm_array_parallelism}" if resources.slurm_array_parallelism else ""
    options = {
        "array": index_list(sorted(array.members)) + limit,
        "output": output,  # submitit's would be in its own folder
        "requeue": True,
        **({} if array.afterany else {"kill-on-invalid-dep": "yes"}),
        **{key.replace("_", "-"): value for key, value in resources.slurm_additional_parameters.items()},
    }
    return {
        "job_name": name,
        "time": resources.timeout_min,
        "nodes": resources.nodes,
        "ntasks_per_node": resources.tasks_per_node,
        "cpus_per_task": None if resources.slurm_cpus_per_gpu else cpus,
        "gpus_per_node": resources.gpus_per_node or None,
        "mem": None if resources.mem_gb is None else f"{round(resources.mem_gb * 1024)}M",
        "dependency": array.dependency or None,
        "wckey": resources.slurm_wckey,
        "stderr_to_stdout": True,
        "setup": ["set -e", *resources.slurm_setup, *_use_snapshot(site.snapshot)],  # a failing line fails the job
        "srun_args": [
            *([] if resources.slurm_cpus_per_gpu else [f"--cpus-per-task={cpus}"]),
            *("--kill-on-bad-exit=1", "--wait=0", f"--output={output}", "--open-mode=append"),
            *resources.slurm_srun_args,
        ],
        "additional_parameters": {key: value for key, value in options.items() if value is not None},
        **{key: value for key, value in given.items() if key not in COMBINED},
    }


def submit_array(array: Array, name: str, resources: Resources, site: Site, folder: Path, logs: Path) -> str:
    """Put an array into Slurm's queue and return its job id.

    Args:
        array: the array; those it depends on must have been submitted.
        name: name in the queue.
        resources: resources of one member.
        site: how jobs start on this cluster.
        folder: submitit's folder, used by this launch alone.
        logs: folder of the log files.

    Raises:
        SlurmError: the submission was refused.
    """
    if any(pattern in str(folder) for pattern in PATTERNS):
        raise SlurmError(
            f"{folder}: submitit cannot keep its files in a folder with {', '.join(PATTERNS)} in its path; "
            "choose another folder"
        )
    bundle = folder / f"{array.stage}-{len(list(folder.glob('*.bundle')))}.bundle"
    packed = resources.pack > 1
    write_bundle(
        bundle,
        {
            index: [
                (job, log_path(array, index, position, resources, logs) if packed else None)
                for position, job in enumerate(jobs)
            ]
            for index, jobs in array.members.items()
        },
    )
    member = Member(bundle, resources.slurm_max_num_timeout, packed)
    size = max(2, 1 + max(array.members))  # submitit makes no array of a single call
    cluster = {key: os.environ[key] for key in KEPT if key in os.environ}
    try:
        with submitit.helpers.clean_env(), submitit.helpers.environment_variables(**cluster):
            executor = submitit.SlurmExecutor(
                folder,
                max_num_timeout=resources.slurm_max_num_timeout,
                python=f"{IGNORE_EARLY_NOTICE} {site.python} -P",  # -P: code comes from the snapshot alone
            )
            executor.update_parameters(**parameters(array, name, resources, site, logs))
            with redirect_stderr(io.StringIO()):  # submitit prints what it also raises
                jobs = executor.submit_array([member] * size)
    except FailedSubmissionError as error:
        raise SlurmError(f"sbatch submitted nothing: {_one_line(error)[:100]}") from error
    except FailedJobError as error:  # of sbatch itself
        asked = ", ".join(f"{key}={value}" for key, value in resources.submitit_parameters().items())
        raise SlurmError(f"{_one_line(error)}; it was asked for {asked}") from error
    except (RuntimeError, FileNotFoundError) as error:
        raise SlurmError(_one_line(error)) from error
    return jobs[0].job_id.partition("_")[0]


def log_path(array: Array, index: int, position: int, resources: Resources, logs: Path) -> Path:
    """Log file of one job of a member; packed jobs have one each.

    Before the submission of the array, the name has ``%A`` in place of its job id.
    """
    suffix = f"-{position}" if resources.pack > 1 else ""
    return logs / f"{array.stage}-{array.job_id or '%A'}_{index}{suffix}.log"


def index_list(indices: list[int]) -> str:
    """Sorted indices in sbatch's notation: 0-3,7."""
    ranges: list[list[int]] = []
    for index in indices:
        if ranges and index == ranges[-1][1] + 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _one_line(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


def _use_snapshot(snapshot: Path) -> list[str]:
    """Shell lines that let Python import the snapshot, or fail without it."""
    folder, about = shlex.quote(str(snapshot)), shlex.quote(str(snapshot / ABOUT))
    return [
        f'[ -e {about} ] || {{ echo "the code of this job is gone, launch again: there is no" {folder} >&2; exit 1; }}',
        f"export PYTHONPATH={folder}${{PYTHONPATH:+:$PYTHONPATH}} PYTHONUNBUFFERED=1",
    ]

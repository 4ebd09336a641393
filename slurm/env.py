"""The job and the machine that this process runs on."""

import os
from typing import Any


def current_job() -> dict[str, Any] | None:
    """Slurm job id, node and number of restarts of the current job, by ``job``, ``node`` and ``restarts``.

    Returns:
        None outside of Slurm.
    """
    job_id = os.environ.get("SLURM_JOB_ID")
    if job_id is None:
        return None
    array_id = os.environ.get("SLURM_ARRAY_JOB_ID")
    if array_id is not None:
        job_id = f"{array_id}_{os.environ.get('SLURM_ARRAY_TASK_ID')}"
    return {
        "job": job_id,
        "node": os.environ.get("SLURMD_NODENAME"),
        "restarts": int(os.environ.get("SLURM_RESTART_COUNT", "0")),
    }


def available_cores() -> int:
    """Number of CPU cores this process may use.

    Includes the job's allocation, since not every cluster binds jobs to their cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, int(os.environ.get("SLURM_CPUS_PER_TASK", cores)))


def process_exists(pid: int) -> bool:
    """Whether a process of this machine exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

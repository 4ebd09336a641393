"""What a job knows of itself and of its machine."""

import os
from typing import Any


def current_job() -> dict[str, Any] | None:
    """Slurm's number of this job, its node and how often it was started again; None outside of Slurm."""
    number = os.environ.get("SLURM_JOB_ID")
    if number is None:
        return None
    array, index = (os.environ.get(f"SLURM_ARRAY_{name}_ID") for name in ("JOB", "TASK"))
    return {
        "job": f"{array}_{index}" if array else number,
        "node": os.environ.get("SLURMD_NODENAME"),
        "restarts": int(os.environ.get("SLURM_RESTART_COUNT", "0")),
    }


def available_cores() -> int:
    """Cores this process may use: what the job was given, which not every cluster enforces."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(here, int(os.environ.get("SLURM_CPUS_PER_TASK", here)))


def process_exists(process: int) -> bool:
    """Whether a process of this machine is still there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

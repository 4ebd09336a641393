"""`python -m slurm.worker BUNDLE ASKED`: does what one process of one member of a job array has to do.

BUNDLE holds the calls that the launch submitted; ASKED is the file to make where the job is to be queued again.
"""

import os
import pickle
import sys
from pathlib import Path

from slurm import signals
from slurm.execute import run_job
from slurm.graph import Job

TOGETHER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def main() -> int:
    """Entry point; returns the exit code: 1 where the job failed or has to go on later."""
    signals.install()
    for name in TOGETHER:  # those of a shell that was itself one of several processes
        os.environ.pop(name, None)
    bundle, asked = (Path(word) for word in sys.argv[1:])
    members = pickle.loads(bundle.read_bytes())[int(os.environ["SLURM_ARRAY_TASK_ID"])]
    process = int(os.environ.get("SLURM_PROCID", "0"))
    if len(members) == 1:
        name, call, args = members[0]
        _introduce()
    elif process < len(members):
        name, call, args = members[process]
    else:
        return 0  # the last pack of an array may be smaller
    try:
        failure = run_job(Job(name, call, args))
    except signals.Stopped as reason:
        if signals.wants_requeue():
            asked.touch()
        print(f"{name}: stopped: {reason}", file=sys.stderr)
        return 1
    if failure is not None:
        print(failure.traceback, file=sys.stderr)
        return 1
    return 0


def _introduce() -> None:
    """Tells all processes of the allocation, which do the job together, of each other, as torchrun does."""
    size = os.environ.get("SLURM_NTASKS", "1")
    if size == "1":
        return
    names = {"RANK": "SLURM_PROCID", "LOCAL_RANK": "SLURM_LOCALID", "MASTER_ADDR": "SLURM_LAUNCH_NODE_IPADDR"}
    os.environ |= {name: os.environ[own] for name, own in names.items()}
    os.environ |= {"WORLD_SIZE": size, "MASTER_PORT": str(20000 + int(os.environ["SLURM_JOB_ID"]) % 20000)}


if __name__ == "__main__":
    sys.exit(main())

"""`python -m slurm.worker BUNDLE REQUEUE_FILE`: one process of one member of a job array.

BUNDLE is the pickle of the array's calls; REQUEUE_FILE is created to request a requeue.
"""

import os
import pickle
import sys
from pathlib import Path

from slurm import signals
from slurm.execute import run_job
from slurm.graph import Job

DISTRIBUTED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def main() -> int:
    """Run the job and return the exit code: 1 if it failed or stopped before its end."""
    signals.install()
    for name in DISTRIBUTED:  # set if the launching shell was itself one of several processes
        os.environ.pop(name, None)
    bundle, requeue_file = (Path(argument) for argument in sys.argv[1:])
    members = pickle.loads(bundle.read_bytes())[int(os.environ["SLURM_ARRAY_TASK_ID"])]
    process = int(os.environ.get("SLURM_PROCID", "0"))
    if len(members) == 1:
        name, call, args = members[0]
        _export_distributed()
    elif process < len(members):
        name, call, args = members[process]
    else:
        return 0  # the last pack of an array may be smaller
    try:
        failure = run_job(Job(name, call, args))
    except signals.Stopped as reason:
        if signals.wants_requeue():
            requeue_file.touch()
        print(f"{name}: stopped: {reason}", file=sys.stderr)
        return 1
    if failure is not None:
        print(failure.traceback, file=sys.stderr)
        return 1
    return 0


def _export_distributed() -> None:
    """Set the environment variables of torch.distributed for the processes of the allocation."""
    size = os.environ.get("SLURM_NTASKS", "1")
    if size == "1":
        return
    sources = {"RANK": "SLURM_PROCID", "LOCAL_RANK": "SLURM_LOCALID", "MASTER_ADDR": "SLURM_LAUNCH_NODE_IPADDR"}
    os.environ |= {name: os.environ[source] for name, source in sources.items()}
    os.environ |= {"WORLD_SIZE": size, "MASTER_PORT": str(20000 + int(os.environ["SLURM_JOB_ID"]) % 20000)}


if __name__ == "__main__":
    sys.exit(main())

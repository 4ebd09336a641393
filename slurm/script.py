"""Batch script of a job array."""

import shlex
from pathlib import Path

from slurm.arrays import Array
from slurm.resources import Resources, Site
from slurm.snapshot import ABOUT

SCRIPT = """\
#!/bin/bash
{options}

set -e  # a failing setup line fails the job
{setup}
if [ ! -e {snapshot}/{about} ]; then
  echo "the code of this job is gone, launch again: there is no" {snapshot} >&2
  exit 1
fi
export PYTHONPATH={snapshot}${{PYTHONPATH:+:$PYTHONPATH}} PYTHONUNBUFFERED=1
requeue_file={logs}/.$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID.requeue
rm -f "$requeue_file"
code=0
{srun} {python} -P -m slurm.worker {bundle} "$requeue_file" || code=$?
if [ -e "$requeue_file" ]; then  # every process has saved its state and left
  rm -f "$requeue_file"
  if [ "${{SLURM_RESTART_COUNT:-0}}" -ge {requeues} ]; then
    echo "not requeued after $SLURM_RESTART_COUNT restarts; its state is saved, and another launch continues from it"
  elif ! scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"; then
    echo "Slurm refuses to requeue this job; its state is saved, and another launch continues from it"
  fi
fi
exit $code
"""


def script(array: Array, name: str, resources: Resources, site: Site, bundle: Path, logs: Path) -> str:
    """Batch script of an array, without its dependency.

    Args:
        array: jobs and their indices.
        name: name in the queue.
        resources: resources of one member.
        site: how jobs start on this cluster.
        bundle: pickle of the calls, by array index.
        logs: folder of the log files.
    """
    tasks_per_node = resources.processes if resources.pack == 1 else resources.pack
    limit = f"%{resources.parallel}" if resources.parallel else ""
    options: dict[str, object] = {
        "job-name": name,
        "array": _index_list(sorted(array.members)) + limit,
        "output": f"{_escaped(logs)}/{array.stage}-%A_%a.log",
        "open-mode": "append",
        "nodes": resources.nodes,
        "ntasks-per-node": tasks_per_node,
        "cpus-per-task": resources.cpus,
        "gres": f"gpu:{resources.gpus}" if resources.gpus else None,
        "mem": resources.memory,
        "time": resources.minutes or None,
        "partition": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
        "constraint": resources.constraint,
        "reservation": resources.reservation,
        "signal": f"USR2@{site.notice_seconds}",
        "kill-on-invalid-dep": None if array.afterany else "yes",
    }
    lines = [f"--{key}={shlex.quote(str(value))}" for key, value in options.items() if value is not None]
    lines += ["--requeue", *resources.options]
    # When one process of a job fails, the others would wait for it and are killed; packed jobs are independent.
    packed = resources.pack > 1
    srun = [f"srun --cpus-per-task={resources.cpus} --kill-on-bad-exit={int(not packed)} --wait=0"]
    if packed:
        srun.append(f"--output={shlex.quote(f'{_escaped(logs)}/{array.stage}-%A_%a-%t.log')} --open-mode=append")
    return SCRIPT.format(
        options="\n".join(f"#SBATCH {line}" for line in lines),
        setup="\n".join(site.setup),
        snapshot=shlex.quote(str(site.snapshot)),
        about=ABOUT,
        logs=shlex.quote(str(logs)),
        srun=" ".join(srun),
        python=site.python,
        bundle=shlex.quote(str(bundle)),
        requeues=site.requeues,
    )


def log_path(array: Array, index: int, position: int, resources: Resources, logs: Path) -> Path:
    """Log file of one job of a member; packed jobs have one each."""
    suffix = f"-{position}" if resources.pack > 1 else ""
    return logs / f"{array.stage}-{array.job_id}_{index}{suffix}.log"


def _escaped(folder: Path) -> str:
    """A folder for a log's file name pattern, in which % has a meaning."""
    return str(folder).replace("%", "%%")


def _index_list(indices: list[int]) -> str:
    """Sorted indices in sbatch's notation: 0-3,7."""
    ranges: list[list[int]] = []
    for index in indices:
        if ranges and index == ranges[-1][1] + 1:
            ranges[-1][1] = index
        else:
            ranges.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)

"""The batch script of one array."""

import shlex
from pathlib import Path

from slurm.arrays import Array
from slurm.resources import Resources, Site
from slurm.snapshot import ABOUT

SCRIPT = """\
#!/bin/bash
{options}

set -e  # where a set-up line fails, the job has failed
{setup}
if [ ! -e {snapshot}/{about} ]; then
  echo "the code of this job is gone, launch again: there is no" {snapshot} >&2
  exit 1
fi
export PYTHONPATH={snapshot}${{PYTHONPATH:+:$PYTHONPATH}} PYTHONUNBUFFERED=1
asked={logs}/.$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID.requeue
rm -f "$asked"
code=0
{srun} {python} -P -m slurm.worker {bundle} "$asked" || code=$?
if [ -e "$asked" ]; then  # every process has saved itself and left
  rm -f "$asked"
  if [ "${{SLURM_RESTART_COUNT:-0}}" -ge {requeues} ]; then
    echo "not queued again after $SLURM_RESTART_COUNT restarts; the state is saved: launching again goes on from it"
  elif ! scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"; then
    echo "Slurm does not queue this job again; the state is saved: launching again goes on from it"
  fi
fi
exit $code
"""


def script(array: Array, name: str, resources: Resources, site: Site, place: Path, logs: Path) -> str:
    """What sbatch reads, but for what the array waits for."""
    side_by_side = resources.processes if resources.pack == 1 else resources.pack
    parallel = f"%{resources.parallel}" if resources.parallel else ""
    options: dict[str, object] = {
        "job-name": name,
        "array": _ranges(sorted(array.members)) + parallel,
        "output": f"{_literal(logs)}/{array.stage}-%A_%a.log",
        "open-mode": "append",
        "nodes": resources.nodes,
        "ntasks-per-node": side_by_side,
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
    # One process of a job that fails would leave its others waiting for it; packed jobs know nothing of each other.
    alone = resources.pack > 1
    srun = [f"srun --cpus-per-task={resources.cpus} --kill-on-bad-exit={int(not alone)} --wait=0"]
    if alone:
        srun.append(f"--output={shlex.quote(f'{_literal(logs)}/{array.stage}-%A_%a-%t.log')} --open-mode=append")
    return SCRIPT.format(
        options="\n".join(f"#SBATCH {line}" for line in lines),
        setup="\n".join(site.setup),
        snapshot=shlex.quote(str(site.snapshot)),
        about=ABOUT,
        logs=shlex.quote(str(logs)),
        srun=" ".join(srun),
        python=site.python,
        bundle=shlex.quote(str(place)),
        requeues=site.requeues,
    )


def log(array: Array, index: int, position: int, resources: Resources, logs: Path) -> Path:
    """Where the output of one job of a member goes."""
    end = f"-{position}" if resources.pack > 1 else ""
    return logs / f"{array.stage}-{array.number}_{index}{end}.log"


def _literal(folder: Path) -> str:
    """A folder as a part of the pattern of a log's path."""
    return str(folder).replace("%", "%%")


def _ranges(numbers: list[int]) -> str:
    """Sorted numbers as sbatch reads them: 0-3,7."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)

"""`python -m tests.slurm_lab.compare FOLDER [key=value ...]`: a benchmark under `launcher=local` and `launcher=slurm`.

The cluster has a node of one core for each core of this machine. Both must end with the same cells, bit for bit, apart
from costs, which depend on time. Results stay in FOLDER, and the same command continues them.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from tabulate import tabulate

from benchmark.config.load import load
from benchmark.pipeline.plan import Plan
from slurm.env import available_cores
from tests.benchmark.tiny import ROOT, cells
from tests.slurm_lab.cluster import Lab
from tests.slurm_lab.kills import queue
from tests.slurm_lab.shape import Shape

LOCAL = ("launcher=local",)
SLURM = ("launcher=slurm", "launcher.job.cpus_per_task=1", "launcher.job.mem_gb=1.9")


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser("python -m tests.slurm_lab.compare", description=__doc__.partition(": ")[2])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of the benchmark; default: preset=default")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the cluster before leaving
    folder = arguments.folder.absolute()
    words = [*arguments.settings, f"cache={folder / 'cache'}"]
    config = load(words)
    Plan.of(config).prepared()  # so that both are timed without the making of the data
    rows = [
        ["launcher=local", *launch(*words, *LOCAL, f"out={folder / 'local'}")],
        ["launcher=slurm", *launch_on_lab(folder / "lab", *words, *SLURM, f"out={folder / 'slurm'}")],
    ]
    print(tabulate(rows, ["", "wall seconds", "CPU seconds"], tablefmt="github", floatfmt=".0f"))
    local, slurm = (cells(folder / kind / config.name) for kind in ("local", "slurm"))
    print(f"{len(local)} cells: {'equal' if local == slurm else 'NOT EQUAL'}")
    return 0 if local == slurm else 1


def launch(*words: str) -> tuple[float, float]:
    """Run `fabbench run`; returns the seconds it took, and those its processes took of the CPU."""
    began, spent = time.monotonic(), cpu_seconds_of_children()
    subprocess.run([sys.executable, "-m", "benchmark", "run", *words], cwd=ROOT, check=True)
    return time.monotonic() - began, cpu_seconds_of_children() - spent


def launch_on_lab(folder: Path, *words: str) -> tuple[float, float]:
    """As `launch`, on a cluster, until its queue is empty."""
    with Lab(folder, Shape(nodes=available_cores(), cpus=1, gpus=1)) as lab:
        os.environ["SLURM_CONF"] = str(lab.conf)
        began = time.monotonic()
        _, spent = launch(*words)
        while queue():
            time.sleep(1)
        seconds = time.monotonic() - began
        time.sleep(5)  # until the accounting of the last job has been stored
        records = subprocess.run(
            ["sacct", "-n", "-P", "-a", "-S", "1970-01-01", "-o", "JobID,TotalCPU"],
            capture_output=True,
            text=True,
            check=True,
        )
    jobs = [line.split("|") for line in records.stdout.splitlines()]
    return seconds, spent + sum(as_seconds(taken) for job, taken in jobs if "." not in job)  # a job, not its steps


def cpu_seconds_of_children() -> float:
    """Seconds of the CPU taken by the processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def as_seconds(duration: str) -> float:
    """Seconds of a duration of sacct: ``[DD-[hh:]]mm:ss[.sss]``."""
    days, _, clock = duration.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + 86400 * int(days or 0)


if __name__ == "__main__":
    sys.exit(main())

"""Functions that test jobs call, and helpers to launch jobs and wait for them."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from slurm import signals
from slurm.commands import squeue
from slurm.graph import Job
from slurm.resources import Resources, Site
from slurm.snapshot import snapshot
from slurm.submission import Submission, submit

ROOT = Path(__file__).parents[2]
SMALL = Resources(timeout_min=5, mem_gb=0.15)


def write(path: str, text: str = "") -> None:
    Path(path).write_text(text or "done")


def fail(message: str) -> None:
    raise ValueError(message)


def describe(path: str) -> None:
    """Write the job's environment, process id and code folder to a file."""
    names = ("SLURMD_NODENAME", "SLURM_CPUS_PER_TASK", "CUDA_VISIBLE_DEVICES", "SLURM_NTASKS", "FROM_SETUP")
    variables = [f"{name}={os.environ.get(name, '')}" for name in names]
    Path(path).write_text("\n".join([*variables, f"CODE={Path(__file__).parents[2]}", f"PID={os.getpid()}"]))


def count(path: str, steps: int, seconds: float) -> None:
    """Count to ``steps`` in a file, one step every ``seconds``, continuing from the file's content.

    Each requested stop adds a line to the file ``path``.stops.
    """
    file = Path(path)
    while (step := int(file.read_text()) if file.is_file() else 0) < steps:
        if signals.stop_requested():
            with file.with_suffix(".stops").open("a") as stops:
                stops.write(f"{step}\n")
            raise signals.Stopped(f"at step {step}")
        time.sleep(seconds)
        file.with_suffix(".new").write_text(str(step + 1))
        file.with_suffix(".new").replace(file)


def hold(path: str) -> None:
    """Write the node's name to a file and run until the file ``path``.go exists."""
    Path(path).write_text(os.environ["SLURMD_NODENAME"])
    while not Path(f"{path}.go").exists():
        time.sleep(0.1)


def site(folder: Path, **changes: object) -> Site:
    code = snapshot([ROOT / "slurm", ROOT / "tests"], [], folder / "snapshots", {})
    settings: dict[str, object] = {"name": f"test-{folder.name}", "python": sys.executable, "snapshot": code}
    return Site(**{**settings, **changes})  # type: ignore[arg-type]


def launch(folder: Path, jobs: Sequence[Job], resources: Resources = SMALL, **changes: object) -> Submission:
    stages = {job.stage: resources for job in jobs}
    return submit(jobs, stages, site(folder, **changes), folder / "slurm", folder / "logs")


def wait(condition: Callable[[], object], seconds: float = 300) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s; queue: {squeue()}"
        time.sleep(0.2)


def empty() -> bool:
    """Whether the queue is empty."""
    return not squeue()

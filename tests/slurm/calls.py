"""Functions that test jobs call, and helpers to launch jobs and wait for them."""

import os
import signal
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


def count_together(path: str, steps: int, seconds: float) -> None:
    """Count with all processes of the job. A barrier of files at each step carries their requests to stop.

    Each process writes ``path``.env-RANK, and the step at which it stops to ``path``.stops-RANK. With ALONE in the
    environment, only the process of rank 1 receives a notice, at step 5 of its first start.
    """
    file, rank, size = Path(path), int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    names = ("MASTER_ADDR", "MASTER_PORT", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES", "LOCAL_RANK")
    Path(f"{path}.env-{rank}").write_text("\n".join(f"{name}={os.environ.get(name)}" for name in names))
    start = os.environ.get("SLURM_RESTART_COUNT", "0")
    barrier = Path(f"{path}.barrier-{start}")
    barrier.mkdir(exist_ok=True)
    step = int(file.read_text()) if file.is_file() else 0

    def any_rank(flag: bool, tag: str) -> bool:
        (barrier / f".{tag}-{rank}").write_text(str(int(flag)))
        (barrier / f".{tag}-{rank}").rename(barrier / f"{tag}-{rank}")
        flags = [barrier / f"{tag}-{other}" for other in range(size)]
        while not all(flag_file.exists() for flag_file in flags):
            time.sleep(0.02)
        return any(flag_file.read_text() == "1" for flag_file in flags)

    any_rank(False, f"start{step}")
    while step < steps:
        time.sleep(seconds)
        step += 1
        if "ALONE" in os.environ and rank == 1 and step == 5 and start == "0":
            signal.raise_signal(signal.SIGUSR2)
        stopping = any_rank(signals.stop_requested(), str(step))
        if rank == 0:
            file.with_suffix(".new").write_text(str(step))
            file.with_suffix(".new").replace(file)
        if stopping:
            any_rank(False, f"stop{step}")
            with Path(f"{path}.stops-{rank}").open("a") as stops:
                stops.write(f"{step}\n")
            raise signals.Stopped(f"at step {step}")
    any_rank(False, "end")


def count_beside_helpers(path: str, steps: int, seconds: float) -> None:
    """Count beside two forked processes that keep the signal handlers, as DataLoader workers start out."""
    helpers = []
    for _ in range(2):
        helper = os.fork()
        if helper == 0:
            while os.getppid() != 1:
                time.sleep(0.05)
            os._exit(0)
        helpers.append(helper)
    try:
        count(path, steps, seconds)
    finally:
        for helper in helpers:
            os.kill(helper, signal.SIGKILL)
            os.waitpid(helper, 0)


def die(path: str) -> None:
    """Create a file and be killed."""
    Path(path).touch()
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def fail_on_rank_1(path: str) -> None:
    """Fail in the process of rank 1 while that of rank 0 waits for it."""
    Path(f"{path}-{os.environ['RANK']}").touch()
    if os.environ["RANK"] == "1":
        time.sleep(1)
        raise ValueError("no luck on rank 1")
    time.sleep(100)


def site(folder: Path, **changes: object) -> Site:
    code = snapshot([ROOT / "slurm", ROOT / "tests"], {}, folder / "snapshots", {})
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

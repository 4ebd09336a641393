"""`python -m tests.slurm_lab.kills --kills 50`: a benchmark under `launcher=slurm` that is killed at random moments.

Jobs, their processes, nodes, the controller and the launching command are killed. After each kill the benchmark is
launched again, as its user would. It must end with the cells of a calm run, bit for bit; while kills are left, the next
benchmark begins.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from tabulate import tabulate

from slurm.commands import JobInfo, SlurmError, squeue
from tests.benchmark.tiny import Finished, cells, end, settings, start
from tests.slurm_lab.cluster import Lab

KINDS = ("job", "process", "node", "controller", "launch")
WORK = (
    "methods=mean,fabnet,autoencoder,rotation",
    "seeds=2",
    "train.steps=400",
    "train.log_steps=20",
    "train.checkpoint_steps=20",
)
SLURM = ("launcher=slurm", "launcher.job.mem_gb=1.6", "launcher.job.cpus_per_task=1", "launcher.job.timeout_min=10")
PATIENCE_SECONDS = 1800.0  # in which a command ends, and a benchmark once nothing is killed any more
LAUNCHES_TO_END = 5


class BrokenError(Exception):
    """Something that must hold does not; the message says what."""


class Storm:
    """Kills on one cluster.

    Args:
        lab: the cluster.
        cache: folder of the data.
        seed: of the kills and their moments.
        kinds: what may be killed.
    """

    def __init__(self, lab: Lab, cache: Path, seed: int, kinds: Sequence[str] = KINDS):
        self.lab = lab
        self.cache = cache
        self.kinds = kinds
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.launches = 0
        self.launch_seconds = 0.0  # of the last launch that was left alone

    def benchmark(self, folder: Path, kills: int) -> None:
        """Run one benchmark through at most so many more kills.

        Raises:
            BrokenError: it does not end.
        """
        self.launch(folder)
        while self.kills.total() < kills and not self.is_done(folder):
            time.sleep(self.random.uniform(1.0, 12.0))
            self.kill(folder)
            if not queue() or self.random.random() < 0.7:
                self.launch(folder)
        for _ in range(LAUNCHES_TO_END):
            self.wait_until_empty()
            if self.is_done(folder):
                return
            self.launch(folder)
        raise BrokenError(f"{folder}: not done after {LAUNCHES_TO_END} launches in peace")

    def launch(self, folder: Path) -> None:
        """Launch the benchmark; it may fail, with a message."""
        self.launches += 1
        began = time.monotonic()
        check(end(start("run", *self.words(folder)), PATIENCE_SECONDS))
        self.launch_seconds = time.monotonic() - began

    def is_done(self, folder: Path) -> bool:
        """Whether `fabbench status` shows every stage of every run, and the tables, as done."""
        status = end(start("status", *self.words(folder)), PATIENCE_SECONDS)
        check(status)
        lines = status.out.splitlines()
        return bool(lines) and all(re.fullmatch(r"\w+: +\d+ done", line) for line in lines)

    def kill(self, folder: Path) -> None:
        """Kill something at random. What there is none of now is not counted."""
        kind = self.random.choice(self.kinds)
        if getattr(self, f"_kill_{kind}")(folder):
            self.kills[kind] += 1
            print(f"{time.strftime('%H:%M:%S')} kill {self.kills.total()}: {kind}", flush=True)

    def wait_until_empty(self) -> None:
        """Wait until the queue is empty.

        Raises:
            BrokenError: it is not after `PATIENCE_SECONDS`.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while jobs := queue():
            if time.monotonic() > deadline:
                raise BrokenError(f"jobs that do not end: {jobs}")
            time.sleep(1)

    def words(self, folder: Path) -> list[str]:
        return settings(folder, *WORK, *SLURM, cache=self.cache)

    def _kill_job(self, _: Path) -> bool:
        running = sorted(job_id for job_id, info in queue().items() if info.state == "RUNNING")
        if running:
            subprocess.run(["scancel", "--signal=KILL", self.random.choice(running)], check=False)
        return bool(running)

    def _kill_process(self, folder: Path) -> bool:
        """Kill the Python process of a job, or one of its workers."""
        processes = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = process.cmdline()
                if "submitit.core._submit" in words and str(folder) in words[-1] and "python" in words[0]:
                    processes.append(process)
        if processes:
            with suppress(psutil.Error):
                self.random.choice(processes).kill()
        return bool(processes)

    def _kill_node(self, _: Path) -> bool:
        node = self.random.choice(self.lab.shape.names)
        self.lab.kill_node(node)
        subprocess.run(["scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=killed"], check=False)
        time.sleep(self.random.uniform(0.0, 3.0))
        self.lab.start_node(node)
        return True

    def _kill_controller(self, _: Path) -> bool:
        self.lab.daemons.stop("slurmctld", 0)
        time.sleep(self.random.uniform(0.0, 5.0))
        self.lab.start_controller()
        return True

    def _kill_launch(self, folder: Path) -> bool:
        """Kill a launching command between its start and its end."""
        self.launches += 1
        command = start("run", *self.words(folder))
        time.sleep(self.random.uniform(0.0, self.launch_seconds))
        was_running = command.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
        command.communicate()
        return was_running


def queue() -> dict[str, JobInfo]:
    """The queue, once the controller answers."""
    while True:
        try:
            return squeue()
        except SlurmError:
            time.sleep(1)


def check(command: Finished) -> None:
    """Check that a command that failed did so with a message.

    Raises:
        BrokenError: it ended with a traceback.
    """
    if "Traceback" in command.err:
        raise BrokenError(command.err)


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser("python -m tests.slurm_lab.kills", description=__doc__.partition(": ")[2])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what is killed")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop the cluster before leaving
    with tempfile.TemporaryDirectory(prefix="kills-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        calm = end(start("run", *settings(folder / "calm", *WORK, cache=folder / "cache")), PATIENCE_SECONDS)
        if calm.code:
            raise BrokenError(calm.err)
        expected = cells(folder / "calm" / "runs" / "quick")
        print(f"calm run: {len(expected)} cells", flush=True)
        began = time.monotonic()
        verdicts: list[bool] = []
        with Lab(folder / "lab") as lab:
            os.environ["SLURM_CONF"] = str(lab.conf)
            storm = Storm(lab, folder / "cache", arguments.seed, arguments.kinds)
            while storm.kills.total() < arguments.kills:
                benchmark = folder / f"benchmark{len(verdicts)}"
                storm.benchmark(benchmark, arguments.kills)
                verdicts.append(cells(benchmark / "runs" / "quick") == expected)
                print(f"{benchmark.name}: {'equal' if verdicts[-1] else 'NOT EQUAL'}", flush=True)
        rows = [*([f"kills: {kind}", storm.kills[kind]] for kind in arguments.kinds), ["kills", storm.kills.total()]]
        rows += [["launches", storm.launches], ["benchmarks", len(verdicts)]]
        rows += [["seconds", round(time.monotonic() - began)], ["cells of each", len(expected)]]
        rows += [["equal to the calm run", f"{sum(verdicts)} of {len(verdicts)}"]]
        print(tabulate(rows, tablefmt="github"))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())

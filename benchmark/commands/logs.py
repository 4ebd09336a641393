"""`fabbench logs`: the output of a run's jobs, the last lines or as it comes."""

import time
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import DataError, UsageError
from benchmark.layout import ERROR_LOG

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from benchmark.pipeline.benchmark_record import BenchmarkRecord

NAME = "logs"
SUMMARY = "print the output of a run's jobs"
EXAMPLES = """
  fabbench logs fabnet/seed0
  fabbench logs fabnet/seed0:pretrain --follow      as it comes, until the job has ended
  fabbench logs prepare; fabbench logs submit       of the jobs that prepare the data, and then submit the runs
"""
WORDS = "RUN"
SETTINGS = ("name", "out")
FOR_LAUNCHED = True

LINES = 40  # shown of each log
POLL_SECONDS = 1.0


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--follow", action="store_true", help="print what is added until the jobs have ended")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline import cluster
    from benchmark.pipeline.benchmark_record import BenchmarkRecord
    from benchmark.pipeline.status import job_names

    if not arguments.words:
        raise UsageError("`fabbench logs` needs a run, such as fabnet/seed0; `fabbench status --all` lists them")
    folder = cluster.benchmark_folder(config)
    benchmark = BenchmarkRecord.read(folder)
    run_folders = {run.name: folder.parent / run.run for run in benchmark.all_runs}
    ledger = cluster.JobPaths.of_benchmark(config).ledger
    logs = _Logs(job_names(arguments.words, benchmark), run_folders, benchmark, ledger)
    names = ", ".join(arguments.words)
    if arguments.follow:
        _follow(logs, _print_ends(logs), names)
    elif not _print_ends(logs):
        raise DataError(f"{names}: no log yet; see `fabbench status`")
    return 0


@dataclass(frozen=True)
class _Logs:
    """The logs of some jobs of a benchmark."""

    jobs: list[str]
    run_folders: dict[str, Path]  # by the name of the run
    benchmark: "BenchmarkRecord"
    ledger_folder: Path

    def files(self) -> list[Path]:
        """The logs of jobs that were submitted to a cluster; of runs on this machine, the error logs."""
        from benchmark.pipeline.jobs import run_name
        from benchmark.pipeline.status import submitted_jobs

        entries = submitted_jobs(self.benchmark, self.ledger_folder)
        submitted = [entries[job] for job in self.jobs if job in entries]
        if submitted:
            return [path for entry in submitted for path in entry.logs]
        runs = dict.fromkeys(run_name(job) for job in self.jobs)
        paths = [self.run_folders[run] / ERROR_LOG for run in runs if run in self.run_folders]
        return [path for path in paths if path.is_file()]

    def may_grow(self) -> bool:
        """Whether a job is pending or running, or Slurm does not answer now."""
        from slurm.commands import SlurmError
        from slurm.ledger import Ledger
        from slurm.submission import in_queue

        folders = {self.ledger_folder, *(Path(job.ledger) for job in self.benchmark.data_jobs)}
        try:
            return any(in_queue(Ledger(folder)).keys() & set(self.jobs) for folder in folders)
        except SlurmError:
            return True


def _print_ends(logs: _Logs) -> dict[Path, int]:
    """Prints the last lines of each log; returns the sizes of the files in bytes."""
    from benchmark.pipeline.status import short_path

    sizes = {}
    for path in logs.files():
        content = path.read_bytes()
        sizes[path] = len(content)
        print(f"==> {short_path(path)}")
        print("\n".join(content.decode(errors="replace").splitlines()[-LINES:]))
    return sizes


def _follow(logs: _Logs, sizes: dict[Path, int], names: str) -> None:
    """Prints what is added to logs until the jobs have ended.

    Args:
        logs: to follow.
        sizes: bytes of each file that are printed already; updated.
        names: of the runs, for the message.

    Raises:
        DataError: the jobs have ended without a log.
    """
    ended = False
    while not ended:
        ended = not logs.may_grow()  # asked before reading, so that the last lines are not missed
        for path in logs.files():
            with path.open("rb") as file:
                file.seek(sizes.get(path, 0))
                added = file.read()
            if added:
                print(added.decode(errors="replace"), end="", flush=True)
                sizes[path] = sizes.get(path, 0) + len(added)
        if not ended:
            time.sleep(POLL_SECONDS)
    if not sizes:
        raise DataError(f"{names}: no log, and no job in the queue")

"""`fabbench logs`: the output of a run's jobs, the last lines or as it comes."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import DataError, UsageError
from benchmark.layout import ERROR_LOG

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "logs"
SUMMARY = "print the output of a run's jobs"
EXAMPLES = """
  fabbench logs fabnet/seed0
  fabbench logs fabnet/seed0:pretrain --follow      as it comes, until the job has ended
"""
WORDS = "RUN"

LINES = 40  # shown of each log
POLL_SECONDS = 1.0


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--follow", action="store_true", help="print what is added until the jobs have ended")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline import cluster

    if not arguments.words:
        raise UsageError("`fabbench logs` needs a run, such as fabnet/seed0; `fabbench status --all` lists them")
    show(
        arguments.words,
        cluster.benchmark_folder(config),
        cluster.JobPaths.of_benchmark(config).ledger,
        arguments.follow,
    )
    return 0


def show(runs: Sequence[str], folder: Path, ledger_folder: Path, follow: bool) -> None:
    """Prints the end of the logs of runs or stages.

    Args:
        runs: names such as ``fabnet/seed0`` or ``fabnet/seed0:pretrain``.
        folder: of the benchmark.
        ledger_folder: of its submitted jobs.
        follow: go on printing until the jobs have ended.

    Raises:
        UsageError: no such run.
        DataError: nothing has been written yet.
    """
    from benchmark.pipeline.status import job_names, short_path

    jobs = job_names(list(runs), folder)
    paths = _log_files(jobs, folder, ledger_folder)
    if not paths and not follow:
        raise DataError(f"{', '.join(runs)}: no log yet; see `fabbench status`")
    printed: dict[Path, int] = {}  # bytes of each file
    for path in paths:
        content = path.read_bytes()
        printed[path] = len(content)
        print(f"==> {short_path(path)}")
        print("\n".join(content.decode(errors="replace").splitlines()[-LINES:]))
    if follow:
        _follow(jobs, folder, ledger_folder, printed)
        if not printed:
            raise DataError(f"{', '.join(runs)}: no log, and no job in the queue")


def _follow(jobs: Sequence[str], folder: Path, ledger_folder: Path, printed: dict[Path, int]) -> None:
    """Prints what is added to logs until the jobs have ended; ``printed`` is updated."""
    ended = False
    while not ended:
        ended = not _in_queue(jobs, ledger_folder)  # asked before reading, so that the last lines are not missed
        for path in _log_files(jobs, folder, ledger_folder):
            with path.open("rb") as file:
                file.seek(printed.get(path, 0))
                added = file.read()
            if added:
                print(added.decode(errors="replace"), end="", flush=True)
                printed[path] = printed.get(path, 0) + len(added)
        if not ended:
            time.sleep(POLL_SECONDS)


def _log_files(jobs: Sequence[str], folder: Path, ledger_folder: Path) -> list[Path]:
    """The logs of jobs on a cluster; of runs on this machine, the error logs."""
    from benchmark.pipeline.benchmark_record import BenchmarkRecord
    from benchmark.pipeline.jobs import run_name
    from slurm.ledger import Ledger

    entries = Ledger(ledger_folder).entries
    submitted = [entries[job] for job in jobs if job in entries]
    if submitted:
        return [path for entry in submitted for path in entry.logs]
    folders = {run.name: folder.parent / run.run for run in BenchmarkRecord.read(folder).all_runs}
    names = dict.fromkeys(run_name(job) for job in jobs)
    return [path for name in names if name in folders and (path := folders[name] / ERROR_LOG).is_file()]


def _in_queue(jobs: Sequence[str], ledger_folder: Path) -> bool:
    """Whether a job is pending or running, or Slurm does not answer now."""
    from slurm.commands import SlurmError
    from slurm.ledger import Ledger
    from slurm.submission import in_queue

    try:
        return bool(in_queue(Ledger(ledger_folder)).keys() & set(jobs))
    except SlurmError:
        return True

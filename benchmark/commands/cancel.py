"""`fabbench cancel`: cancel a benchmark's jobs."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from benchmark.commands._settings import selected_benchmark

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "cancel"
SUMMARY = "cancel the jobs of a benchmark, or of some of its runs, pending or running"
EXAMPLES = """
  fabbench cancel
  fabbench cancel rotation/seed0 fabnet/seed1:probe
  fabbench cancel methods=rotation
"""
WORDS = "[RUN ...]"
SETTINGS = ("name", "out", "methods", "seeds")
FOR_LAUNCHED = True


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline import cluster
    from benchmark.pipeline.benchmark_record import BenchmarkRecord
    from benchmark.pipeline.status import job_names

    folder = cluster.benchmark_folder(config)
    benchmark = selected_benchmark(arguments.settings, config)
    jobs = None
    if arguments.words:
        jobs = job_names(arguments.words, benchmark)
    elif benchmark != BenchmarkRecord.read(folder):
        jobs = job_names([run.name for run in benchmark.all_runs], benchmark)
    cancelled = cluster.cancel(config, jobs)
    left = cluster.queued_data_jobs(benchmark) if jobs is None else []
    names = f": {', '.join(cancelled)}" if jobs is not None and cancelled else ""
    print(f"{len(cancelled)} job{'' if len(cancelled) == 1 else 's'} cancelled{names}")
    if left:
        print(
            f"{len(left)} jobs that prepare its data are left in the queue, since other benchmarks may wait for them; "
            f"to cancel them as well: scancel {' '.join(left)}"
        )
    return 0

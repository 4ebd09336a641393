"""`fabbench cancel`: cancel a benchmark's jobs."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "cancel"
SUMMARY = "cancel the jobs of a benchmark, or of some of its runs, pending or running"
EXAMPLES = """
  fabbench cancel
  fabbench cancel rotation/seed0 fabnet/seed1:probe
"""
WORDS = "[RUN ...]"


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.pipeline import cluster
    from benchmark.pipeline.status import job_names

    jobs = job_names(arguments.words, cluster.benchmark_folder(config)) if arguments.words else None
    cancelled = cluster.cancel(config, jobs)
    names = f": {', '.join(cancelled)}" if jobs is not None and cancelled else ""
    print(f"{len(cancelled)} jobs cancelled{names}")
    return 0

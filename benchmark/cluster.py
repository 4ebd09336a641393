"""A benchmark on a Slurm cluster: what its jobs ask for, the code they run, and where they are noted."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import graph
from benchmark.config import stage_resources
from benchmark.errors import ClusterError
from benchmark.schema import STAGES, Config
from benchmark.store import code
from benchmark.variants import Variant
from slurm.commands import SlurmError, scancel
from slurm.ledger import Ledger
from slurm.resources import Resources, Site
from slurm.snapshot import snapshot
from slurm.submission import Submission, in_queue, scripts, submit

if TYPE_CHECKING:
    from benchmark.stages import Work

PACKAGES = ("benchmark", "methods", "probes", "slurm")


def submit_all(config: Config, works: "Sequence[Work]", variants: dict[str, Variant]) -> Submission:
    """Puts all that is missing of a benchmark into the queue, but what is there already.

    Raises:
        ClusterError: Slurm refused.
    """
    asked = _asked(config)
    place = Path(config.launcher.snapshots or folder(config) / "snapshots")
    methods = {Path(work.run.method) for work in works if work.run.method.endswith(".py")}
    root = Path(__file__).parents[1]
    made = snapshot([root / name for name in PACKAGES], sorted(methods), place, code())
    copied = [_with_own_methods(work, made / "files") for work in works]
    jobs = graph.jobs(copied, variants)
    jobs.append(graph.tables_job(jobs, folder(config), config.probe.table_head))
    try:
        return submit(jobs, asked, _site(config, made), ledger_folder(config), logs(config))
    except SlurmError as error:
        raise ClusterError(str(error)) from error


def describe(config: Config, works: "Sequence[Work]", variants: dict[str, Variant]) -> list[str]:
    """The job arrays that would be submitted, and the batch script of each.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    jobs = graph.jobs(works, variants)
    jobs.append(graph.tables_job(jobs, folder(config), config.probe.table_head))
    site = _site(config, Path(config.launcher.snapshots or folder(config) / "snapshots") / "SNAPSHOT")
    try:
        made = scripts(jobs, _asked(config), site, ledger_folder(config), logs(config))
    except SlurmError as error:
        raise ClusterError(str(error)) from error
    lines = [
        f"array    {array.number}: {array.stage} of {_count(array.members)}  {array.dependency or 'at once'}"
        for array, _ in made
    ]
    return [*lines, *(f"\n# {array.number}, submitted with --dependency={array.dependency}\n{t}" for array, t in made)]


def cancel(config: Config, names: Sequence[str] | None) -> list[str]:
    """Takes jobs of a benchmark out of the queue; returns which.

    Raises:
        ClusterError: Slurm cannot be reached.
    """
    try:
        queued = in_queue(Ledger(ledger_folder(config)))
        found = {name: job for name, job in queued.items() if names is None or name in names}
        if found:
            scancel(sorted(set(found.values())))
    except SlurmError as error:
        raise ClusterError(str(error)) from error
    return list(found)


def folder(config: Config) -> Path:
    """The benchmark's folder, for jobs, wherever they start."""
    return Path(config.out, config.name).absolute()


def ledger_folder(config: Config) -> Path:
    """Where it is noted which job does what."""
    return folder(config) / "slurm"


def logs(config: Config) -> Path:
    """Where the jobs' output goes."""
    return Path(config.launcher.logs).absolute() if config.launcher.logs else folder(config) / "logs" / "slurm"


def _asked(config: Config) -> dict[str, Resources]:
    return {stage: stage_resources(config, stage) for stage in STAGES}


def _site(config: Config, made: Path) -> Site:
    launcher = config.launcher
    return Site(
        name=config.name,
        python=launcher.python or sys.executable,
        snapshot=made.absolute(),
        setup=tuple(launcher.setup),
        notice_seconds=launcher.notice_seconds,
        requeues=launcher.requeues,
    )


def _with_own_methods(work: "Work", files: Path) -> "Work":
    """The same work with a method that is a user's file read from the snapshot."""
    if not work.run.method.endswith(".py"):
        return work
    return replace(work, run=replace(work.run, method=str(files / Path(work.run.method).name)))


def _count(members: Mapping[int, Sequence[object]]) -> str:
    jobs = sum(len(pack) for pack in members.values())
    return f"{jobs} jobs" if jobs == len(members) else f"{jobs} jobs in {len(members)} allocations"

"""The part of a launched benchmark that `methods=`, `tasks=` and `seeds=` select."""

from collections.abc import Sequence
from dataclasses import replace

from benchmark.errors import UsageError, suggestion
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord


def select_runs(
    record: BenchmarkRecord,
    rows: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
) -> BenchmarkRecord:
    """The record of the selected runs alone.

    Args:
        record: of the last launch.
        rows: names of variants; None: all. Runs that only others start from are left out unless they are named or all
            rows are.
        tasks: None: all. Runs that are left without a task are left out.
        seeds: None: all. Rows without randomness, which are run with one seed, stay.

    Raises:
        UsageError: a row, task or seed that the benchmark does not have.
    """
    if rows is not None:
        record = _select_rows(record, rows)
    if seeds is not None:
        record = _select_seeds(record, seeds)
    if tasks is not None:
        record = _select_tasks(record, tasks)
    return record


def _select_rows(record: BenchmarkRecord, rows: Sequence[str]) -> BenchmarkRecord:
    _check_known("methods", rows, [run.variant for run in record.all_runs], record)
    if set(rows) >= {run.variant for run in record.runs}:
        return record
    return replace(
        record,
        runs=[run for run in record.runs if run.variant in rows],
        starts=[run for run in record.starts if run.variant in rows],
    )


def _select_seeds(record: BenchmarkRecord, seeds: Sequence[int]) -> BenchmarkRecord:
    launched = {run.seed for run in record.all_runs}
    _check_known("seeds", [str(seed) for seed in seeds], [str(seed) for seed in sorted(launched)], record)
    seeds_of: dict[str, set[int]] = {}
    for run in record.all_runs:
        seeds_of.setdefault(run.variant, set()).add(run.seed)

    def is_selected(run: RunRecord) -> bool:
        return run.seed in seeds or len(seeds_of[run.variant]) < len(launched)

    return replace(
        record,
        runs=[run for run in record.runs if is_selected(run)],
        starts=[run for run in record.starts if is_selected(run)],
    )


def _select_tasks(record: BenchmarkRecord, tasks: Sequence[str]) -> BenchmarkRecord:
    _check_known("tasks", tasks, record.tasks, record)
    set_of = {name: task["set"] for name, task in record.config.get("task", {}).items()}
    runs = []
    for run in record.runs:
        probed = [task for task in run.tasks if task in tasks]
        used = {set_of[task] for task in probed}
        if probed:
            runs.append(replace(run, tasks=probed, sets=[name for name in run.sets if name in used]))
    return replace(record, runs=runs, tasks=[task for task in record.tasks if task in tasks])


def _check_known(key: str, names: Sequence[str], known: Sequence[str], record: BenchmarkRecord) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{key}: {name!r} is not in benchmark {record.benchmark!r}{suggestion(name, set(known))}")

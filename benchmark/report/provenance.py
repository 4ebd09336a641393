"""Where each number comes from: seeds, scores, commit, configuration, data, environment and files of every run."""

import json
from pathlib import Path

from benchmark.layout import CONFIG, COST, ENVIRONMENT, ERROR_LOG, METRICS, PARTS, scores_file
from benchmark.pipeline.benchmark_record import RunRecord
from benchmark.pipeline.jobs import job_name
from benchmark.report.parts import Cell, DataTable, Folded, Links, Listing, Part, Section, Text
from benchmark.report.source import Row, Source, address, config_of, environment_of, read_text
from slurm.commands import SlurmError
from slurm.ledger import Ledger

HASH = 12  # characters shown of a hash


def section(source: Source) -> Section:
    """The section: data, then rows."""
    environments = _environments(source)
    logs = _job_logs(source)
    text = Text(
        "A number in a table leads to its row here. Files are beside this page, in the folder of the benchmark; what "
        "is listed in the page itself can be read without them."
    )
    rows = [_row(source, row, environments, logs) for row in source.rows]
    shown = [
        Folded(f"Environment {name}", [Listing("environment.json", written)]) for written, name in environments.items()
    ]
    return Section("provenance", "Where each number comes from", [text, _data(source), *shown, *rows])


def _environments(source: Source) -> dict[str, str]:
    """The different environments of all runs, as JSON without the command line, and a short name of each."""
    found: dict[str, str] = {}
    for row in source.rows:
        for run in row.runs:
            if text := _environment_text(source, run):
                found.setdefault(text, f"E{len(found) + 1}")
    return found


def _environment_text(source: Source, run: RunRecord) -> str:
    environment = environment_of(source, run)
    environment.pop("command", None)
    return json.dumps(environment, indent=1, sort_keys=True) if environment else ""


def _data(source: Source) -> Folded:
    """Training data and labelled sets."""
    record = source.benchmark
    settings = json.dumps(record.config.get("data", {}), indent=1, sort_keys=True)
    protocols = {entry["set"]["name"]: entry["set"] for entry in source.probes if "set" in entry}
    parts: list[Part] = [Listing("Settings of the training data", settings)]
    for name, entry in sorted(record.sets.items()):
        described = json.dumps({"hash": entry.hash, **protocols.get(name, {})}, indent=1, sort_keys=True)
        parts.append(Listing(f"Labelled set {name}", described))
    return Folded("Data", parts)


def _row(source: Source, row: Row, environments: dict[str, str], logs: dict[str, list[Path]]) -> Folded:
    tasks = [task for task in source.columns if any(task in run.tasks for run in row.runs)]
    cells, parts = [], list[Part]()
    for run in row.runs:
        config = config_of(source, run)
        environment = environment_of(source, run)
        dirty = " with local changes" if environment.get("dirty") else ""
        cells.append(
            [
                Cell(str(run.seed), run.seed),
                *(_score(source, run, task) for task in tasks),
                Cell(f"{str(environment.get('commit') or 'unknown')[:HASH]}{dirty}"),
                Cell(f"{config.get('data', 'unknown')} {str(config.get('data_hash', ''))[:HASH]}"),
                Cell(environments.get(_environment_text(source, run), "unknown")),
            ]
        )
        parts.append(_run(source, run, logs))
    headings = [
        "seed",
        *(f"{task} ({source.columns[task].measure})" for task in tasks),
        "commit",
        "data",
        "environment",
    ]
    return Folded(f"{row.variant} ({row.kind})", [DataTable(row.variant, headings, cells), *parts], row.anchor)


def _score(source: Source, run: RunRecord, task: str) -> Cell:
    values = [source.value(record) for record in source.probes if record["run"] == run.run and record["task"] == task]
    if not values or values[0] is None:
        return Cell("–")
    return Cell(source.columns[task].show(values[0]), values[0])


def _run(source: Source, run: RunRecord, logs: dict[str, list[Path]]) -> Folded:
    """The configuration of a run, and links to its files."""
    folder = source.run_folder(run)
    files = [folder / name for name in (CONFIG, ENVIRONMENT, COST, METRICS, ERROR_LOG)]
    files += [scores_file(folder, task) for task in run.tasks]
    files += [path for part in PARTS for path in logs.get(job_name(run.name, part), [])]
    links = [(path.name, address(source, path)) for path in dict.fromkeys(files) if path.is_file()]
    config = Listing(CONFIG, read_text(folder / CONFIG) or "missing")
    return Folded(f"{run.name}: configuration and files", [Links(links), config])


def _job_logs(source: Source) -> dict[str, list[Path]]:
    """Logs of the jobs that were submitted to a cluster, by the job's name."""
    try:
        entries = Ledger(source.folder / "slurm").entries
    except SlurmError:
        return {}
    return {job: entry.logs for job, entry in entries.items()}

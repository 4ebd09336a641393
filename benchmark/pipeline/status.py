"""The state of every stage of every run, from what the runs write and from Slurm, with or without its accounting."""

import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UsageError, suggestion
from benchmark.layout import PARTS, cells_file, done_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord
from benchmark.pipeline.data_jobs import PREPARE, is_done
from benchmark.pipeline.jobs import SUBMIT, TABLES, job_name
from benchmark.pipeline.run_folder import part_of, status
from slurm.commands import JobInfo, SlurmError, sacct, squeue
from slurm.env import process_exists
from slurm.ledger import Entry, Ledger

STATES = ("done", "running", "queued", "waiting", "to do", "stopped", "cancelled", "failed", "lost")
ACTIVE = ("running", "queued", "waiting")
FAILED = ("cancelled", "failed", "lost")
DEPENDENCY_REASONS = ("Dependency", "DependencyNeverSatisfied")
# Lines of slurmstepd in a job's log. One that gives a reason for a cancellation ("DUE TO TIME LIMIT") is no `scancel`.
KILL_REASON = re.compile(r"memory limit|oom|time limit|node fail|preempt", re.IGNORECASE)
SCANCELLED = re.compile(r"CANCELLED AT \S+$")
MAX_DETAIL = 200  # characters of a log line


@dataclass(frozen=True)
class StageStatus:
    """The state of one stage of one run."""

    run: str  # name; of a job that prepares data, what it prepares; empty for the tables
    stage: str  # prepare | submit | pretrain | embed | probe | tables
    state: str  # one of STATES
    detail: str  # the error, or what Slurm gives as the reason
    written: dict[str, Any]  # the last content of status.json, if this stage wrote it
    entry: Entry | None  # its last submission to Slurm
    job: JobInfo | None  # what Slurm knows of that submission


@dataclass(frozen=True)
class BenchmarkStatus:
    """The state of a benchmark."""

    stages: list[StageStatus]
    slurm_error: str | None  # why Slurm did not answer

    @property
    def active(self) -> bool:
        """Whether a stage runs or is queued, or may be, where Slurm does not answer."""
        return any(
            stage.state in ACTIVE or (self.slurm_error and stage.entry and stage.state != "done")
            for stage in self.stages
        )

    @property
    def failed(self) -> bool:
        """Whether a stage was cancelled, has failed or is lost, or Slurm does not answer."""
        return self.slurm_error is not None or any(stage.state in FAILED for stage in self.stages)


def read_status(benchmark: BenchmarkRecord, folder: Path, ledger_folder: Path) -> BenchmarkStatus:
    """Reads the state of a benchmark.

    Args:
        benchmark: the last launch, or the part of it whose state is asked for.
        folder: of the benchmark.
        ledger_folder: of the jobs that were submitted for it.
    """
    slurm = _SlurmRecords.read(submitted_jobs(benchmark, ledger_folder))
    stages = list(_preparation_stages(folder, benchmark, slurm))
    stages += [stage for run in benchmark.all_runs for stage in _run_stages(folder.parent / run.run, run, slurm)]
    if (entry := slurm.entries.get(TABLES)) and benchmark.runs:
        tables = cells_file(folder)
        done = tables.is_file() and tables.stat().st_mtime >= entry.submitted
        stages.append(_stage("", TABLES, TABLES, done, {}, slurm))
    return BenchmarkStatus(stages, slurm.error)


def submitted_jobs(benchmark: BenchmarkRecord, ledger_folder: Path) -> dict[str, Entry]:
    """The last submissions of a benchmark's own jobs, and of those that prepare its data."""
    entries = dict(Ledger(ledger_folder).entries)
    ledgers = {job.ledger: Ledger(Path(job.ledger)).entries for job in benchmark.data_jobs}
    for job in benchmark.data_jobs:
        if entry := ledgers[job.ledger].get(job.job):
            entries[job.job] = entry
    return entries


def job_names(words: Iterable[str], benchmark: BenchmarkRecord) -> list[str]:
    """The names of the jobs that ``RUN``, ``RUN:STAGE``, ``prepare``, ``submit`` or ``tables`` stands for.

    Raises:
        UsageError: no such run or stage.
    """
    jobs: list[str] = []
    runs = [run.name for run in benchmark.all_runs]
    for word in words:
        if word == PREPARE:
            jobs += [job.job for job in benchmark.data_jobs]
            continue
        run, colon, stage = word.partition(":")
        if run not in (*runs, SUBMIT, TABLES):
            raise UsageError(f"no run {run!r} in this benchmark{suggestion(run, runs)}")
        if colon and stage not in PARTS:
            raise UsageError(f"no stage {stage!r}{suggestion(stage, PARTS)}")
        jobs += [run] if run in (SUBMIT, TABLES) else [job_name(run, part) for part in PARTS if stage in ("", part)]
    return jobs


def short_path(path: Path) -> str:
    """A path relative to the working directory where it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@dataclass(frozen=True)
class _SlurmRecords:
    """What Slurm knows of a benchmark's jobs; empty for a benchmark that was never submitted."""

    entries: dict[str, Entry]  # their last submissions, by name
    queue: dict[str, JobInfo]  # pending and running jobs by Slurm's id
    ended: dict[str, JobInfo]  # from accounting, by Slurm's id
    error: str | None  # why Slurm did not answer

    @classmethod
    def read(cls, entries: dict[str, Entry]) -> "_SlurmRecords":
        if not entries:
            return cls(entries, {}, {}, None)
        try:
            queue = squeue()
        except SlurmError as error:
            return cls(entries, {}, {}, str(error))
        ended = sacct([entry.job for entry in entries.values() if entry.job not in queue])
        return cls(entries, queue, ended or {}, None)

    def job(self, entry: Entry) -> JobInfo | None:
        job = self.queue.get(entry.job) or self.ended.get(entry.job)
        return job if job and job.name == entry.array else None  # Slurm's ids may be given out again


def _preparation_stages(folder: Path, benchmark: BenchmarkRecord, slurm: _SlurmRecords) -> Iterator[StageStatus]:
    """The jobs that prepare the data, and the one that then submits the runs."""
    if not benchmark.data_jobs:
        return
    for job in benchmark.data_jobs:
        yield _stage(job.shown, PREPARE, job.job, is_done(job), {}, slurm)
    last = status(folder)
    yield _stage("", SUBMIT, SUBMIT, last.get("state") == "done", last, slurm)


def _run_stages(folder: Path, run: RunRecord, slurm: _SlurmRecords) -> Iterator[StageStatus]:
    """The stages of one run, from the markers and the status in its folder."""
    markers = {"pretrain": ["pretrain"]}
    if run.tasks:
        markers["embed"] = [f"embed-{name}" for name in run.sets]
        markers["probe"] = [f"probe-{task}" for task in run.tasks]
    last = status(folder)
    for part, names in markers.items():
        done = all(done_file(folder, name).is_file() for name in names)
        # A run that waits for its next job still has the status of the stage before.
        is_current = part_of(last.get("stage", "")) == part and last.get("state") != "waiting"
        yield _stage(run.name, part, job_name(run.name, part), done, last if is_current else {}, slurm)


def _stage(run: str, stage: str, name: str, done: bool, written: dict[str, Any], slurm: _SlurmRecords) -> StageStatus:
    entry = slurm.entries.get(name)
    job = slurm.job(entry) if entry else None
    if done:
        state, detail = "done", ""
    elif entry is None or slurm.error is not None:
        state, detail = _written_state(written)
    elif job is not None and entry.job in slurm.queue:
        state, detail = _queued_state(job)
    else:
        state, detail = _ended_state(entry, job, written)
    return StageStatus(run, stage, state, detail, written, entry, job)


def _written_state(written: dict[str, Any]) -> tuple[str, str]:
    """State and detail by the stage's own status alone."""
    state = written.get("state")
    if state == "failed":
        return "failed", str(written.get("error", ""))
    if state == "stopped":
        return "stopped", "saved; launch again to continue"
    if state != "running":
        return "to do", ""
    on_this_machine = written.get("host") == platform.node() and "job" not in written
    if on_this_machine and not process_exists(written["pid"]):
        return "lost", "its process is gone"
    return "running", ""


def _queued_state(job: JobInfo) -> tuple[str, str]:
    """State and detail of a job that is pending or running."""
    if job.state == "PENDING":
        return "waiting" if job.reason in DEPENDENCY_REASONS else "queued", job.reason
    return "running", "" if job.state == "RUNNING" else job.state


def _ended_state(entry: Entry, job: JobInfo | None, written: dict[str, Any]) -> tuple[str, str]:
    """State and detail of a job that left the queue without finishing its stage."""
    # The clock of a node may be behind, so that a heartbeat of this submission seems to be older than it.
    is_current = written.get("job") == entry.job or written.get("heartbeat", 0) >= entry.submitted
    state = written.get("state") if is_current else None
    slurm_state = job.state if job and job.state not in ("COMPLETED", "PENDING") else ""
    if state == "failed":
        return "failed", str(written.get("error", ""))
    kill_reason = next((line for line in _slurm_messages(entry) if KILL_REASON.search(line)), "")
    if slurm_state == "CANCELLED" or (not kill_reason and _is_scancelled(entry)):
        return "cancelled", ""
    if state == "running":
        return "lost", kill_reason or slurm_state or "ended without an error"
    if state == "stopped":
        return "stopped", "saved; launch again to continue"
    if slurm_state or _log_lines(
        entry
    ):  # it failed before it could write a status: in a line of slurm_setup, for example
        return "failed", kill_reason or _last_line(entry) or slurm_state
    return "cancelled", "did not start"


def _is_scancelled(entry: Entry) -> bool:
    """Whether Slurm's last message in a job's log is that somebody cancelled it."""
    return any(SCANCELLED.search(line) for line in _slurm_messages(entry)[-1:])


def _slurm_messages(entry: Entry) -> list[str]:
    """Slurm's own messages in a job's log."""
    return [line.partition("error: ")[2].strip("* ") for line in _log_lines(entry) if line.startswith("slurmstepd")]


def _last_line(entry: Entry) -> str:
    """The last line of a job's log, preferably not one of Slurm's: the error of a set-up line or of Python."""
    lines = [line for line in _log_lines(entry) if not line.startswith(("srun: ", "submitit "))]
    own_lines = [line for line in lines if not line.startswith("slurmstepd")]
    return (own_lines or lines or [""])[-1]


def _log_lines(entry: Entry) -> list[str]:
    """The lines of a job's logs, printable and not too long."""
    lines = [line for path in entry.logs for line in path.read_text(errors="replace").splitlines()]
    return ["".join(filter(str.isprintable, line)).strip()[:MAX_DETAIL] for line in lines if line.strip()]

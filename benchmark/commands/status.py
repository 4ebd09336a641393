"""Where every stage of every run stands: what is on disk, and what Slurm knows of it, with accounting or without."""

import platform
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from benchmark.errors import UsageError, suggestion
from benchmark.layout import PARTS
from benchmark.pipeline.jobs import TABLES, job_name
from benchmark.pipeline.results import about
from benchmark.pipeline.run_folder import part_of, status
from slurm.commands import JobInfo, SlurmError, sacct, squeue
from slurm.env import process_exists
from slurm.ledger import Entry, Ledger

STATES = ("done", "running", "queued", "waiting", "to do", "stopped", "cancelled", "failed", "lost")
ENDED_BADLY = ("cancelled", "failed", "lost")
OPEN = ("running", "queued", "waiting")
WRITES = ("running", "failed", "lost")
COLUMNS = ("run", "stage", "state", "progress", "images/s", "heartbeat", "restarts", "job", "node", "what", "log")
REASONS = re.compile(r"memory limit|oom|time limit|node fail|preempt", re.IGNORECASE)
CANCELLED = re.compile(r"CANCELLED AT \S+$")  # with no reason: "DUE TO TIME LIMIT"
LONGEST = 200  # characters of a log's line
WAITS = ("Dependency", "DependencyNeverSatisfied")


@dataclass(frozen=True)
class Row:
    """One stage of one run."""

    run: str
    stage: str
    state: str
    status: dict[str, Any]  # what the stage itself wrote last, if it did
    entry: Entry | None
    seen: JobInfo | None
    what: str = ""

    def cells(self, now: float) -> list[str]:
        """The row's text, column by column."""
        last = self.status
        steps, rate, beat = last.get("steps"), last.get("images_per_s"), last.get("heartbeat")
        node = (self.seen and self.seen.node) or last.get("node") or ""
        return [
            self.run,
            self.stage,
            self.state,
            f"{last.get('step', 0)}/{steps}" if steps else "",
            f"{rate:.0f}" if rate else "",
            f"{_age(now - beat)} ago" if beat else "",
            str(last["restarts"]) if last.get("restarts") else "",
            self.entry.job if self.entry else "",
            node,
            self.what,
            short(self.entry.logs[-1]) if self.entry and self.entry.logs and self.state in WRITES else "",
        ]


@dataclass(frozen=True)
class Report:
    """All rows, and what Slurm said where it could not be asked."""

    rows: list[Row]
    trouble: str | None

    @property
    def open(self) -> bool:
        """Whether anything runs or will."""
        return any(row.state in OPEN or (self.trouble and row.entry and row.state != "done") for row in self.rows)

    @property
    def bad(self) -> bool:
        """Whether anything has ended badly, or Slurm does not say whether it has."""
        return self.trouble is not None or any(row.state in ENDED_BADLY for row in self.rows)

    def text(self, whole: bool) -> str:
        """A line for each stage that is not done (with ``whole``, for each), and how many are how far."""
        now = time.time()
        shown = [row.cells(now) for row in self.rows if whole or row.state != "done"]
        used = [n for n in range(len(COLUMNS)) if any(cells[n] for cells in shown)]
        table = tabulate(
            [[cells[n] for n in used] for cells in shown], [COLUMNS[n] for n in used], "plain", disable_numparse=True
        )
        lines = [table] if shown else []
        for stage in (*PARTS, TABLES):
            counts = Counter(row.state for row in self.rows if row.stage == stage)
            told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
            lines += [f"{stage + ':':<10} {told}"] if told else []
        return "\n".join([*lines, *([f"Slurm does not answer: {self.trouble}"] if self.trouble else [])])


def report(folder: Path, ledger_folder: Path) -> Report:
    """Where a benchmark stands.

    Raises:
        UsageError: there is no such benchmark.
    """
    what, ledger = about(folder), Ledger(ledger_folder)
    queue: dict[str, JobInfo] = {}
    trouble = None
    if ledger.entries:
        try:
            queue = squeue()
        except SlurmError as error:
            trouble = str(error)
    left = [entry.job for entry in ledger.entries.values() if entry.job not in queue]
    ended = {} if trouble else sacct(left) or {}
    look = _Look(ledger, queue, ended, trouble is None)
    rows = [row for run in what["runs"] + what.get("starts", []) for row in look.run(folder.parent / run["run"], run)]
    if TABLES in ledger.entries:
        rows.append(look.row("", TABLES, _newer(folder / "tables" / "cells.json", ledger.entries[TABLES]), {}))
    return Report(rows, trouble)


def names(folder: Path) -> list[str]:
    """The names of a benchmark's runs."""
    what = about(folder)
    return [run["name"] for run in what["runs"] + what.get("starts", [])]


@dataclass(frozen=True)
class _Look:
    ledger: Ledger
    queue: dict[str, JobInfo]
    ended: dict[str, JobInfo]
    answered: bool  # by Slurm

    def run(self, folder: Path, run: dict[str, Any]) -> Iterator[Row]:
        """The stages of one run, from the markers and the status in its folder."""
        last = status(folder)
        needed = {"pretrain": ["pretrain"]}
        needed |= {"embed": [f"embed-{name}" for name in run["sets"]]} if run["tasks"] else {}
        needed |= {"probe": [f"probe-{task}" for task in run["tasks"]]} if run["tasks"] else {}
        for part, stages in needed.items():
            done = all((folder / "done" / f"{stage}.json").is_file() for stage in stages)
            own = part_of(last.get("stage", "")) == part and last.get("state") != "waiting"  # that is of the one before
            yield self.row(run["name"], part, done, last if own else {})

    def row(self, run: str, stage: str, done: bool, last: dict[str, Any]) -> Row:
        """One stage, of which ``last`` is the status it wrote, if it was the last to write one."""
        entry = self.ledger.entries.get(job_name(run, stage) if run else stage)
        seen = self._seen(entry)
        state, what = ("done", "") if done else self._state(entry, seen, last)
        return Row(run, stage, state, last, entry, seen, what)

    def _seen(self, entry: Entry | None) -> JobInfo | None:
        if entry is None:
            return None
        queued = self.queue.get(entry.job)
        seen = queued or self.ended.get(entry.job)
        return seen if seen and seen.name == entry.array else None  # numbers come again

    def _state(self, entry: Entry | None, seen: JobInfo | None, last: dict[str, Any]) -> tuple[str, str]:
        said = last.get("state")
        if entry is None or not self.answered:
            return _without_slurm(said, last)
        if entry.job in self.queue and seen is not None:
            if seen.state != "PENDING":
                return "running", "" if seen.state == "RUNNING" else seen.state
            return "waiting" if seen.reason in WAITS else "queued", seen.reason
        # The status is of this submission; clocks of nodes may be behind.
        after = last.get("job") == entry.job or last.get("heartbeat", 0) >= entry.submitted
        how = seen.state if seen and seen.state not in ("COMPLETED", "PENDING") else ""
        if said == "failed" and after:
            return "failed", str(last.get("error", ""))
        words = _last_words(entry)
        if how == "CANCELLED" or (not words and _cancelled(entry)):
            return "cancelled", ""
        if said == "running" and after:
            return "lost", words or how or "ended without a word"
        if said == "stopped" and after:
            return "stopped", "saved; launch again to go on"
        if how or _lines(entry):  # it came to no status of its own: a set-up line, say, has failed
            return "failed", words or _last_line(entry) or how
        return "cancelled", "did not start"


def short(path: Path) -> str:
    """A path as one would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _last_words(entry: Entry) -> str:
    """Slurm's own line in a job's log about why it was ended, if there is one."""
    return next((line for line in _of_slurm(entry) if REASONS.search(line)), "")


def _cancelled(entry: Entry) -> bool:
    """Whether the last that Slurm wrote into a job's log is that somebody cancelled it."""
    return any(CANCELLED.search(line) for line in _of_slurm(entry)[-1:])


def _of_slurm(entry: Entry) -> list[str]:
    return [line.partition("error: ")[2].strip("* ") for line in _lines(entry) if line.startswith("slurmstepd")]


def _last_line(entry: Entry) -> str:
    """What a set-up line, or a Python that does not start, has to say: the last line, and rather not one of Slurm's."""
    lines = [line for line in _lines(entry) if not line.startswith("srun: ")]
    others = [line for line in lines if not line.startswith("slurmstepd")]
    return (others or lines or [""])[-1]


def _lines(entry: Entry) -> list[str]:
    """The lines of a job's logs, as far as they can be shown."""
    lines = [line for path in entry.logs for line in path.read_text(errors="replace").splitlines()]
    return ["".join(filter(str.isprintable, line)).strip()[:LONGEST] for line in lines if line.strip()]


def _without_slurm(said: str | None, last: dict[str, Any]) -> tuple[str, str]:
    if said == "running":
        here = last.get("host") == platform.node() and "job" not in last
        return ("lost", "its process is gone") if here and not process_exists(last["pid"]) else ("running", "")
    return {
        "failed": ("failed", str(last.get("error", ""))),
        "stopped": ("stopped", "saved; launch again to go on"),
    }.get(said or "", ("to do", ""))


def _newer(path: Path, entry: Entry) -> bool:
    return path.is_file() and path.stat().st_mtime >= entry.submitted


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def chosen(words: list[str], folder: Path) -> list[str]:
    """The names of the jobs that words on the command line mean: a run's, or one stage's of it.

    Raises:
        UsageError: there is no such run or stage.
    """
    jobs: list[str] = []
    runs = names(folder)
    for word in words:
        run, _, stage = word.partition(":")
        if run not in (*runs, TABLES):
            raise UsageError(f"no run {run!r} in this benchmark{suggestion(run, runs)}")
        if stage and stage not in PARTS:
            raise UsageError(f"no stage {stage!r}{suggestion(stage, PARTS)}")
        jobs += [TABLES] if run == TABLES else [job_name(run, part) for part in PARTS if stage in ("", part)]
    return jobs

"""A simulated Slurm at the place where its programs are called, with a virtual clock and faults on demand."""

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import submitit
from submitit.core.utils import CommandFunction, DelayedSubmission, FailedJobError

from slurm.commands import SlurmError
from slurm.member import Call, Member, read_bundle

QUEUED = ("PENDING", "RUNNING", "COMPLETING")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL")
COMPLETING_SECONDS = 3.0


class KilledError(BaseException):
    """The launching command is killed: nothing of it runs after this."""


@dataclass
class SimulatedJob:
    """One member of an array."""

    array_id: int
    index: int
    name: str
    script: Path
    bundle: Path
    dependency: str
    kill_on_invalid: bool
    state: str = "PENDING"
    final_state: str = ""  # while it is completing
    completing_until: float = 0.0
    restarts: int = 0

    @property
    def job_id(self) -> str:
        return f"{self.array_id}_{self.index}"

    def calls(self) -> list[Call]:
        """What it runs.

        Raises:
            FileNotFoundError: the launch was killed before submitit had written the job's pickle.
        """
        pickled = self.script.parent / f"{self.job_id}_submitted.pkl"
        member: Member = DelayedSubmission.load(pickled).function  # type: ignore[assignment]
        return read_bundle(member.bundle)[self.index]

    def names(self) -> list[str]:
        """Names of its jobs of the graph."""
        return [call.name for call in read_bundle(self.bundle)[self.index]]


@dataclass
class SimulatedSlurm:
    """The queue, and the programs that show and change it.

    Attributes:
        fault: called before (False) and after (True) each program has had its effect; raises to disturb the caller.
    """

    max_array_size: int = 1001
    accounting: bool = True
    now: float = 0.0
    next_id: int = 1
    jobs: dict[str, SimulatedJob] = field(default_factory=dict)
    fault: Callable[[str, bool], None] = lambda program, done: None
    cut_list: int | None = None  # number of characters of the next list of jobs that arrive

    def call(self, program: str, *arguments: str) -> str:
        """Stands in for `slurm.commands._call`."""
        self.fault(program, False)
        output: str = getattr(self, f"_{program}")(*arguments)
        self.fault(program, True)
        return output

    def sleep(self, seconds: float) -> None:
        """Let time pass: jobs that are completing end, and dependencies are looked at."""
        self.now += seconds
        for job in self.jobs.values():
            if job.state == "COMPLETING" and self.now >= job.completing_until:
                job.state = job.final_state
        for job in self.jobs.values():
            if job.state == "PENDING" and job.kill_on_invalid and self.dependency(job) == "never":
                job.state = "CANCELLED"

    def dependency(self, job: SimulatedJob) -> str:
        """Whether a job's dependency is met: ``yes``, ``not yet`` or ``never``."""
        if not job.dependency:
            return "yes"
        kind, _, ids = job.dependency.partition(":")
        parents = []
        for parent_id in ids.split(":"):
            if kind == "aftercorr":
                parents += [self.jobs[f"{parent_id}_{job.index}"]]
            elif "_" in parent_id:
                parents += [self.jobs[parent_id]]
            else:
                parents += [other for other in self.jobs.values() if str(other.array_id) == parent_id]
        if any(parent.state in QUEUED for parent in parents):
            failed = any(parent.state in ENDED[1:] for parent in parents) and kind != "afterany"
            return "never" if failed else "not yet"
        if kind == "afterany" or all(parent.state == "COMPLETED" for parent in parents):
            return "yes"
        return "never"

    def queued(self, *states: str) -> list[SimulatedJob]:
        """Jobs in the queue, in one of the states if some are given."""
        return [job for job in self.jobs.values() if job.state in (states or QUEUED)]

    def end(self, job: SimulatedJob, state: str) -> None:
        """End a running job; it stays in the queue as COMPLETING for some seconds."""
        job.state, job.final_state, job.completing_until = "COMPLETING", state, self.now + COMPLETING_SECONDS

    def run(self, job: SimulatedJob) -> None:
        """Do what a running job does, and end it by the outcome."""
        try:
            for call in job.calls():
                call.run()
        except (OSError, RuntimeError):
            self.end(job, "FAILED")
        else:
            self.end(job, "COMPLETED")

    def submit(self, script: Path) -> str:
        """Stands in for sbatch."""
        self.fault("sbatch", False)
        options = dict(
            (shlex.split(match[1])[0].partition("=")[::2])
            for line in script.read_text().splitlines()
            if (match := re.match(r"#SBATCH --(.*)", line))
        )
        bundle = max(script.parent.glob("*.bundle"), key=lambda path: path.stat().st_mtime_ns)
        for index in _indices(options["array"]):
            if index >= self.max_array_size:
                raise FailedJobError("sbatch: error: Batch job submission failed: Invalid job array specification")
            job = SimulatedJob(
                self.next_id,
                index,
                options["job-name"],
                script,
                bundle,
                options.get("dependency", ""),
                "kill-on-invalid-dep" in options,
            )
            self.jobs[job.job_id] = job
        self.next_id += 1
        self.fault("sbatch", True)
        return f"Submitted batch job {self.next_id - 1}\n"

    def _squeue(self, *_: str) -> str:
        records = []
        for job in self.queued():
            never = job.state == "PENDING" and self.dependency(job) == "never"
            reason = "DependencyNeverSatisfied" if never else "None"
            fields = (job.job_id, job.state, "n1", reason, job.name, str(job.script))
            records.append("\x1f".join(fields) + "\x1e\n")
        output = "".join(records)
        if output and self.cut_list is not None:
            cut, self.cut_list = self.cut_list % len(output), None
            # Only a whole list ends with a record: Slurm's programs end with an error otherwise.
            while cut < len(output) and output[:cut].rstrip("\n")[-1:] in (
                "\x1e",
                "",
            ):
                cut += 1
            output = output[:cut]
        return output

    def _scancel(self, *job_ids: str) -> str:
        for job_id in job_ids:
            job = self.jobs.get(job_id)
            if job is not None and job.state == "PENDING":
                job.state = "CANCELLED"
            elif job is not None and job.state == "RUNNING":
                self.end(job, "CANCELLED")
        return ""

    def _scontrol(self, *_: str) -> str:
        return f"MaxArraySize            = {self.max_array_size}\n"

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace Slurm's programs and the clock of submissions in this process."""
        clock = SimpleNamespace(
            time=lambda: self.now,
            monotonic=lambda: self.now,
            sleep=self.sleep,
            strftime=lambda _: "20260101-000000-",
        )

        def run_command(command: CommandFunction, *_: Any, **__: Any) -> str:
            program, script = command.command
            assert program == "sbatch"
            return self.submit(Path(script))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("slurm.commands._call", self.call)
            patch.setattr("slurm.submission.time", clock)
            patch.setattr(CommandFunction, "__call__", run_command)
            patch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 2))
            yield


def _indices(array: str) -> list[int]:
    indices: list[int] = []
    for part in array.partition("%")[0].split(","):
        first, _, last = part.partition("-")
        indices += range(int(first), int(last or first) + 1)
    return indices


def no_answer(program: str, done: bool) -> None:
    """A fault: the controller does not answer, before the program has an effect."""
    if program == "sbatch":
        raise FailedJobError("sbatch: error: Unable to contact slurm controller (connect failure)")
    raise SlurmError(f"{program}: no answer from Slurm within 60 s")

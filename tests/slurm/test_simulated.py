"""Benchmarks on a simulated Slurm that is broken in every way, at random: hypothesis shrinks and replays failures."""

import hashlib
import os
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from slurm.commands import SlurmError
from slurm.graph import Job
from slurm.ledger import FILE
from slurm.resources import Resources, Site
from slurm.submission import cancel, submit
from tests.slurm.simulated import ENDED, KilledError, SimulatedJob, SimulatedSlurm, no_answer

STAGES = ("pretrain", "embed", "probe")
TABLES = "tables"


def work(folder: str, name: str, inputs: tuple[str, ...]) -> None:
    """Write a file that depends on those of the jobs before, unless it exists."""
    path = Path(folder, name)
    if path.exists():
        return
    texts = [Path(folder, each).read_text() for each in inputs]
    path.write_text(hashlib.sha256("\n".join([name, *texts]).encode()).hexdigest())
    with Path(folder, "work.log").open("a") as log:
        log.write(f"{name}\n")


def write_tables(folder: str, names: tuple[str, ...]) -> None:
    """Write what there is of all results."""
    rows = [f"{name}: {path.read_text() if (path := Path(folder, name)).exists() else 'missing'}" for name in names]
    Path(folder, TABLES).write_text("\n".join(rows))


class BrokenCluster(RuleBasedStateMachine):
    """A benchmark of a few runs, launched again and again on a cluster that fails."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="simulated-"))
        self.results = self.folder / "results"
        self.results.mkdir()
        self.stack.callback(shutil.rmtree, self.folder)
        self.stale: list[Job] = []

    @initialize(
        parents=st.lists(st.integers(-3, 3), min_size=1, max_size=5),
        size=st.sampled_from([1, 4, 1000]),
        pack=st.sampled_from([1, 1, 2]),
    )
    def start(self, parents: list[int], size: int, pack: int) -> None:
        """Each run may start from the weights of an earlier one."""
        self.slurm = SimulatedSlurm(max_array_size=size)
        self.stack.enter_context(self.slurm.installed())
        self.inputs: dict[str, tuple[str, ...]] = {}
        for run, parent in enumerate(parents):
            self.inputs[f"pretrain{run}"] = (f"pretrain{parent}",) if 0 <= parent < run else ()
            self.inputs[f"embed{run}"] = (f"pretrain{run}",)
            self.inputs[f"probe{run}"] = (f"embed{run}",)
        small = Resources(timeout_min=60)
        self.resources = dict.fromkeys((*STAGES, TABLES), small)
        self.resources["pretrain"] = Resources(timeout_min=60, pack=pack)

    def done(self, name: str) -> bool:
        return (self.results / name).exists()

    def missing(self) -> list[Job]:
        """The jobs that a launch submits, read from disk."""
        names = [name for name in self.inputs if not self.done(name)]
        folder = str(self.results)
        jobs = [
            Job(
                name,
                work,
                (folder, name, self.inputs[name]),
                tuple(parent for parent in self.inputs[name] if parent in names),
                name.rstrip("0123456789"),
            )
            for name in names
        ]
        if jobs:
            jobs.append(Job(TABLES, write_tables, (folder, tuple(self.inputs)), tuple(names), TABLES, afterany=True))
        return jobs

    def launch(self, jobs: list[Job] | None = None) -> None:
        jobs = self.missing() if jobs is None else jobs
        if not jobs:
            write_tables(str(self.results), tuple(self.inputs))
            return
        site = Site("bench", "python", self.folder / "snapshot")
        submit(jobs, self.resources, site, self.folder / "slurm", self.folder / "logs")

    @rule()
    def launch_undisturbed(self) -> None:
        with suppress(SlurmError):  # a damaged ledger
            self.launch()

    @rule(calls=st.integers(0, 12), done=st.booleans())
    def launch_killed(self, calls: int, done: bool) -> None:
        """The command is killed before or after the effect of one of Slurm's programs."""
        self.disturb(calls, done, killed=True)

    @rule(calls=st.integers(0, 12), done=st.booleans())
    def launch_without_answer(self, calls: int, done: bool) -> None:
        """The controller does not answer once, or its answer is lost."""
        self.disturb(calls, done, killed=False)

    def disturb(self, calls: int, done: bool, killed: bool) -> None:
        left = calls
        dead = False

        def fault(program: str, after: bool) -> None:
            nonlocal left, dead
            if dead:
                raise KilledError
            if after != done:
                return
            left -= 1
            if left < 0:
                dead = killed
                self.slurm.fault = fault if killed else (lambda program, done: None)
                if killed:
                    raise KilledError
                no_answer(program, after)

        self.slurm.fault = fault
        try:
            self.launch()
        except (KilledError, SlurmError):
            pass
        finally:
            self.slurm.fault = lambda program, done: None

    @rule(cut=st.integers(1, 400))
    def launch_with_a_cut_list(self, cut: int) -> None:
        """The list of jobs arrives in part."""
        self.slurm.cut_list = cut
        with suppress(SlurmError):
            self.launch()
        self.slurm.cut_list = None

    @rule()
    def plan_launch(self) -> None:
        """Another command reads from disk what is missing, and continues later."""
        self.stale = self.missing()

    @precondition(lambda self: self.stale)
    @rule()
    def launch_as_planned(self) -> None:
        with suppress(SlurmError):
            self.launch(self.stale)
        self.stale = []

    @rule(truncate=st.booleans())
    def lose_ledger(self, truncate: bool) -> None:
        """The ledger is lost, or cut short until the user removes it as the message says."""
        path = self.folder / "slurm" / FILE
        if not path.exists():
            return
        if truncate:
            path.write_text(path.read_text()[: path.stat().st_size // 2])
            with pytest.raises(SlurmError, match="remove it and launch again"):
                submit(self.missing(), self.resources, Site("bench", "python", self.folder), path.parent, self.folder)
        path.unlink()

    @rule(seconds=st.sampled_from([1.0, 5.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.slurm.sleep(seconds)

    def pick(self, number: int, *states: str) -> SimulatedJob | None:
        jobs = self.slurm.queued(*states)
        return jobs[number % len(jobs)] if jobs else None

    @rule(number=st.integers(0, 20))
    def start_job(self, number: int) -> None:
        jobs = [job for job in self.slurm.queued("PENDING") if self.slurm.dependency(job) == "yes"]
        if jobs:
            jobs[number % len(jobs)].state = "RUNNING"

    @rule(number=st.integers(0, 20))
    def finish_job(self, number: int) -> None:
        if job := self.pick(number, "RUNNING"):
            self.slurm.run(job)

    @rule(number=st.integers(0, 20), state=st.sampled_from(["FAILED", "NODE_FAIL"]))
    def fail_job(self, number: int, state: str) -> None:
        """A job crashes, or is lost with its node."""
        if job := self.pick(number, "RUNNING"):
            self.slurm.end(job, state)

    @rule(number=st.integers(0, 20))
    def requeue_job(self, number: int) -> None:
        """A job is preempted, or meets its walltime, and is queued again."""
        if job := self.pick(number, "RUNNING"):
            job.state, job.restarts = "PENDING", job.restarts + 1

    @rule(number=st.integers(0, 20))
    def cancel_job(self, number: int) -> None:
        """Somebody cancels a job by Slurm's own command."""
        if job := self.pick(number, "PENDING", "RUNNING"):
            self.slurm.call("scancel", job.job_id)

    @rule(some=st.booleans(), number=st.integers(0, 20))
    def cancel_benchmark(self, some: bool, number: int) -> None:
        names = [list(self.inputs)[number % len(self.inputs)]] if some else None
        with suppress(SlurmError):
            cancel(self.folder / "slurm", names)

    @invariant()
    def no_job_is_in_the_queue_twice(self) -> None:
        if not hasattr(self, "slurm"):
            return
        names = [name for job in self.slurm.queued() for name in job.names() if job.final_state not in ENDED[1:]]
        assert len(names) == len(set(names)), names

    @invariant()
    def no_job_runs_twice(self) -> None:
        """A job that is completing after its cancellation may still write."""
        if not hasattr(self, "slurm"):
            return
        names = [name for job in self.slurm.queued("RUNNING", "COMPLETING") for name in job.names()]
        assert len(names) == len(set(names)), names

    @invariant()
    def nothing_done_is_done_again(self) -> None:
        log = self.results / "work.log"
        done = log.read_text().split() if log.exists() else []
        assert len(done) == len(set(done)), done

    def teardown(self) -> None:
        """On a calm cluster, enough launches finish everything, with the results of a calm run."""
        try:
            if hasattr(self, "slurm"):
                self.finish_calmly()
        finally:
            self.stack.close()

    def finish_calmly(self) -> None:
        for _ in range(3):
            try:
                self.launch()
            except SlurmError:
                (self.folder / "slurm" / FILE).unlink()
                continue
            for _ in range(200):
                self.slurm.sleep(5)
                if not self.slurm.queued():
                    break
                for job in self.slurm.queued("PENDING"):
                    if self.slurm.dependency(job) == "yes":
                        job.state = "RUNNING"
                self.no_job_runs_twice()
                for job in self.slurm.queued("RUNNING"):
                    self.slurm.run(job)
        self.launch()
        found = (self.results / TABLES).read_text()
        calm = self.folder / "calm"
        calm.mkdir()
        for name, inputs in self.inputs.items():
            work(str(calm), name, inputs)
        write_tables(str(calm), tuple(self.inputs))
        assert found == (calm / TABLES).read_text()


def run_schedules(number: int) -> None:
    run_state_machine_as_test(
        BrokenCluster,
        settings=settings(
            max_examples=number,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.slow
def test_no_schedule_breaks_a_benchmark() -> None:
    run_schedules(300)


@pytest.mark.nightly
def test_none_of_ten_thousand_schedules_breaks_a_benchmark() -> None:
    run_schedules(int(os.environ.get("FABBENCH_SCHEDULES", "10000")))


def replay(start: dict[str, Any], *steps: tuple[str, dict[str, Any]]) -> None:
    """Run a schedule that was found to break something."""
    machine = BrokenCluster()
    try:
        machine.start(**start)
        for rule_name, arguments in steps:
            getattr(machine, rule_name)(**arguments)
            machine.no_job_is_in_the_queue_twice()
            machine.no_job_runs_twice()
            machine.nothing_done_is_done_again()
    finally:
        machine.teardown()


LAUNCH: tuple[str, dict[str, Any]] = ("launch_undisturbed", {})
ONE_RUN = {"parents": [-1], "size": 4, "pack": 1}


@pytest.mark.parametrize("missing", [1, 2, 3, 20, 60])
def test_a_list_of_jobs_cut_in_its_last_record_is_refused(missing: int) -> None:
    replay(ONE_RUN, LAUNCH, ("launch_with_a_cut_list", {"cut": -missing}))


def test_jobs_whose_dependency_failed_leave_the_queue_before_they_are_submitted_anew() -> None:
    """In packs, whose allocation depends on several jobs."""
    start = {"parents": [-1, -1, -1, 2, 0], "size": 1000, "pack": 2}
    replay(start, LAUNCH, ("cancel_benchmark", {"some": True, "number": 6}), LAUNCH)


def test_a_job_whose_dependency_was_cancelled_just_now_is_submitted_anew() -> None:
    replay(ONE_RUN, LAUNCH, ("cancel_job", {"number": 0}), LAUNCH)


def test_a_job_lost_with_the_ledger_has_ended_before_it_is_submitted_again() -> None:
    start_job: tuple[str, dict[str, Any]] = ("start_job", {"number": 0})
    replay(ONE_RUN, LAUNCH, start_job, ("lose_ledger", {"truncate": False}), LAUNCH, start_job)


@pytest.mark.parametrize("calls", range(14))
def test_a_launch_killed_at_any_call_leaves_no_second_tables(calls: int) -> None:
    start_job: tuple[str, dict[str, Any]] = ("start_job", {"number": 0})
    fail_job: tuple[str, dict[str, Any]] = ("fail_job", {"number": 0, "state": "FAILED"})
    wait: tuple[str, dict[str, Any]] = ("wait", {"seconds": 5.0})
    start = {"parents": [-1, -1], "size": 4, "pack": 1}
    replay(start, LAUNCH, start_job, fail_job, wait, ("launch_killed", {"calls": calls, "done": True}), LAUNCH)

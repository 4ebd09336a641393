"""Schedules of a benchmark on a cluster on which everything goes wrong, and what must hold all the same."""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from filelock import Timeout
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from slurm.commands import SlurmError
from slurm.graph import Job
from slurm.ledger import FILE
from slurm.resources import Resources, Site
from slurm.submission import cancel, submit
from tests.slurm.simulation.cluster import NODES, Cluster
from tests.slurm.simulation.command import Event, Killed, cluster_of
from tests.slurm.simulation.jobs import STAGES, TABLES, calm_tables, done_twice, open_jobs, write_tables
from tests.slurm.simulation.process import run

RELAUNCHES = 2  # after which a calm cluster must have done everything: the first finds what is in the queue
STEPS = st.integers(1, 40) | st.integers(1, 200)
CHOICE = st.integers(0, 30)


class Schedule(RuleBasedStateMachine):
    """One benchmark, launched again and again."""

    @initialize(
        parents=st.lists(st.integers(-3, 3), min_size=1, max_size=5),
        max_array=st.sampled_from([1, 4, 1000]),
        seed=st.integers(0, 1000),
        pack=st.sampled_from([1, 1, 2]),
        throttle=st.sampled_from([None, None, 1]),
        requeues=st.sampled_from([100, 1]),
    )
    def begin(
        self,
        parents: list[int],
        max_array: int = 1000,
        seed: int = 0,
        pack: int = 1,
        throttle: int | None = None,
        requeues: int = 100,
    ) -> None:
        """A benchmark, in which a run may start from the weights of an earlier one, and a cluster."""
        self.temporary = tempfile.TemporaryDirectory(prefix="fabbench-", ignore_cleanup_errors=True)
        self.folder = Path(self.temporary.name)
        self.runs = {
            f"run{number}": f"run{start}" if 0 <= start < number else None for number, start in enumerate(parents)
        }
        resources = Resources(timeout_min=60, slurm_max_num_timeout=requeues, slurm_array_parallelism=throttle)
        self.resources = {stage: replace(resources, pack=pack) for stage in STAGES} | {TABLES: resources}
        self.cluster = Cluster(seed, max_array, run)
        self.stale: list[Job] = []
        self.patches = cluster_of(self.cluster)
        self.command = self.patches.__enter__()
        self.foreign = self.cluster.add_foreign_job()

    # The user.

    @rule()
    def launch(self) -> None:
        self.run_command(lambda: self.submit(self.plan()))

    @rule(kind=st.sampled_from(["killed", "killed", "interrupted", "full"]), step=STEPS)
    def launch_with_an_end(self, kind: str, step: int) -> None:
        self.run_command(lambda: self.submit(self.plan()), Event(kind, step))

    @rule(step=STEPS)
    def two_launches_at_once(self, step: int) -> None:
        waiting: list[list[Job]] = []

        def other() -> None:
            jobs = self.plan()
            try:
                self.submit(jobs)
            except Timeout:
                waiting.append(jobs)

        self.run_command(lambda: self.submit(self.plan()), Event("other", step, lambda: self.command.run(other)))
        for jobs in waiting:
            self.run_command(partial(self.submit, jobs))

    @rule()
    def plan_a_launch(self) -> None:
        self.stale = self.plan()

    @precondition(lambda self: self.stale)
    @rule()
    def launch_what_was_planned(self) -> None:
        jobs, self.stale = self.stale, []
        self.run_command(lambda: self.submit(jobs))

    @rule(number=CHOICE, step=st.none() | STEPS)
    def cancel_jobs(self, number: int, step: int | None) -> None:
        names = None if number % 2 else [f"run{number % len(self.runs)} {stage}" for stage in STAGES]
        event = None if step is None else Event("killed", step)
        self.run_command(lambda: self.cancel(names), event)

    @rule()
    def lose_the_ledger(self) -> None:
        (self.folder / "slurm" / FILE).unlink(missing_ok=True)

    @rule(share=st.floats(0, 1))
    def cut_the_ledger(self, share: float) -> None:
        path = self.folder / "slurm" / FILE
        if path.exists():
            path.write_text(path.read_text()[: int(share * len(path.read_text()))])

    # The cluster.

    @rule(seconds=st.sampled_from([1, 30, 120, 600]))
    def wait(self, seconds: int) -> None:
        self.cluster.advance(seconds)

    @rule(trouble=st.lists(st.sampled_from(["", "", *Cluster.TROUBLE]), min_size=1, max_size=6))
    def let_the_controller_fail(self, trouble: list[str]) -> None:
        self.cluster.trouble = trouble

    @rule()
    def reset_the_controller(self) -> None:
        self.cluster.reset()
        self.foreign = self.cluster.add_foreign_job()

    @rule(node=st.integers(0, NODES - 1))
    def lose_a_node(self, node: int) -> None:
        self.cluster.lose_node(node)

    @rule()
    def repair_the_nodes(self) -> None:
        self.cluster.dead_nodes.clear()

    @precondition(lambda self: self.cluster.running)
    @rule(number=CHOICE, what=st.sampled_from(["crash", "requeue", "notice", "cancel", "kill", "work"]))
    def let_a_job_suffer(self, number: int, what: str) -> None:
        element = self.cluster.running[number % len(self.cluster.running)]
        if what == "crash":
            self.cluster.work(element, 0, crash=True)
        elif what == "requeue":
            self.cluster.requeue(element)
        elif what == "notice":
            element.noticed = True
        elif what == "cancel":
            self.cluster.cancel(element)
        elif what == "kill":
            self.cluster.end(element, "FAILED")
        else:
            self.cluster.work(element, 9)

    # What must hold.

    @invariant()
    def no_job_is_twice_in_the_queue(self) -> None:
        counts = Counter(name for element in self.cluster.elements for name in element.names)
        assert not (twice := [name for name, count in counts.items() if count > 1]), f"twice in the queue: {twice}"

    @invariant()
    def no_job_is_done_again(self) -> None:
        assert not (twice := done_twice(self.folder)), f"done again: {twice}"

    @invariant()
    def jobs_of_others_are_left_alone(self) -> None:
        assert self.foreign.state == "RUNNING"

    def check_all(self) -> None:
        self.no_job_is_twice_in_the_queue()
        self.no_job_is_done_again()
        self.jobs_of_others_are_left_alone()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else the schedule has failed already
                self.calm_down()
        finally:
            self.close()

    def close(self) -> None:
        self.patches.__exit__(None, None, None)
        self.temporary.cleanup()

    def calm_down(self) -> None:
        """Launch again on a calm cluster, as a user does, until everything is done."""
        self.cluster.trouble = []
        jobs = self.plan()
        for _ in range(RELAUNCHES):
            if not jobs:
                break
            self.submit_without_damaged_ledger(jobs)
            self.no_job_is_twice_in_the_queue()
            self.cluster.run_until_empty()
            self.no_job_is_done_again()
            jobs = open_jobs(self.folder, self.runs)
        assert not jobs, f"forgotten: {[job.name for job in jobs]}"
        assert (self.folder / "tables.json").read_text() == calm_tables(self.runs)

    # Parts of the above.

    def plan(self) -> list[Job]:
        """The jobs of a launch; without any, the launching command writes the tables itself."""
        jobs = open_jobs(self.folder, self.runs)
        if not jobs:
            write_tables(str(self.folder), list(self.runs))
        return jobs

    def submit(self, jobs: list[Job]) -> None:
        site = Site("bench", "python", self.folder / "snapshot")
        if jobs:
            submit(jobs, self.resources, site, self.folder / "slurm", self.folder / "logs")

    def submit_without_damaged_ledger(self, jobs: list[Job]) -> None:
        try:
            self.submit(jobs)
        except SlurmError as error:
            if "cut short or altered; remove it" not in str(error):
                raise
            self.lose_the_ledger()
            self.submit(jobs)

    def cancel(self, names: list[str] | None) -> None:
        cancel(self.folder / "slurm", names)

    def run_command(self, function: Callable[[], None], event: Event | None = None) -> None:
        """Run a command that may fail only in ways that its user is told of."""
        try:
            self.command.run(function, event)
        except (SlurmError, Killed, KeyboardInterrupt):
            pass
        except OSError:
            if event is None or event.kind != "full":
                raise


class TwoLedgers(Schedule):
    """A benchmark whose first stage has a ledger of its own, as the jobs that prepare data have."""

    def submit(self, jobs: list[Job]) -> None:
        site = Site("bench", "python", self.folder / "snapshot")
        first = [job for job in jobs if job.stage == STAGES[0]]
        logs = self.folder / "logs"
        queued = submit(first, self.resources, site, self.folder / "data", logs).job_ids if first else {}
        rest = [job for job in jobs if job not in first]
        known = queued.keys() | {job.name for job in rest}
        rest = [replace(job, depends_on=tuple(name for name in job.depends_on if name in known)) for job in rest]
        if rest:
            submit(rest, self.resources, site, self.folder / "slurm", logs, queued)

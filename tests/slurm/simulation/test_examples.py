"""Schedules that once broke a benchmark."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.slurm.simulation.machine import Schedule
from tests.slurm.simulation.queue import Element

Step = Callable[[Schedule], object]

ONE_RUN = partial(Schedule.begin, parents=[-1], max_array=4)


def replay(begin: Step, *steps: Step) -> None:
    """Go through one schedule as hypothesis does."""
    schedule = Schedule()
    begin(schedule)
    try:
        for step in steps:
            step(schedule)
            schedule.check_all()
        schedule.calm_down()
    finally:
        schedule.close()


def launch(schedule: Schedule) -> None:
    schedule.launch()


def launch_killed(step: int) -> Step:
    return lambda schedule: schedule.launch_with_an_end("killed", step)


def start_first_job(schedule: Schedule) -> None:
    schedule.cluster.schedule()


def of_first_job(action: Callable[[Schedule, Element], None]) -> Step:
    return lambda schedule: action(schedule, schedule.cluster.elements[0])


cancel_first_job = of_first_job(lambda schedule, element: schedule.cluster.cancel(element))
kill_first_job = of_first_job(lambda schedule, element: schedule.cluster.end(element, "FAILED"))


def finish(stage: str) -> Step:
    """Let time pass until a stage of the first run is done."""

    def step(schedule: Schedule) -> None:
        while any(job.name == f"run0 {stage}" for job in schedule.plan()):
            schedule.wait(10)

    return step


def end_without_another_launch(schedule: Schedule) -> None:
    schedule.cluster.run_until_empty()
    assert not schedule.plan()


def cut_next_answer(missing: int) -> Step:
    """Lose the last characters of the next answer of the controller."""

    def step(schedule: Schedule) -> None:
        schedule.cluster.trouble = ["half"]
        schedule.cluster.cut = missing

    return step


@pytest.mark.parametrize("missing", [1, 2, 3, 20, 60])
def test_a_list_of_jobs_cut_in_its_last_record_is_refused(missing: int) -> None:
    replay(ONE_RUN, launch, cut_next_answer(missing), launch)


@pytest.mark.parametrize("step", range(1, 12))
def test_a_limit_of_arrays_cut_short_is_no_number(step: int) -> None:
    """The answer of scontrol."""

    def cut(schedule: Schedule) -> None:
        schedule.cluster.trouble = ["", "half"]
        schedule.cluster.cut = step

    replay(ONE_RUN, cut, launch, launch)


def test_jobs_whose_dependency_failed_leave_the_queue_before_they_are_submitted_anew() -> None:
    """In packs, whose allocation depends on several jobs."""
    begin = partial(Schedule.begin, parents=[-1, -1, -1, 2, 0], pack=2)
    replay(begin, launch, partial(Schedule.cancel, names=["run2 pretrain"]), launch, end_without_another_launch)


def test_a_job_whose_dependency_was_cancelled_just_now_is_submitted_anew() -> None:
    replay(ONE_RUN, launch, cancel_first_job, launch, end_without_another_launch)


def test_a_job_lost_with_the_ledger_has_ended_before_it_is_submitted_again() -> None:
    replay(ONE_RUN, launch, start_first_job, Schedule.lose_the_ledger, launch, start_first_job)


@pytest.mark.parametrize("step", range(1, 80, 3))
def test_a_launch_killed_at_any_step_leaves_no_second_tables(step: int) -> None:
    begin = partial(Schedule.begin, parents=[-1, -1], max_array=4)
    replay(begin, launch, start_first_job, kill_first_job, launch_killed(step), launch)


@pytest.mark.parametrize("step", range(1, 80, 2))
def test_a_launch_killed_at_any_step_leaves_no_tables_that_wait_for_cancelled_jobs(step: int) -> None:
    """The tables of the first launch are in the queue, and so are the runs of the killed one."""
    cancel = partial(Schedule.cancel_jobs, number=0, step=None)
    replay(ONE_RUN, launch, cancel, launch_killed(step))


@pytest.mark.parametrize("step", range(1, 60, 2))
def test_a_launch_killed_after_job_ids_came_again_records_no_other_job(step: int) -> None:
    """The ledger's entries of ids before the controller's reset must not stand for the new jobs."""
    replay(ONE_RUN, launch, finish("pretrain"), Schedule.reset_the_controller, launch_killed(step), launch)

"""Schedules of failures on a simulated cluster, drawn by hypothesis from seeds."""

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.slurm.simulation.machine import Schedule, TwoLedgers

SEEDS = 20  # of the nightly run
SCHEDULES = 500  # of each seed


def check(number: int, schedules: int, kind: type[Schedule] = Schedule) -> None:
    """Draw schedules from a seed; the first that fails is shrunk and printed as code."""
    options = settings(
        max_examples=schedules,
        stateful_step_count=30,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(type("Schedule", (kind,), {})), settings=options)


@pytest.mark.slow
def test_no_schedule_breaks_a_benchmark() -> None:
    check(0, 300)


@pytest.mark.slow
def test_no_schedule_breaks_jobs_that_wait_for_those_of_another_ledger() -> None:
    check(0, 100, TwoLedgers)


@pytest.mark.nightly
@pytest.mark.parametrize("number", range(1, 1 + SEEDS))
def test_no_schedule_of_many_breaks_a_benchmark(number: int) -> None:
    check(number, SCHEDULES)

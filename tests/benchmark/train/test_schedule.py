"""Learning rate and curriculum of a run."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from benchmark.config.schema import TrainConfig
from benchmark.train.schedule import Schedule

CONFIG = TrainConfig(schedule="plateau", plateau_patience=1, lr=0.1)


def make_schedule(**settings: Any) -> Schedule:
    config = replace(CONFIG, **settings)
    return Schedule(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], config.lr), config)


def learning_rate(schedule: Schedule) -> float:
    return float(schedule.optimiser.param_groups[0]["lr"])


def plateau(schedule: Schedule, loss: float = 1.0) -> None:
    """A new lowest loss and two that are not lower, which with a patience of one is a plateau."""
    schedule.after_validation(loss)
    schedule.after_validation(loss)
    schedule.after_validation(loss + 0.1)


def test_window_shifts_at_four_plateaus_before_the_learning_rate_falls() -> None:
    schedule = make_schedule(curriculum=True)
    windows, rates = [schedule.window], [learning_rate(schedule)]
    for _ in range(6):
        plateau(schedule)
        windows.append(schedule.window)
        rates.append(learning_rate(schedule))
    assert windows == [(0, 50), (10, 60), (20, 70), (30, 80), (40, 90), (40, 90), (40, 90)]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.001])
    assert not schedule.converged
    plateau(schedule)
    assert schedule.converged


def test_no_plateau_while_the_loss_falls_within_the_patience() -> None:
    schedule = make_schedule(curriculum=True)
    for loss in (1.0, 0.9, 0.95, 0.8, 0.8, 0.7):
        schedule.after_validation(loss)
    assert schedule.window == (0, 50)
    schedule.after_validation(0.75)
    schedule.after_validation(0.75)
    assert schedule.window == (10, 60)


def test_lowest_loss_is_reset_by_a_shift() -> None:
    """Training on harder samples may raise the validation loss, which is no plateau of the new window."""
    schedule = make_schedule(curriculum=True)
    plateau(schedule, 1.0)
    for loss in (3.0, 2.9, 2.8, 2.7):
        schedule.after_validation(loss)
    assert schedule.window == (10, 60)


def test_without_curriculum_plateaus_divide_the_learning_rate_and_then_end_the_run() -> None:
    schedule = make_schedule()
    rates = []
    for _ in range(3):
        assert not schedule.converged
        plateau(schedule)
        rates.append(learning_rate(schedule))
    assert rates == pytest.approx([0.01, 0.001, 0.001])
    assert schedule.converged


@pytest.mark.parametrize("kind", ["constant", "one_cycle"])
def test_plateaus_leave_the_learning_rate_of_other_schedules_alone(kind: str) -> None:
    schedule = make_schedule(schedule=kind, curriculum=True, steps=20)
    before = learning_rate(schedule)
    for _ in range(9):
        plateau(schedule)
    assert learning_rate(schedule) == before
    assert schedule.window == (40, 90)
    assert not schedule.converged


def rates(schedule: Schedule, steps: int) -> list[float]:
    """The learning rate of each of the next steps."""
    seen = []
    for _ in range(steps):
        seen.append(learning_rate(schedule))
        schedule.optimiser.step()
        schedule.after_step()
    return seen


def test_a_curriculum_that_holds_keeps_one_cycle_at_its_peak_until_the_last_window() -> None:
    schedule = make_schedule(schedule="one_cycle", curriculum=True, curriculum_hold=True, steps=100)
    seen = rates(schedule, 30)
    assert seen[9:] == pytest.approx([0.1] * 21), "warm-up takes a tenth of the steps"
    for _ in range(3):
        plateau(schedule)
        seen += rates(schedule, 10)
    assert seen[30:] == pytest.approx([0.1] * 30)
    plateau(schedule)
    falling = rates(schedule, 40)
    assert falling[0] == pytest.approx(0.1)
    assert all(after < before for before, after in pairwise(falling))
    assert falling[20] == pytest.approx(0.05, rel=0.05), "a cosine over what is left"
    assert falling[-1] == pytest.approx(0.1 / 25 / 1e4, rel=0.01)


def test_one_cycle_after_an_early_last_window_goes_by_the_clock() -> None:
    held = make_schedule(schedule="one_cycle", curriculum=True, curriculum_hold=True, curriculum_start=4, steps=50)
    free = make_schedule(schedule="one_cycle", steps=50)
    assert rates(held, 50) == rates(free, 50)


def test_multistep_divides_the_rate_at_each_milestone() -> None:
    schedule = make_schedule(schedule="multistep", milestones=[0.3, 0.6, 0.9], steps=50)
    assert rates(schedule, 50) == pytest.approx([0.1] * 15 + [0.01] * 15 + [0.001] * 15 + [0.0001] * 5)
    assert not schedule.converged


def test_milestones_are_shares_of_what_is_left_once_a_curriculum_no_longer_holds() -> None:
    schedule = make_schedule(
        schedule="multistep", milestones=[0.5], steps=100, curriculum=True, curriculum_hold=True, curriculum_start=3
    )
    assert rates(schedule, 60) == pytest.approx([0.1] * 60)
    plateau(schedule)
    assert rates(schedule, 40) == pytest.approx([0.1] * 20 + [0.01] * 20)


def test_run_may_begin_with_the_last_window_of_a_curriculum() -> None:
    assert make_schedule(curriculum=True, curriculum_start=4).window == (40, 90)


@pytest.mark.parametrize("count", [10, 32, 33])
def test_weights_select_the_window_with_bounds_rounded_down(count: int) -> None:
    losses = torch.rand(count, generator=torch.Generator().manual_seed(0))
    schedule = make_schedule(curriculum=True, curriculum_start=1)
    window = sorted(losses.tolist())[int(0.1 * count) : int(0.6 * count)]
    weights = schedule.weights(losses)
    assert sorted(losses[weights > 0].tolist()) == window
    assert weights[weights > 0].tolist() == pytest.approx([1 / len(window)] * len(window))
    assert make_schedule().weights(losses).tolist() == pytest.approx([1 / count] * count)


def test_samples_within_the_window_get_the_gradient() -> None:
    losses = torch.arange(10.0).flip(0).requires_grad_()
    weights = make_schedule(curriculum=True, curriculum_start=2).weights(losses.detach())
    (losses * weights).sum().backward()
    assert losses.grad is not None
    assert losses.grad.tolist() == pytest.approx([0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0])


@pytest.mark.parametrize("kind", ["plateau", "one_cycle", "multistep"])
@pytest.mark.parametrize("curriculum", [False, True])
@pytest.mark.parametrize("start", [0, 3])
def test_restored_schedule_continues_like_the_original(kind: str, curriculum: bool, start: int) -> None:
    def run(schedule: Schedule, losses: list[float]) -> list[tuple[tuple[int, int], float, bool]]:
        states = []
        for loss in losses:
            schedule.optimiser.step()
            schedule.after_step()
            schedule.after_validation(loss)
            states.append((schedule.window, learning_rate(schedule), schedule.converged))
        return states

    losses = [1.0, 1.0, 1.0, 2.0, 2.0, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9]
    settings = {"schedule": kind, "curriculum": curriculum, "curriculum_hold": True, "curriculum_start": start}
    uninterrupted, first, second = (make_schedule(**settings, steps=20) for _ in range(3))
    expected = run(uninterrupted, losses)
    states = run(first, losses[:5])
    second.load_state_dict(first.state_dict())
    second.optimiser.load_state_dict(first.optimiser.state_dict())
    assert states + run(second, losses[5:]) == expected

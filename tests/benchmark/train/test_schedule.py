"""When the learning rate falls and the curriculum's window moves."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from benchmark.config.schema import TrainConfig
from benchmark.train.schedule import Schedule

CONFIG = TrainConfig(schedule="plateau", plateau_patience=1, lr=0.1)


def schedule(**changes: Any) -> Schedule:
    config = replace(CONFIG, **changes)
    return Schedule(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], config.lr), config)


def rate(schedule: Schedule) -> float:
    return float(schedule.optimiser.param_groups[0]["lr"])


def plateau(schedule: Schedule, loss: float = 1.0) -> None:
    """A best loss, and then two that are no better: with a patience of one that is a plateau."""
    schedule.after_validation(loss)
    schedule.after_validation(loss)
    schedule.after_validation(loss + 0.1)


def test_the_window_moves_at_plateaus_four_times_and_only_then_the_rate_falls() -> None:
    moving = schedule(curriculum=True)
    seen = [(moving.window, rate(moving))]
    for _ in range(6):
        plateau(moving)
        seen.append((moving.window, pytest.approx(rate(moving))))
    windows = [(0, 50), (10, 60), (20, 70), (30, 80), (40, 90), (40, 90), (40, 90)]
    assert seen == list(zip(windows, [0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.001], strict=True))
    assert not moving.converged
    plateau(moving)
    assert moving.converged


def test_no_plateau_while_the_loss_still_falls_within_the_patience() -> None:
    moving = schedule(curriculum=True)
    for loss in (1.0, 0.9, 0.95, 0.8, 0.8, 0.7):
        moving.after_validation(loss)
    assert moving.window == (0, 50)
    moving.after_validation(0.75)
    moving.after_validation(0.75)
    assert moving.window == (10, 60)


def test_after_a_shift_the_record_starts_anew() -> None:
    """The loss over all samples may rise when harder ones are learnt from: that is no plateau of the new window."""
    moving = schedule(curriculum=True)
    plateau(moving, 1.0)
    for loss in (3.0, 2.9, 2.8, 2.7):
        moving.after_validation(loss)
    assert moving.window == (10, 60)


def test_without_a_curriculum_plateaus_divide_the_rate_at_once_and_then_end_the_run() -> None:
    falling = schedule()
    rates = []
    for _ in range(3):
        assert not falling.converged
        plateau(falling)
        rates.append(rate(falling))
    assert rates == pytest.approx([0.01, 0.001, 0.001])
    assert falling.converged


@pytest.mark.parametrize("kind", ["constant", "one_cycle"])
def test_other_schedules_leave_the_rate_to_themselves_and_never_end(kind: str) -> None:
    moving = schedule(schedule=kind, curriculum=True, steps=20)
    before = rate(moving)
    for _ in range(9):
        plateau(moving)
    assert rate(moving) == before
    assert moving.window == (40, 90)
    assert not moving.converged


def test_a_run_may_go_on_where_a_curriculum_ended() -> None:
    assert schedule(curriculum=True, curriculum_start=4).window == (40, 90)


@pytest.mark.parametrize("count", [10, 32, 33])
def test_chosen_are_the_losses_between_two_ranks_rounded_down(count: int) -> None:
    losses = torch.rand(count, generator=torch.Generator().manual_seed(0))
    moving = schedule(curriculum=True, curriculum_start=1)
    ranked = sorted(losses.tolist())
    chosen = ranked[int(0.1 * count) : int(0.6 * count)]
    weights = moving.weights(losses)
    assert sorted(losses[weights > 0].tolist()) == chosen
    assert weights[weights > 0].tolist() == pytest.approx([1 / len(chosen)] * len(chosen))
    assert schedule().weights(losses).tolist() == pytest.approx([1 / count] * count)


def test_only_chosen_samples_are_learnt_from() -> None:
    losses = torch.arange(10.0)
    weights = schedule(curriculum=True, curriculum_start=2).weights(losses)
    assert weights.tolist() == pytest.approx([0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0, 0])


@pytest.mark.parametrize("kind", ["plateau", "one_cycle"])
@pytest.mark.parametrize("curriculum", [False, True])
def test_a_restored_schedule_goes_on_as_it_would_have(kind: str, curriculum: bool) -> None:
    def go(moving: Schedule, losses: list[float]) -> list[Any]:
        seen = []
        for loss in losses:
            moving.optimiser.step()
            moving.after_step()
            moving.after_validation(loss)
            seen.append((moving.window, rate(moving), moving.converged))
        return seen

    losses = [1.0, 1.0, 1.0, 2.0, 2.0, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9]
    whole, first, second = (schedule(schedule=kind, curriculum=curriculum, steps=20) for _ in range(3))
    expected = go(whole, losses)
    cut = go(first, losses[:5])
    second.load_state_dict(first.state_dict())
    second.optimiser.load_state_dict(first.optimiser.state_dict())
    assert cut + go(second, losses[5:]) == expected

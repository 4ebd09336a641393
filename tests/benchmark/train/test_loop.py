"""Training runs: resuming, curriculum, convergence, budgets."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmark.config.schema import MOST_STEPS, AugmentConfig
from benchmark.data.batches import TrackBatches
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from benchmark.train.loop import pretrain
from methods.registry import get
from tests.benchmark.train.runs import CONFIG, SPEC, STATISTICS, Killed, cost, equal, metrics, train, weights

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("schedule", ["one_cycle", "plateau", "constant"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, store: TrackStore, schedule: str, optimiser: str
) -> None:
    settings: dict[str, Any] = {"schedule": schedule, "optimiser": optimiser, "plateau_patience": 0}
    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    train(uninterrupted, store, **settings)
    for kill_at in (7, 11):  # the second interruption resumes from step 10, not from the beginning
        with pytest.raises(Killed):
            train(resumed, store, kill_at=kill_at, **settings)
    assert (resumed / "checkpoint.pt").is_file()
    train(resumed, store, **settings)

    assert equal(weights(uninterrupted), weights(resumed))
    assert cost(resumed)["restarts"] == 2
    steps = [line["step"] for line in metrics(resumed) if "loss" in line]
    assert steps == sorted(set(steps)), "a resumed run repeats no line of its log"
    assert steps[-1] == CONFIG.steps
    expected, losses = (
        {line["step"]: line["loss"] for line in metrics(folder) if "loss" in line}
        for folder in (uninterrupted, resumed)
    )
    assert losses == expected


def test_workers_read_the_same_batches(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path / "no_workers", store, "autoencoder")
    train(tmp_path / "workers", store, "autoencoder", workers=2)
    assert equal(weights(tmp_path / "no_workers"), weights(tmp_path / "workers"))


def test_killed_process_resumes_from_its_checkpoint(tmp_path: Path, store: TrackStore) -> None:
    """Training in a process of its own, which gets SIGKILL in the middle."""
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(ROOT)!r})
        from benchmark.data.tracks.store import TrackStore
        from tests.benchmark.train.runs import train
        train(Path(sys.argv[1]), TrackStore(Path({str(store.root)!r})), "autoencoder", steps=4000, checkpoint_steps=40)
    """)
    folder = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    while not (folder / "checkpoint.pt").is_file():
        assert process.poll() is None, "the run ended before it wrote a checkpoint"
    process.send_signal(signal.SIGKILL)
    process.wait()
    step = torch.load(folder / "checkpoint.pt", weights_only=True)["state"]["step"]
    assert 0 < step < 4000
    steps = step + 20  # the schedule is constant, so that the rest of the budget may be cut
    train(folder, store, "autoencoder", steps=steps, schedule="constant")
    assert cost(folder)["steps"] == steps


@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
def test_curriculum_resumes_with_its_window(tmp_path: Path, store: TrackStore, schedule: str) -> None:
    settings: dict[str, Any] = {"batch_size": 10, "epoch_samples": 20, "plateau_patience": 0, "curriculum": True}
    settings |= {"schedule": schedule, "lr": 1.0, "checkpoint_steps": 3, "log_steps": 1, "steps": 24}
    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    train(uninterrupted, store, **settings)
    with pytest.raises(Killed):
        train(resumed, store, kill_at=17, **settings)
    train(resumed, store, **settings)
    assert equal(weights(uninterrupted), weights(resumed))
    windows = [
        [(line["step"], line["window_low"], line["window_high"]) for line in metrics(folder) if "loss" in line]
        for folder in (uninterrupted, resumed)
    ]
    assert windows[0] == windows[1]
    assert {high - low for _, low, high in windows[0]} == {50}
    assert len({low for _, low, _ in windows[0]}) > 1
    assert cost(resumed)["window"] == list(windows[0][-1][1:])


def test_curriculum_trains_on_a_part_of_the_batch(tmp_path: Path, store: TrackStore) -> None:
    settings: dict[str, Any] = {"batch_size": 10, "steps": 1, "schedule": "constant", "optimiser": "sgd"}
    plain = train(tmp_path / "plain", store, "autoencoder", **settings)
    curriculum = train(tmp_path / "curriculum", store, "autoencoder", curriculum=True, **settings)
    assert not equal(plain.state_dict(), curriculum.state_dict())
    losses = [metrics(tmp_path / name)[0]["loss"] for name in ("plain", "curriculum")]
    assert losses[0] == losses[1], "both log the loss of all samples"


def test_converged_run_ends_before_its_budget(tmp_path: Path, store: TrackStore) -> None:
    settings: dict[str, Any] = {"schedule": "plateau", "plateau_patience": 0, "lr": 0.0, "optimiser": "sgd"}
    train(tmp_path, store, "autoencoder", steps=1000, epoch_samples=8, picture_steps=5, **settings)
    assert cost(tmp_path)["steps"] < 100
    assert cost(tmp_path)["val_loss"] == metrics(tmp_path)[-1]["val_loss"]
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert pictures[-1] == f"step{cost(tmp_path)['steps']:06d}.png"


def test_a_budget_in_seconds_ends_when_they_are_spent_over_all_starts(
    tmp_path: Path, store: TrackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))  # a step takes a second of it
    monkeypatch.setattr("benchmark.train.loop.time", clock)
    settings: dict[str, Any] = {"budget": "seconds", "amount": 6.0, "steps": MOST_STEPS, "checkpoint_steps": 2}
    train(tmp_path / "run", store, kill_at=20, **settings)
    assert (cost(tmp_path / "run")["steps"], cost(tmp_path / "run")["train_seconds"]) == (6, 6.0)
    with pytest.raises(Killed):
        train(tmp_path / "resumed", store, kill_at=5, **settings)
    train(tmp_path / "resumed", store, kill_at=20, **settings)
    assert (cost(tmp_path / "resumed")["steps"], cost(tmp_path / "resumed")["train_seconds"]) == (6, 6.0)
    assert equal(weights(tmp_path / "run"), weights(tmp_path / "resumed"))


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 20])
def test_one_cycle_works_with_any_number_of_steps(tmp_path: Path, store: TrackStore, steps: int) -> None:
    train(tmp_path, store, "autoencoder", steps=steps, schedule="one_cycle")
    assert cost(tmp_path)["steps"] == steps


@pytest.mark.parametrize(
    ("settings", "setting"), [({"schedule": "plateau"}, "plateau"), ({"curriculum": True}, "curriculum=true")]
)
def test_schedule_that_needs_validation_data_is_refused_without(
    tmp_path: Path, store: TrackStore, settings: dict[str, Any], setting: str
) -> None:
    config = replace(CONFIG, **settings)
    batches = TrackBatches(store, "train", 1, config.batch_size, (0,))
    with pytest.raises(DataError, match=f"{setting} needs a validation split"):
        pretrain(
            get("autoencoder")(SPEC), batches, None, config=config, augment=AugmentConfig(), seed=0, folder=tmp_path
        )


def test_untrained_encoder_gets_statistics_and_keeps_its_weights(tmp_path: Path, store: TrackStore) -> None:
    torch.manual_seed(0)
    before = get("random")(SPEC).state_dict()
    after = train(tmp_path, store, "random").state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {name for name in before if name.endswith(STATISTICS)}
    assert cost(tmp_path)["steps"] == 0

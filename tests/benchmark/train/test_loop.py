import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from benchmark.config.schema import AugmentConfig, TrainConfig
from benchmark.data.batches import LabelledBatches, TrackBatches
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from benchmark.train.device import pick_device, uses_bfloat16
from benchmark.train.loop import pretrain
from benchmark.train.step import DivergedError
from benchmark.train.supervised import task_coding, task_loss
from benchmark.viz.sheet import TILE
from methods.base import Method, MethodOutput
from methods.encoder import EncoderSpec
from methods.registry import get

SPEC = EncoderSpec(size=32, width=4, dim=16)
CONFIG = TrainConfig(
    steps=12, batch_size=4, epoch_samples=16, val_samples=8, workers=0, checkpoint_steps=5, log_steps=2, device="cpu"
)


class Killed(Exception):
    """Stands for a process that ends between two steps."""


def train(
    folder: Path, store: TrackStore, name: str = "fabnet", stop_at: int | None = None, **changes: object
) -> Method:
    config = replace(CONFIG, **changes)
    torch.manual_seed(0)
    method = get(name)(SPEC)

    class Stream(TrackBatches):
        def __getitem__(self, step: int) -> tuple[torch.Tensor]:
            if stop_at is not None and step >= stop_at:
                raise Killed
            return super().__getitem__(step)

    batches = Stream(store, "train", method.frames, config.batch_size, (7, 0))
    val = TrackBatches(store, "val", method.frames, config.batch_size, (1,))
    pretrain(method, batches, val, config=config, augment=AugmentConfig(), seed=7, folder=folder)
    return method


@pytest.mark.parametrize("schedule", ["one_cycle", "plateau", "constant"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_resuming_gives_the_weights_of_never_having_stopped(
    tmp_path: Path, store: TrackStore, schedule: str, optimiser: str
) -> None:
    settings = {"schedule": schedule, "optimiser": optimiser, "plateau_patience": 0}
    train(tmp_path / "whole", store, **settings)
    for stop in (7, 11):  # the second interruption resumes from step 10, not from the start
        with pytest.raises(Killed):
            train(tmp_path / "cut", store, stop_at=stop, **settings)
    assert (tmp_path / "cut" / "checkpoint.pt").is_file()
    train(tmp_path / "cut", store, **settings)

    whole, cut = (load_file(tmp_path / name / "method.safetensors") for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert json.loads((tmp_path / "cut" / "cost.json").read_text())["restarts"] == 2
    lines = [json.loads(line) for line in (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if "loss" in line]
    assert steps == sorted(set(steps)), "a resumed run repeats no line of its log"
    assert steps[-1] == CONFIG.steps
    losses = {line["step"]: line["loss"] for line in lines if "loss" in line}
    unbroken = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert losses == {line["step"]: line["loss"] for line in unbroken if "loss" in line}


def test_workers_draw_the_same_batches(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path / "here", store, "autoencoder")
    train(tmp_path / "workers", store, "autoencoder", workers=2)
    here, workers = (load_file(tmp_path / name / "method.safetensors") for name in ("here", "workers"))
    assert all(torch.equal(here[name], workers[name]) for name in here)


def test_a_killed_process_goes_on_where_it_was(tmp_path: Path, store: TrackStore) -> None:
    """The same in a process of its own that gets SIGKILL in the middle of training."""
    script = textwrap.dedent(f"""
        import sys; from pathlib import Path; import torch
        sys.path.insert(0, {str(Path(__file__).parents[3])!r})
        from tests.benchmark.train.test_loop import train
        from benchmark.data.tracks.store import TrackStore
        train(Path(sys.argv[1]), TrackStore(Path({str(store.root)!r})), "autoencoder", steps=4000, checkpoint_steps=40)
    """)
    folder = tmp_path / "run"
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    while not (folder / "checkpoint.pt").is_file():
        assert process.poll() is None, "the run ended before it saved anything"
    process.send_signal(signal.SIGKILL)
    process.wait()
    step = torch.load(folder / "checkpoint.pt", weights_only=True)["state"]["step"]
    assert 0 < step < 4000
    steps = step + 20  # the schedule is constant, so the rest of the budget may be cut short
    train(folder, store, "autoencoder", steps=steps, schedule="constant")
    assert json.loads((folder / "cost.json").read_text())["steps"] == steps


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("schedule", ["one_cycle", "plateau"])
def test_a_curriculum_resumes_with_its_window(tmp_path: Path, store: TrackStore, schedule: str) -> None:
    settings = {"batch_size": 10, "epoch_samples": 20, "plateau_patience": 0, "curriculum": True, "lr": 1.0}
    settings |= {"schedule": schedule, "checkpoint_steps": 3, "log_steps": 1, "steps": 24}
    train(tmp_path / "whole", store, **settings)
    with pytest.raises(Killed):
        train(tmp_path / "cut", store, stop_at=17, **settings)
    window = torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["schedule"]["shifts"]
    assert window > 0, "the window should have moved before the interruption"
    train(tmp_path / "cut", store, **settings)
    whole, cut = (load_file(tmp_path / name / "method.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    logged = [[line for line in metrics(tmp_path / name) if "loss" in line] for name in ("whole", "cut")]
    windows = [[(line["step"], line["window_low"], line["window_high"]) for line in lines] for lines in logged]
    assert windows[0] == windows[1]
    assert {high - low for _, low, high in windows[0]} == {50}
    assert len({low for _, low, _ in windows[0]}) > 1
    assert json.loads((tmp_path / "cut" / "cost.json").read_text())["window"] == list(windows[0][-1][1:])


def test_a_curriculum_learns_from_other_samples_than_the_whole_batch(tmp_path: Path, store: TrackStore) -> None:
    settings = {"batch_size": 10, "steps": 1, "schedule": "constant", "optimiser": "sgd"}
    plain = train(tmp_path / "plain", store, "autoencoder", **settings).state_dict()
    easy = train(tmp_path / "easy", store, "autoencoder", curriculum=True, **settings).state_dict()
    assert not all(torch.equal(plain[name], easy[name]) for name in plain)
    first = [metrics(tmp_path / name)[0]["loss"] for name in ("plain", "easy")]
    assert first[0] == first[1], "the loss logged is of all samples in both"


def test_a_converged_run_ends_before_its_budget(tmp_path: Path, store: TrackStore) -> None:
    settings = {"schedule": "plateau", "plateau_patience": 0, "lr": 0.0, "optimiser": "sgd", "steps": 1000}
    train(tmp_path, store, "autoencoder", epoch_samples=8, picture_steps=5, **settings)
    cost = json.loads((tmp_path / "cost.json").read_text())
    assert cost["steps"] < 100
    assert cost["val_loss"] == metrics(tmp_path)[-1]["val_loss"]
    drawn = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert drawn[-1] == f"step{cost['steps']:06d}.png"


def test_pictures_are_drawn_at_intervals_and_at_the_end(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path / "some", store, epoch_samples=4, picture_steps=5)
    drawn = sorted((tmp_path / "some" / "pictures").iterdir())
    assert [path.name for path in drawn] == ["step000005.png", "step000010.png", "step000012.png"]
    with Image.open(drawn[0]) as sheet:
        assert sheet.width > 4 * TILE, "source, target, generated and flow side by side"
    train(tmp_path / "none", store, picture_steps=0)
    assert not (tmp_path / "none" / "pictures").exists()
    train(tmp_path / "rotation", store, "rotation", picture_steps=5)
    assert not (tmp_path / "rotation" / "pictures").exists(), "a method without pictures draws none"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut short"])
def test_a_broken_checkpoint_is_named(tmp_path: Path, store: TrackStore, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"checkpoint\.pt cannot be resumed from .*remove it"):
        train(tmp_path, store)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path, store: TrackStore) -> None:
    with pytest.raises(DivergedError, match=r"at step \d+: lower train\.lr"):
        train(tmp_path, store, "autoencoder", lr=1e30, optimiser="sgd", clip=None, schedule="constant")
    assert not (tmp_path / "method.safetensors").exists()


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 20])
def test_any_budget_has_a_schedule(tmp_path: Path, store: TrackStore, steps: int) -> None:
    train(tmp_path, store, "autoencoder", steps=steps, schedule="one_cycle")
    assert json.loads((tmp_path / "cost.json").read_text())["steps"] == steps


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (lambda frames: frames.mean(), "not Tensor"),
        (lambda frames: MethodOutput(frames.mean()), r"not losses of shape \(\)"),
        (lambda frames: MethodOutput(frames.mean((3, 4))), r"not losses of shape \(4, 1, 3\)"),
    ],
)
def test_what_forward_returns_is_checked_at_once(
    tmp_path: Path, store: TrackStore, monkeypatch: pytest.MonkeyPatch, wrong: Any, found: str
) -> None:
    monkeypatch.setattr(get("autoencoder"), "forward", lambda self, frames: wrong(frames))
    with pytest.raises(DataError, match=rf"autoencoder: forward must return MethodOutput\(losses \(4,\)\), {found}"):
        train(tmp_path, store, "autoencoder")


def test_gradient_clipping_bounds_the_step(tmp_path: Path, store: TrackStore) -> None:
    torch.manual_seed(0)
    before = get("autoencoder")(SPEC).state_dict()
    settings = {"optimiser": "sgd", "momentum": 0.0, "lr": 1.0, "schedule": "constant", "steps": 1}
    after = train(tmp_path, store, "autoencoder", clip=1e-3, **settings).state_dict()
    weights = [name for name in before if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    moved = sum(float((after[name] - before[name]).square().sum()) for name in weights) ** 0.5
    assert moved == pytest.approx(1e-3, rel=1e-3)


def test_an_untrained_encoder_gets_statistics_and_keeps_its_weights(tmp_path: Path, store: TrackStore) -> None:
    torch.manual_seed(0)
    before = get("random")(SPEC).state_dict()
    after = train(tmp_path, store, "random").state_dict()
    for name, value in before.items():
        moved = not torch.equal(value, after[name])
        assert moved == name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    assert json.loads((tmp_path / "cost.json").read_text())["steps"] == 0


def test_the_ceiling_learns_a_task_from_its_labels(tmp_path: Path, faces: LabelledSet) -> None:
    target = faces.targets["landmarks"]
    coding = task_coding(faces, target)
    torch.manual_seed(0)
    method = get("supervised")(SPEC, {}, outputs=coding.width, loss=task_loss(coding))  # type: ignore[call-arg]
    batches = LabelledBatches(faces, target, "train", 16, (0, 0))
    val = LabelledBatches(faces, target, "val", 16, (1,))
    config = replace(CONFIG, steps=150, batch_size=16, epoch_samples=160, val_samples=32, lr=3e-3)
    pretrain(method, batches, val, config=config, augment=AugmentConfig(), seed=0, folder=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = [line["val_loss"] for line in lines if "val_loss" in line]
    assert losses[-1] < 0.5, "val error of standardised landmarks should fall far below the mean's 1"


def test_settings_that_cannot_work_are_refused(tmp_path: Path, store: TrackStore) -> None:
    method = get("autoencoder")(SPEC)
    batches = TrackBatches(store, "train", 1, 4, (0,))
    for needy, what in (({"schedule": "plateau"}, "plateau"), ({"curriculum": True}, "curriculum=true")):
        config = replace(CONFIG, **needy)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=f"{what} needs a validation split"):
            pretrain(method, batches, None, config=config, augment=AugmentConfig(), seed=0, folder=tmp_path)
    if not torch.cuda.is_available():
        with pytest.raises(DataError, match="finds no GPU"):
            pick_device("cuda")


def test_bf16_is_not_chosen_for_a_cpu() -> None:
    assert not uses_bfloat16("auto", torch.device("cpu"))
    assert uses_bfloat16("bf16", torch.device("cpu"))


def test_bf16_trains_where_asked_for(tmp_path: Path, store: TrackStore) -> None:
    method = train(tmp_path, store, "fabnet", amp="bf16")
    assert all(torch.isfinite(weight).all() for weight in method.parameters())
    assert all(weight.dtype == torch.float32 for weight in method.parameters())
    assert isinstance(method, nn.Module)

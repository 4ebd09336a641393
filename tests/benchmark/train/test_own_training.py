"""What a method may bring to its training: views, step numbers, an action after each step, groups, an optimiser."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from benchmark.train.step import views_of
from methods import registry
from methods.autoencoder import Autoencoder
from methods.base import Method, MethodOutput, TrainSettings
from methods.registry import register
from tests.benchmark.train.runs import CONFIG, SPEC, Killed, equal, metrics, train, weights
from tests.benchmark.train.test_distributed import train as train_in_processes

ROOT = Path(__file__).parents[3]
BYOL = str(ROOT / "examples" / "byol.py")
Groups = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes what a test registers."""
    registry.describe()
    registry.get(BYOL)
    monkeypatch.setattr(registry.METHODS, "_classes", dict(registry.METHODS._classes))


class Own(Autoencoder):
    """Remembers what the loop does."""

    views = 3

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.updates = torch.nn.Buffer(torch.zeros(()))
        self.seen: list[tuple[str, int, int]] = []
        self.frames_seen: list[Tensor] = []

    def forward(self, frames: Tensor) -> MethodOutput:
        self.seen.append(("forward" if self.training else "validation", self.step, self.total_steps))
        self.frames_seen.append(frames)
        output = super().forward(frames)
        return MethodOutput(output.losses, {"step_seen": torch.tensor(float(self.step))})

    def after_step(self) -> None:
        self.seen.append(("after", self.step, self.total_steps))
        assert not torch.is_grad_enabled()
        self.updates.add_(1)


def own(**methods: Any) -> type[Method]:
    return register("own", version=1)(type("Own", (Own,), methods))


def trained(folder: Path, store: TrackStore, **settings: Any) -> Any:
    return train(folder, store, "own", **settings)


def test_step_and_total_are_known_before_and_after_each_step(tmp_path: Path, store: TrackStore) -> None:
    own()
    method = trained(tmp_path, store)
    steps = [entry for entry in method.seen if entry[0] != "validation"]
    assert steps == [(call, step, CONFIG.steps) for step in range(CONFIG.steps) for call in ("forward", "after")]
    assert weights(tmp_path)["updates"] == CONFIG.steps
    logged = [line for line in metrics(tmp_path) if "step_seen" in line]
    assert [line["step_seen"] for line in logged] == [line["step"] - 1 for line in logged]


def test_views_follow_their_frame() -> None:
    frames = torch.arange(2 * 3 * 3 * 4 * 4).view(2, 3, 3, 4, 4)
    assert torch.equal(views_of(frames, 2).unflatten(1, (3, 2)), torch.stack([frames, frames], 2))
    assert views_of(frames, 1) is frames


def test_views_are_different_crops_in_training_and_validation(tmp_path: Path, store: TrackStore) -> None:
    own()
    method = trained(tmp_path, store, steps=4, epoch_samples=8)
    calls = [entry[0] for entry in method.seen if entry[0] != "after"]
    assert set(calls) == {"forward", "validation"}
    for frames in method.frames_seen:
        assert frames.shape == (4, 3, 3, 32, 32)
        first, second, third = frames.unbind(1)
        assert not torch.equal(first, second)
        assert not torch.equal(second, third)


def test_validation_of_several_views_is_the_same_each_time(tmp_path: Path, store: TrackStore) -> None:
    own()
    method = trained(tmp_path, store, steps=8, epoch_samples=16, lr=0.0, optimiser="sgd")
    calls = [entry[0] for entry in method.seen if entry[0] != "after"]
    validated = [value for value, call in zip(method.frames_seen, calls, strict=True) if call == "validation"]
    half = len(validated) // 2
    assert half
    assert all(torch.equal(*pair) for pair in zip(validated[:half], validated[half:], strict=True))


def two_groups(method: Method, train: TrainSettings) -> Groups:
    decoder = [*method.get_submodule("decoder").parameters()]
    encoder = [*method.encoder.parameters()]
    return [{"params": encoder}, {"params": decoder, "lr": train.lr / 2, "weight_decay": 0.5}]


@pytest.mark.parametrize("schedule", ["one_cycle", "constant", "plateau"])
def test_groups_keep_their_rates_and_decay_under_every_schedule(
    tmp_path: Path, store: TrackStore, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    rates: list[tuple[float, ...]] = []
    made: list[torch.optim.Optimizer] = []

    class Watched(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            rates.append(tuple(group["lr"] for group in self.param_groups))
            made.append(self)
            return super().step(closure)

    def optimiser(method: Method, train: TrainSettings) -> torch.optim.Optimizer:
        return Watched(two_groups(method, train), lr=train.lr, momentum=train.momentum)

    own(optimiser=optimiser)
    trained(tmp_path, store, schedule=schedule, plateau_patience=0, lr=0.01)
    assert all(second == pytest.approx(first / 2) for first, second in rates)
    assert len({first for first, _ in rates}) > 1 or schedule != "one_cycle"
    assert max(first for first, _ in rates) == pytest.approx(0.01, rel=0.01)
    assert [group["weight_decay"] for group in made[0].param_groups] == [0, 0.5]
    recorded = json.loads((tmp_path / "cost.json").read_text())["optimiser"]
    assert (recorded["name"], recorded["own"]) == ("Watched", True)
    assert [(group["lr"], group["weight_decay"]) for group in recorded["groups"]] == [(0.01, 0), (0.005, 0.5)]
    assert sum(group["parameters"] for group in recorded["groups"]) == sum(p.numel() for p in weights_of(made[0]))


def weights_of(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]


def test_groups_are_given_to_the_common_optimiser(tmp_path: Path, store: TrackStore) -> None:
    def groups(method: Method, train: TrainSettings) -> Groups:
        return [
            {**group, "lr": 0.0} if number == 0 else group for number, group in enumerate(two_groups(method, train))
        ]

    own(parameter_groups=groups)
    torch.manual_seed(0)
    before = registry.get("own")(SPEC).state_dict()
    after = trained(tmp_path, store).state_dict()
    recorded = json.loads((tmp_path / "cost.json").read_text())["optimiser"]
    assert (recorded["own"], [group["lr"] for group in recorded["groups"]]) == (False, [0.0, CONFIG.lr / 2])
    for name in ("encoder.layers.0.weight", "decoder.layers.2.weight"):
        assert torch.equal(before[name], after[name]) == name.startswith("encoder")


@pytest.mark.parametrize(
    ("methods", "problem"),
    [
        (
            {"parameter_groups": lambda self, _: [{"params": [*self.encoder.parameters()]}]},
            r"own: its optimiser leaves out decoder\.layers\.2\.weight \(\d+ of \d+ parameters\)",
        ),
        (
            {"parameter_groups": lambda self, _: [{"params": [*self.parameters()]}] * 2},
            "own: its parameter groups make no optimiser: some parameters appear in more than one",
        ),
        ({"parameter_groups": lambda self, _: [{"weights": []}]}, "own: its parameter groups make no optimiser"),
        ({"optimiser": lambda self, _: 1 / 0}, "own: its parameter groups make no optimiser: division by zero"),
        ({"optimiser": lambda self, _: torch.optim.LBFGS(self.parameters())}, "own: LBFGS computes the loss several"),
        ({"optimiser": lambda self, _: "adam"}, r"own: optimiser must return a torch\.optim\.Optimizer or None"),
        (
            {"optimiser": lambda self, _: torch.optim.SGD([*self.parameters(), nn.Parameter(torch.ones(1))], 0.1)},
            "own: its optimiser has parameters that are not the method's",
        ),
        ({"embed": lambda self, images: images.mean()}, r"own: embed must return one vector for each image, \(2, D\)"),
        ({"embed": lambda self, images: images.flatten(1)}, "own: embed returns 3072 numbers .* not the 16 of"),
        ({"embed": lambda self, images: images.no_such_thing}, "own: embed raised .* no attribute 'no_such_thing'"),
    ],
)
def test_what_training_could_not_use_is_refused_before_the_first_step(
    tmp_path: Path, store: TrackStore, methods: dict[str, Any], problem: str
) -> None:
    own(**methods)
    with pytest.raises(DataError, match=problem):
        trained(tmp_path, store)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_byol_resumes_bitwise(tmp_path: Path, store: TrackStore) -> None:
    uninterrupted, resumed = tmp_path / "uninterrupted", tmp_path / "resumed"
    settings: dict[str, Any] = {"schedule": "one_cycle", "weight_decay": 0.1}
    train(uninterrupted, store, BYOL, **settings)
    with pytest.raises(Killed):
        train(resumed, store, BYOL, kill_at=7, **settings)
    train(resumed, store, BYOL, **settings)
    assert equal(weights(uninterrupted), weights(resumed))
    taus = [line["tau"] for line in metrics(resumed) if "tau" in line]
    assert taus == sorted(set(taus)), "rises with the step"
    target, online = (weights(resumed)[name] for name in ("target.0.layers.0.weight", "encoder.layers.0.weight"))
    assert not torch.equal(target, online)
    assert json.loads((resumed / "cost.json").read_text())["restarts"] == 1


@pytest.mark.slow
def test_two_processes_keep_the_targets_of_one(tmp_path: Path, store: TrackStore) -> None:
    file = tmp_path / "plain_byol.py"  # without random light, which each process draws on its own
    file.write_text(Path(BYOL).read_text().replace('"byol"', '"plain-byol"').replace("light(frames)", "frames"))
    train(tmp_path / "one", store, str(file), optimiser="sgd")
    assert train_in_processes(tmp_path / "two", store, str(file), 2, optimiser="sgd") == [0, 0]
    two = weights(tmp_path / "two")
    for name, value in weights(tmp_path / "one").items():
        assert torch.allclose(value.float(), two[name].float(), atol=1e-5), name

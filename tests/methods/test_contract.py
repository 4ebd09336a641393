"""What every registered method keeps, whoever wrote it; a new method needs no line here."""

from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from benchmark.config import load as config
from methods import registry
from methods.base import Method, MethodOutput
from methods.encoder import EncoderSpec
from tests.methods.conftest import SIZE, tracks

SPEC = EncoderSpec(size=SIZE, width=4, dim=12)
VARIANTS = {name: (variant.method, variant.options) for name, variant in config.load().variants.items()}
CASES: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in registry.names()} | {
    name: case for name, case in VARIANTS.items() if case[1]
}
ALL = sorted(CASES)
KIND = {name: registry.get(method).kind for name, (method, _) in CASES.items()}
TRAINED = [name for name in ALL if registry.get(CASES[name][0]).trained]
FLOORS = [name for name in ALL if KIND[name] == "floor"]

every = pytest.mark.parametrize("name", ALL)
every_trained = pytest.mark.parametrize("name", TRAINED)


def build(name: str, spec: EncoderSpec = SPEC, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    method, options = registry.get(CASES[name][0]), CASES[name][1]
    if method.kind == "ceiling":
        return method(spec, options, outputs=3, loss=squared_error)  # type: ignore[call-arg]
    return method(spec, options)


def squared_error(outputs: Tensor, values: Tensor, known: Tensor) -> Tensor:
    return (outputs - values).square().mean(1) * known


def run(method: Any, frames: Tensor) -> MethodOutput:
    """A forward pass; a ceiling learns each image's mean colour."""
    if method.kind == "ceiling":
        return method(frames, frames[:, 0].mean((2, 3)), torch.ones(len(frames), dtype=torch.bool))
    return method(frames)


@pytest.mark.parametrize("name", registry.names())
def test_describes_itself(name: str) -> None:
    info = registry.info(registry.get(name))
    assert info.name == name
    assert info.version >= 1
    assert info.kind in {"method", "floor", "ceiling", "pretrained"}
    assert info.frames >= 1
    assert info.summary
    assert "\n" not in info.summary
    assert info.trained == (info.kind in {"method", "ceiling"})
    assert all(option.help and "\n" not in option.help for option in info.options), "every option says what it does"
    assert registry.get(name).parse_options({option.name: option.default for option in info.options})


@every
def test_outline_is_what_is_built(name: str) -> None:
    seen = registry.outline(registry.get(CASES[name][0]), SPEC, CASES[name][1])
    built = build(name)
    assert seen.frames == built.frames
    shapes = [
        {key: value.shape for key, value in method.state_dict().items() if not key.startswith("head.")}
        for method in (seen, built)
    ]
    assert shapes[0] == shapes[1]


@every
@pytest.mark.parametrize("spec", [SPEC, EncoderSpec(size=64, width=2, dim=6)], ids=["32px", "64px"])
def test_embedding_is_one_vector_an_image(name: str, spec: EncoderSpec) -> None:
    method = build(name, spec).eval()
    images = tracks(3, 1, spec.size)[:, 0]
    embedding = method.embed(images)
    assert embedding.shape[0] == 3
    assert embedding.ndim == 2
    assert embedding.dtype == torch.float32
    assert embedding.isfinite().all()
    if method.kind == "method":
        assert embedding.shape[1] == spec.dim


@every
def test_embedding_does_not_depend_on_the_batch(name: str) -> None:
    method = build(name).eval()
    images = tracks(6, 1)[:, 0]
    together = method.embed(images)
    torch.testing.assert_close(method.embed(images[2:3]), together[2:3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(method.embed(images.flip(0)), together.flip(0), rtol=1e-4, atol=1e-5)


@every
def test_channels_last_gives_the_same_embedding(name: str) -> None:
    method = build(name).eval()
    images = tracks(3, 1)[:, 0]
    expected = method.embed(images)
    method.to(memory_format=torch.channels_last)
    found = method.embed(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@every_trained
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_output(name: str, training: bool) -> None:
    method = build(name).train(training)
    frames = tracks(5, method.frames)
    before = frames.clone()
    output = run(method, frames)
    assert output.losses.shape == (5,)
    assert output.losses.dtype == torch.float32
    assert output.losses.isfinite().all()
    assert output.losses.requires_grad
    for value in output.scalars.values():
        assert value.ndim == 0
        assert value.isfinite()
        assert not value.requires_grad
    for picture in output.pictures.values():
        assert picture.shape == (5, 3, SIZE, SIZE)
        assert picture.amin() >= 0
        assert picture.amax() <= 1
        assert not picture.requires_grad
    assert not (training and output.pictures)
    assert torch.equal(frames, before), "the frames were written to"


@every_trained
def test_losses_belong_to_their_samples(name: str) -> None:
    method = build(name).eval()
    frames = tracks(6, method.frames)
    losses = run(method, frames).losses
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(run(method, frames[order]).losses, losses[order], rtol=1e-4, atol=1e-6)
    assert losses.std() > 0


@pytest.mark.parametrize("name", ["fabnet", "fabnet-3source", "autoencoder", "rotation", "split_brain"])
def test_the_papers_methods_name_them_and_look_at_no_other_sample(name: str) -> None:
    info = registry.info(registry.get(CASES[name][0]))
    assert info.paper
    assert info.year
    method = build(name).eval()
    frames = tracks(6, method.frames)
    together, apart = run(method, frames).losses, run(method, frames[:2]).losses
    torch.testing.assert_close(apart, together[:2], rtol=1e-4, atol=1e-6)


@every_trained
def test_gradients_reach_the_whole_encoder(name: str) -> None:
    method = build(name).eval()  # in train mode batch norm cancels the bias before it
    run(method, tracks(8, method.frames)).losses.mean().backward()
    parameters = dict(method.encoder.named_parameters())
    assert parameters
    for key, parameter in parameters.items():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0, key


@every_trained
def test_no_parameter_is_left_out(name: str) -> None:
    method = build(name)
    run(method, tracks(8, method.frames)).losses.mean().backward()
    left_out = [
        key for key, parameter in method.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]
    assert left_out == []


@every_trained
def test_training_is_deterministic(name: str) -> None:
    first, second = (train(build(name), steps=3)[0] for _ in range(2))
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key


@pytest.mark.parametrize("name", [name for name in ALL if KIND[name] != "pretrained"])
def test_initial_weights_follow_the_seed(name: str) -> None:
    images = tracks(3, 1)[:, 0]
    first, again, other = (build(name, seed=seed).eval().embed(images) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    if list(build(name).parameters()):
        assert not torch.equal(first, other)


@every_trained
def test_learns(name: str) -> None:
    _, losses = train(build(name), steps=60)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@every
def test_weights_survive_a_file(name: str) -> None:
    method = build(name)
    if method.trained:
        train(method, steps=2)
    elif method.needs_statistics:
        method.embed(tracks(8, 1)[:, 0])
    state = load(save(method.state_dict()))
    other = build(name, seed=1)
    other.load_state_dict(state)
    images = tracks(4, 1)[:, 0]
    assert torch.equal(other.eval().embed(images), method.eval().embed(images))


@every_trained
def test_runs_in_bfloat16(name: str) -> None:
    method = build(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = run(method, tracks(8, method.frames)).losses
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    losses.mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("name", FLOORS)
def test_floors_have_no_objective(name: str) -> None:
    method = build(name)
    with pytest.raises(NotImplementedError, match=name):
        method(tracks(2, method.frames))


@pytest.mark.parametrize("name", FLOORS)
def test_statistics_are_set_where_the_floor_asks_for_it(name: str) -> None:
    method = build(name).train()
    before = {key: value.clone() for key, value in method.state_dict().items()}
    with torch.no_grad():
        method.embed(tracks(8, 1)[:, 0])
    changed = {key for key, value in method.state_dict().items() if not torch.equal(value, before[key])}
    assert bool(changed) == method.needs_statistics
    assert changed.isdisjoint(dict(method.named_parameters()))


@every
def test_refuses_unknown_options(name: str) -> None:
    method = CASES[name][0]
    with pytest.raises(registry.MethodError, match=f"{method} has no option 'no_such_option'"):
        registry.get(method).parse_options({"no_such_option": 1})


def train(method: Method, steps: int) -> tuple[Method, list[float]]:
    """Trains on one batch; returns the method and the loss of each step."""
    frames = tracks(16, method.frames)
    optimiser = torch.optim.Adam(method.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        loss = run(method, frames).losses.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return method, losses

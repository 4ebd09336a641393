"""The contract of `Method`, tested on every registered method; a new method needs no line here."""

from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from benchmark.config import load as config
from methods import registry
from methods.base import Method, MethodOutput
from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.exported_program import read_program
from methods.onnx_model import read_onnx
from tests.methods.conftest import SIZE, tracks
from tests.methods.frozen_encoders import VIT, own_class, resnet, save_onnx, save_program

SPEC = EncoderSpec(size=SIZE, width=4, dim=12)
VARIANTS = {name: (variant.method, variant.options) for name, variant in config.load().variants.items()}
CASES: dict[str, tuple[str, dict[str, Any]]] = (
    {name: (name, {}) for name in registry.names() if name != "timm"}  # which needs torchvision
    | {name: case for name, case in VARIANTS.items() if case[1]}
    | {"transformers": ("transformers", VIT), "python": ("python", own_class())}
)
PROGRAMS: dict[str, Any] = {}  # states of the methods that are a program from a file, made by the fixture below
ALL = sorted(CASES)
KIND = {name: registry.get(method).kind for name, (method, _) in CASES.items()}
TRAINED = [name for name in ALL if registry.get(CASES[name][0]).trained]
FLOORS = [name for name in ALL if KIND[name] == "floor"]

all_methods = pytest.mark.parametrize("name", ALL)
trained_methods = pytest.mark.parametrize("name", TRAINED)


def build(name: str, spec: EncoderSpec = SPEC, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    method, options = registry.get(CASES[name][0]), CASES[name][1]
    if method.kind == "ceiling":
        return method(spec, options, outputs=3, loss=squared_error)  # type: ignore[call-arg]
    built = method(spec, options)
    if name in PROGRAMS:
        built.load_state_dict(PROGRAMS[name])
    return built


@pytest.fixture(autouse=True, scope="module")
def _programs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Gives the methods that run a program from a file the options and state of one."""
    folder = tmp_path_factory.mktemp("programs")
    save_onnx(folder / "a.onnx", resnet())
    save_program(folder / "a.pt2", resnet())
    for name, (options, state) in {
        "onnx": read_onnx(folder / "a.onnx"),
        "torch-export": read_program(folder / "a.pt2"),
    }.items():
        CASES[name] = (name, options)
        PROGRAMS[name] = state


def squared_error(outputs: Tensor, values: Tensor, known: Tensor) -> Tensor:
    return (outputs - values).square().mean(1) * known


def run(method: Any, frames: Tensor) -> MethodOutput:
    """A forward pass; for a ceiling the labels are the image's mean colour."""
    labels = (frames[:, 0].mean((2, 3)), torch.ones(len(frames), dtype=torch.bool))
    output: MethodOutput = method(frames, *labels) if method.kind == "ceiling" else method(frames)
    return output


@pytest.mark.parametrize("name", registry.names())
def test_description_is_complete(name: str) -> None:
    info = registry.info(registry.get(name))
    assert info.name == name
    assert info.version >= 1
    assert info.kind in {"method", "floor", "ceiling", "pretrained"}
    assert info.frames >= 1
    assert info.summary
    assert "\n" not in info.summary
    assert info.trained == (info.kind in {"method", "ceiling"})
    assert all(option.help and "\n" not in option.help for option in info.options), "each needs one line of help"
    assert registry.get(name).parse_options({option.name: option.default for option in info.options})


@all_methods
def test_outline_has_the_shapes_of_the_method(name: str) -> None:
    outline = registry.outline(registry.get(CASES[name][0]), SPEC, CASES[name][1])
    built = build(name)
    assert outline.frames == built.frames
    shapes = [
        {key: value.shape for key, value in method.state_dict().items() if not key.startswith("head.")}
        for method in (outline, built)
    ]
    assert shapes[0] == shapes[1]


@all_methods
@pytest.mark.parametrize("spec", [SPEC, EncoderSpec(size=64, width=2, dim=6)], ids=["32px", "64px"])
def test_embedding_is_one_vector_for_each_image(name: str, spec: EncoderSpec) -> None:
    method = build(name, spec).eval()
    images = tracks(3, 1, spec.size)[:, 0]
    embedding = method.embed(images)
    assert embedding.shape[0] == 3
    assert embedding.ndim == 2
    assert embedding.dtype == torch.float32
    assert embedding.isfinite().all()
    if method.kind == "method":
        assert embedding.shape[1] == spec.dim


@all_methods
def test_embedding_does_not_depend_on_the_batch(name: str) -> None:
    method = build(name).eval()
    images = tracks(6, 1)[:, 0]
    embeddings = method.embed(images)
    torch.testing.assert_close(method.embed(images[2:3]), embeddings[2:3], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(method.embed(images.flip(0)), embeddings.flip(0), rtol=1e-4, atol=1e-5)


@all_methods
def test_channels_last_gives_the_same_embedding(name: str) -> None:
    method = build(name).eval()
    images = tracks(3, 1)[:, 0]
    expected = method.embed(images)
    method.to(memory_format=torch.channels_last)
    embeddings = method.embed(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(embeddings, expected, rtol=1e-4, atol=1e-5)


@trained_methods
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_output_of_forward(name: str, training: bool) -> None:
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
    assert torch.equal(frames, before), "forward must not write to its input"


@trained_methods
def test_losses_are_in_the_order_of_samples(name: str) -> None:
    method = build(name).eval()
    frames = tracks(6, method.frames)
    losses = run(method, frames).losses
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(run(method, frames[order]).losses, losses[order], rtol=1e-4, atol=1e-6)
    assert losses.std() > 0


@pytest.mark.parametrize("name", ["fabnet", "fabnet-3source", "autoencoder", "rotation", "split_brain"])
def test_published_method_names_its_paper_and_treats_samples_independently(name: str) -> None:
    info = registry.info(registry.get(CASES[name][0]))
    assert info.paper
    assert info.year
    method = build(name).eval()
    frames = tracks(6, method.frames)
    all_losses, first_losses = run(method, frames).losses, run(method, frames[:2]).losses
    torch.testing.assert_close(first_losses, all_losses[:2], rtol=1e-4, atol=1e-6)


@trained_methods
def test_gradients_reach_all_of_the_encoder(name: str) -> None:
    method = build(name).eval()  # in train mode batch norm cancels the bias before it
    run(method, tracks(8, method.frames)).losses.mean().backward()
    parameters = dict(method.encoder.named_parameters())
    assert parameters
    for key, parameter in parameters.items():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0, key


@trained_methods
def test_every_trainable_parameter_gets_a_gradient(name: str) -> None:
    method = build(name)
    run(method, tracks(8, method.frames)).losses.mean().backward()
    missing = [
        key for key, parameter in method.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]
    assert missing == []


@trained_methods
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


@trained_methods
def test_loss_falls_in_training(name: str) -> None:
    _, losses = train(build(name), steps=60)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@all_methods
def test_weights_can_be_saved_and_loaded(name: str) -> None:
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


@trained_methods
def test_forward_works_in_bfloat16(name: str) -> None:
    method = build(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = run(method, tracks(8, method.frames)).losses
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    losses.mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("name", FLOORS)
def test_floor_has_no_forward(name: str) -> None:
    method = build(name)
    with pytest.raises(NotImplementedError, match=name):
        method(tracks(2, method.frames))


@pytest.mark.parametrize("name", FLOORS)
def test_embedding_in_train_mode_sets_statistics_if_the_floor_needs_them(name: str) -> None:
    method = build(name).train()
    before = {key: value.clone() for key, value in method.state_dict().items()}
    with torch.no_grad():
        method.embed(tracks(8, 1)[:, 0])
    changed = {key for key, value in method.state_dict().items() if not torch.equal(value, before[key])}
    assert bool(changed) == method.needs_statistics
    assert changed.isdisjoint(dict(method.named_parameters()))


@all_methods
def test_unknown_option_is_refused(name: str) -> None:
    method = CASES[name][0]
    with pytest.raises(MethodError, match=f"{method} has no option 'no_such_option'"):
        registry.get(method).parse_options({"no_such_option": 1})


def train(method: Method, steps: int) -> tuple[Method, list[float]]:
    """Trains on one batch; returns the method and the losses of all steps."""
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

"""The contract of `Method`, on every registered method and encoder; a new one needs no line here."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.config import load as config
from methods import registry
from methods.contract import CHECKS, ContractError, Subject, broken, tracks
from methods.encoder import EncoderSpec
from methods.encoders import ENCODERS
from methods.exported_program import read_program
from methods.onnx_model import read_onnx
from tests.methods.frozen_encoders import VIT, own_class, resnet, save_onnx, save_program

EXAMPLES = Path(__file__).parents[2] / "examples"
VARIANTS = {name: (variant.method, variant.options) for name, variant in config.load().variants.items()}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in registry.names() if name != "timm"},  # which needs torchvision
    **{name: case for name, case in VARIANTS.items() if case[1]},
    **{name: (str(EXAMPLES / f"{name}.py"), {}) for name in ("denoise", "byol")},
    "transformers": ("transformers", VIT),
    "python": ("python", own_class()),
}
PROGRAMS: dict[str, Any] = {}  # states of the methods that are a program from a file, made by the fixture below
ALL = sorted(CASES)
KIND = {name: registry.get(method).kind for name, (method, _) in CASES.items()}
FLOORS = [name for name in ALL if KIND[name] == "floor"]
SLOW = "learns: its loss on one batch falls"
ENCODER = {  # narrow ones, but not so narrow that all ReLUs of a decoder may be dead
    "resnet18": EncoderSpec(32, 16, 12, "resnet18"),
    "resnet50": EncoderSpec(32, 16, 12, "resnet50"),
    "vit_small": EncoderSpec(32, 128, 12, "vit_small"),
    "small": EncoderSpec(32, 4, 12, str(EXAMPLES / "small_encoder.py")),
}


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


def subject(name: str, **settings: Any) -> Subject:
    method, options = CASES[name]
    return Subject(registry.get(method), options, state=PROGRAMS.get(name, {}), **settings)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ALL)
def test_contract(name: str, check: str) -> None:
    CHECKS[check](subject(name))


def test_every_encoder_is_tried() -> None:
    shipped = {name for name in ENCODERS.names() if ENCODERS.origin(name).startswith("built in")}
    assert {"fabnet", *ENCODER} >= shipped


@pytest.mark.parametrize("encoder", ENCODER)
@pytest.mark.parametrize(
    "name", [name for name in ALL if KIND[name] != "pretrained" and name not in ("mean", "pixels")]
)
def test_contract_with_other_encoders(name: str, encoder: str) -> None:
    tried = subject(name, spec=ENCODER[encoder])
    for check, function in CHECKS.items():
        if check != SLOW or (name == "rotation" and encoder != "small"):
            function(tried)


def test_what_a_method_breaks_is_named() -> None:
    class Broken(registry.get("autoencoder")):  # type: ignore[misc]
        def forward(self, frames: Any) -> Any:
            output = super().forward(frames)
            return type(output)(output.losses.mean().expand(len(frames)), {"loss": output.losses})

    problems = {name: problem for name, problem in broken(Subject(Broken)) if problem}
    assert "scalar 'loss' must be a finite number" in problems.pop(next(name for name in problems if "scalars" in name))
    assert list(problems.values()) == ["all losses are equal: give each sample its own, not their mean"]


def test_losses_that_are_their_mean_are_named_without_a_warning() -> None:
    class Averaged(registry.get("autoencoder")):  # type: ignore[misc]
        def forward(self, frames: Any) -> Any:
            output = super().forward(frames)
            return type(output)(output.losses.mean())

    with warnings.catch_warnings(action="error"), pytest.raises(ContractError, match="all losses are equal"):
        CHECKS["gives the losses in the order of the samples"](Subject(Averaged))


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


@pytest.mark.parametrize("name", ALL)
def test_outline_has_the_shapes_of_the_method(name: str) -> None:
    tried = subject(name)
    outline, built = registry.outline(tried.method, tried.spec, tried.options), tried.build()
    assert outline.frames == built.frames
    shapes = [
        {key: value.shape for key, value in method.state_dict().items() if not key.startswith("head.")}
        for method in (outline, built)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", ["fabnet", "fabnet-3source", "autoencoder", "rotation", "split_brain"])
def test_published_method_names_its_paper_and_treats_samples_independently(name: str) -> None:
    info = registry.info(registry.get(CASES[name][0]))
    assert info.paper
    assert info.year
    method = subject(name).build().eval()
    frames = tracks(6, method.frames)
    all_losses, first_losses = method(frames).losses, method(frames[:2]).losses
    torch.testing.assert_close(first_losses, all_losses[:2], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", FLOORS)
def test_floor_has_no_forward(name: str) -> None:
    method = subject(name).build()
    with pytest.raises(NotImplementedError, match=name):
        method(tracks(2, method.frames))


@pytest.mark.parametrize("name", FLOORS)
def test_embedding_in_train_mode_sets_statistics_if_the_floor_needs_them(name: str) -> None:
    method = subject(name).build().train()
    before = {key: value.clone() for key, value in method.state_dict().items()}
    with torch.no_grad():
        method.embed(tracks(8, 1)[:, 0])
    changed = {key for key, value in method.state_dict().items() if not torch.equal(value, before[key])}
    assert bool(changed) == method.needs_statistics
    assert changed.isdisjoint(dict(method.named_parameters()))

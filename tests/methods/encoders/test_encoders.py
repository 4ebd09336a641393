"""Encoders: those shipped, those of users, and what is refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

from methods.encoder import EncoderSpec
from methods.encoders import ENCODERS, check_encoder, get_encoder, has_feature_map
from methods.errors import MethodError
from methods.registry import get, outline
from tests.methods.conftest import tracks

SHIPPED = ENCODERS.names()
EXAMPLE = str(Path(__file__).parents[3] / "examples" / "small_encoder.py")
WIDTHS = {"fabnet": 4, "resnet18": 8, "resnet50": 4, "vit_small": 16}

OWN = """
import torch
from methods.encoder import Encoder
from methods.encoders import register_encoder

@register_encoder("{name}", version=2)
class Own(Encoder):
    def __init__(self, spec):
        super().__init__(spec)
        self.linear = torch.nn.Linear(3, spec.dim)

    def forward(self, images):
        return self.linear(images.mean((2, 3)))
"""


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def own(tmp_path: Path, old: str = "", new: str = "") -> str:
    path = tmp_path / "own.py"
    assert old in OWN
    path.write_text(OWN.replace(old, new).replace("{name}", f"own-{tmp_path.name.replace('_', '-').lower()}"))
    return str(path)


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("fabnet", 256, 4_887_904),
        ("resnet18", 224, 11_689_512),
        ("resnet50", 224, 25_557_032),
        ("vit_small", 224, 22_050_664),
    ],
)
def test_published_size_has_the_published_number_of_parameters(name: str, size: int, parameters: int) -> None:
    """With 1,000 outputs: those of torchvision's ResNets, and of timm's ``vit_small_patch16_224``."""
    with torch.device("meta"):
        encoder = EncoderSpec(size, get_encoder(name).width, 256 if name == "fabnet" else 1000, name).build()
    assert count(encoder) == parameters


@pytest.mark.parametrize("name", SHIPPED)
def test_feature_map_belongs_to_the_image(name: str) -> None:
    encoder = EncoderSpec(64, WIDTHS[name], 12, name).build().eval()
    images = tracks(2, 1, 64)[:, 0]
    maps = encoder.feature_map(images)
    side = {"fabnet": 2, "vit_small": 4}.get(name, 2)
    assert maps.shape == (2, encoder.channels, side, side)
    torch.testing.assert_close(encoder.feature_map(images.flip(0)), maps.flip(0), rtol=1e-4, atol=1e-5)


def test_maps_of_resnets_are_those_of_their_embedding() -> None:
    encoder = EncoderSpec(64, 8, 12, "resnet18").build().eval()
    images = tracks(2, 1, 64)[:, 0]
    expected = nn.functional.adaptive_avg_pool2d(encoder.feature_map(images), 1).flatten(1)
    torch.testing.assert_close(encoder.get_submodule("linear")(expected), encoder(images))


def test_attention_is_that_of_torch() -> None:
    block = EncoderSpec(32, 128, 12, "vit_small").build().eval().get_submodule("blocks.0")
    reference = nn.TransformerEncoderLayer(
        128, 2, 512, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    ).eval()
    names = {
        "qkv": "self_attn.in_proj_",
        "projection": "self_attn.out_proj.",
        "perceptron.0": "linear1.",
        "perceptron.2": "linear2.",
        "norm1": "norm1.",
        "norm2": "norm2.",
    }
    state = {
        f"{theirs}{part}": block.state_dict()[f"{ours}.{part}"]
        for ours, theirs in names.items()
        for part in ("weight", "bias")
    }
    reference.load_state_dict(state)
    tokens = torch.randn(2, 5, 128)
    torch.testing.assert_close(block(tokens), reference(tokens), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (EncoderSpec(48), "size 48: .* power of two"),
        (EncoderSpec(40, 64, 8, "vit_small"), "size 40: vit_small needs a multiple of 16"),
        (EncoderSpec(32, 100, 8, "vit_small"), "width 100: vit_small needs a multiple of 64"),
        (EncoderSpec(32, 16, 8, "resnet19"), "unknown encoder 'resnet19'; did you mean 'resnet18'"),
        (EncoderSpec(32, 16, 8, "absent.py"), r"no such file: .*absent\.py"),
        (EncoderSpec(32, 16, 8, "torch.nn:Linear"), "torch.nn:Linear is no registered encoder"),
    ],
)
def test_encoder_that_cannot_be_built_is_refused(spec: EncoderSpec, message: str) -> None:
    with pytest.raises(MethodError, match=message):
        check_encoder(spec)


@pytest.mark.parametrize("size", [32, 48, 100])
def test_resnets_and_the_example_take_any_size(size: int) -> None:
    for name in ("resnet18", "resnet50", EXAMPLE):
        check_encoder(EncoderSpec(size, 4, 8, name))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("spec.dim", "7", r"two images must give embeddings \(2, 8\), not \(2, 7\)"),
        (
            "images.mean((2, 3))",
            "images.mean((2, 3)), None",
            "two images must give|fails with 32 x 32 images: TypeError",
        ),
        ("return self.linear(", "return print(", r"embeddings \(2, 8\), not NoneType"),
        ("images.mean((2, 3))", "images.no_such_thing", "fails with 32 x 32 images: AttributeError"),
        ("return self.linear(", "return self.linear.double()(", "float32, not torch.float64|fails with 32 x 32"),
        ("return self.linear(", "return 1.0 + torch.zeros(2, 8).double() + self.linear(", "float32, not torch.float64"),
        ("super().__init__(spec)", "raise SystemExit(0)", "fails with 32 x 32 images: SystemExit: 0"),
        ("(Encoder)", "(torch.nn.Module)", "make it a subclass of methods.encoder.Encoder"),
        ("def forward", "def forwrd", "has no `forward`: define it"),
        ("    def __init__", "    width = 'x'\n    def __init__", "width='x' must be an int"),
    ],
)
def test_encoder_of_a_user_that_cannot_be_used_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(MethodError, match=message) as error:
        check_encoder(EncoderSpec(32, 4, 8, own(tmp_path, old, new)))
    assert "\n" not in str(error.value)


def test_methods_say_what_an_encoder_lacks(tmp_path: Path) -> None:
    spec = EncoderSpec(32, 4, 8, own(tmp_path))
    outline(get("fabnet"), spec, {})
    with pytest.raises(MethodError, match="takes RGB images alone: its constructor has no `in_channels`"):
        outline(get("split_brain"), spec, {})
    assert not has_feature_map(get_encoder(spec.name))

    class NeedsMap(get("autoencoder")):  # type: ignore[misc]
        needs_feature_map = True

    outline(NeedsMap, EncoderSpec(32, 4, 8, "resnet18"), {})
    with pytest.raises(MethodError, match=r"needs a feature map, which encoder .* has not: choose another"):
        outline(NeedsMap, spec, {})


def test_an_encoder_with_values_in_its_constructor_is_tried_on_the_cpu(tmp_path: Path) -> None:
    check_encoder(EncoderSpec(32, 4, 8, own(tmp_path, "spec.dim)", "spec.dim); self.linear.weight.max().item()")))

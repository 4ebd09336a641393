"""Encoders in other formats compute here what they compute in their own library; what cannot be a row is refused."""

import io
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import benchmark
from benchmark.errors import DataError, FabbenchError, UsageError
from benchmark.pipeline.import_encoder import import_encoder
from methods.errors import MethodError
from methods.exported_program import without_code
from tests.methods.frozen_encoders import resnet, save_onnx, save_program, save_transformers

AS_IS = {"mean": 0, "std": 1}
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
PREPROCESSOR = {
    "do_resize": True,
    "size": {"shortest_edge": 32},
    "do_center_crop": True,
    "crop_size": {"height": 28, "width": 28},
    "do_normalize": True,
    "image_mean": IMAGENET["mean"],
    "image_std": IMAGENET["std"],
    "resample": 3,
}


@pytest.fixture
def images() -> Tensor:
    return torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ONNX files and programs of one network, with batches of any size and of two."""
    folder = tmp_path_factory.mktemp("files")
    save_onnx(folder / "any.onnx", resnet())
    save_onnx(folder / "two.onnx", resnet(), batch=2)
    save_program(folder / "any.pt2", resnet())
    save_program(folder / "two.pt2", resnet(), batch=2)
    return folder


def embed(folder: Path, images: Tensor) -> Tensor:
    """Embeddings by the row, read back as its user would."""
    with torch.inference_mode():
        embeddings: Tensor = benchmark.load_encoder(folder)(images)
    return embeddings


def normalised(images: Tensor, mean: list[float], std: list[float]) -> Tensor:
    channels = [(images[:, i] - mean[i]) / std[i] for i in range(3)]
    return torch.stack(channels, 1)


@pytest.mark.parametrize("name", ["any.onnx", "two.onnx", "any.pt2", "two.pt2"])
def test_program_gives_the_network_s_embeddings(files: Path, tmp_path: Path, images: Tensor, name: str) -> None:
    """Batches that are no multiple of a fixed size are filled up."""
    imported = import_encoder(str(files / name), tmp_path, "net", {**IMAGENET, "channels": "bgr"})
    assert imported.parameters == sum(weight.numel() for weight in resnet().parameters()) or name.endswith("onnx")
    with torch.inference_mode():
        expected = resnet()(normalised(images, IMAGENET["mean"], IMAGENET["std"]).flip(1))[0]
    torch.testing.assert_close(embed(imported.folder, images), expected, rtol=1e-4, atol=1e-5)


def test_a_feature_map_is_averaged(files: Path, tmp_path: Path, images: Tensor) -> None:
    imported = import_encoder(str(files / "any.onnx"), tmp_path, "net", {**AS_IS, "output": "map"})
    with torch.inference_mode():
        expected = resnet()(images)[1].mean((2, 3))
    torch.testing.assert_close(embed(imported.folder, images), expected, rtol=1e-4, atol=1e-5)


def test_images_of_another_size_are_resized_and_cut(files: Path, tmp_path: Path) -> None:
    options = {**AS_IS, "resize": 64}
    imported = import_encoder(str(files / "any.onnx"), tmp_path, "net", options)
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        expected = resnet()(images[..., 16:48, 16:48])[0]
    torch.testing.assert_close(embed(imported.folder, images), expected, rtol=1e-4, atol=1e-5)
    whole = import_encoder(str(files / "any.onnx"), tmp_path, "whole", AS_IS)
    plain = torch.full((1, 3, 80, 80), 0.5)
    with torch.inference_mode():
        expected = resnet()(torch.full((1, 3, 32, 32), 0.5))[0]
    torch.testing.assert_close(embed(whole.folder, plain), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["dinov2", "vit", "clip", "resnet", "vit-without-pooler"])
def test_model_of_transformers_gives_its_embeddings(tmp_path: Path, kind: str) -> None:
    model = save_transformers(tmp_path / "model", kind)
    (tmp_path / "model" / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    imported = import_encoder(str(tmp_path / "model"), tmp_path, kind)
    images = torch.rand(3, 3, 28, 28)
    with torch.inference_mode():
        outputs = model(pixel_values=normalised(images, IMAGENET["mean"], IMAGENET["std"]))
    pooled = kind != "vit-without-pooler"
    expected = outputs.pooler_output.flatten(1) if pooled else outputs.last_hidden_state[:, 0]
    torch.testing.assert_close(embed(imported.folder, images), expected, rtol=1e-4, atol=1e-5)
    again = import_encoder(str(tmp_path / "model"), tmp_path, kind)
    assert again.folder == imported.folder, "the same model is the same row"
    if kind == "dinov2":
        tokens = import_encoder(
            str(tmp_path / "model"), tmp_path, "m", {"output": "last_hidden_state", "tokens": "mean"}
        )
        expected = outputs.last_hidden_state.mean(1)
        torch.testing.assert_close(embed(tokens.folder, images), expected, rtol=1e-4, atol=1e-5)


NET = """
import torch
from torch import nn

from widths import WIDTH

class Net(nn.Module):
    def __init__(self, width: int = WIDTH):
        super().__init__()
        self.layer = nn.Linear(3, width)

    def forward(self, images):
        return self.layer(images.mean((2, 3)))
"""


def test_class_in_a_file_is_an_encoder(tmp_path: Path, images: Tensor) -> None:
    (tmp_path / "net_of_test.py").write_text(NET)
    (tmp_path / "widths.py").write_text("WIDTH = 4\n")
    weights = {"layer.weight": torch.rand(6, 3), "layer.bias": torch.rand(6)}
    save_file(weights, tmp_path / "net.safetensors")
    target = f"{tmp_path / 'net_of_test.py'}:Net"
    options = {**AS_IS, "size": 32, "arguments": {"width": 6}}
    with pytest.raises(DataError, match=r"the weights do not fit: layer\.bias is \(6,\), not \(4,\)"):
        import_encoder(target, tmp_path, "a", {**AS_IS, "size": 32}, tmp_path / "net.safetensors")
    imported = import_encoder(target, tmp_path, "a", options, tmp_path / "net.safetensors")
    expected = images.mean((2, 3)) @ weights["layer.weight"].T + weights["layer.bias"]
    torch.testing.assert_close(embed(imported.folder, images), expected, rtol=1e-4, atol=1e-5)
    (tmp_path / "widths.py").write_text("WIDTH = 5\n")
    with pytest.raises(DataError, match="has changed since it was imported; import it again"):
        benchmark.load_encoder(imported.folder)


def test_timm_is_asked_for_its_network(tmp_path: Path, images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for timm, which needs torchvision: the calls, the classifier left out, and its settings."""

    class Stub:
        @staticmethod
        def list_models(pattern: str = "*") -> list[str]:
            return ["tiny_net"]

        @staticmethod
        def create_model(name: str, pretrained: bool, num_classes: int) -> nn.Module:
            assert not pretrained
            assert num_classes == 0
            network = nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.Flatten())
            about = {"input_size": (3, 8, 8), "mean": (0.5,) * 3, "std": (0.5,) * 3, "classifier": "fc"}
            cast(Any, network).pretrained_cfg = about
            return network

    monkeypatch.setitem(sys.modules, "timm", cast(Any, Stub))
    monkeypatch.setattr("methods.timm_model.require", lambda *_: None)
    weights = {"0.weight": torch.rand(4, 3, 4, 4), "0.bias": torch.rand(4), "fc.weight": torch.rand(9, 16)}
    save_file(weights, tmp_path / "w.safetensors")
    imported = import_encoder("timm:tiny_net", tmp_path, None, {}, tmp_path / "w.safetensors")
    assert imported.folder.name == "tiny_net"
    small = torch.rand(2, 3, 8, 8)
    expected = nn.functional.conv2d(small * 2 - 1, weights["0.weight"], weights["0.bias"], 4).flatten(1)
    torch.testing.assert_close(embed(imported.folder, small), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(UsageError, match="timm has no network"):
        import_encoder("timm:tiny_nett", tmp_path, None, {}, tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="nothing is downloaded"):
        import_encoder("timm:tiny_net", tmp_path)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("any.onnx", {}, r"does not say how images are normalised: --option mean=M --option std=S"),
        ("any.onnx", {"means": 0.5, "std": 0.5}, "onnx has no option 'means'; did you mean 'mean'"),
        ("any.onnx", {**AS_IS, "output": "vectr"}, r"output 'vectr' does not exist; did you mean 'vector'.*map \(3, 8"),
        ("any.onnx", {**AS_IS, "size": 64}, "its input is 32 x 32 pixels; leave --option size out"),
        ("any.onnx", {**AS_IS, "std": 0}, "option std=0 must be one positive number, or three"),
        ("any.onnx", {**AS_IS, "chanels": "bgr"}, "onnx has no option 'chanels'; did you mean 'channels'"),
        ("any.onnx", {**AS_IS, "channels": "gbr"}, "option channels=gbr must be rgb or bgr"),
        ("any.onnx", {**AS_IS, "resize": 16}, "option resize=16 must be size=32 or more"),
        ("any.onnx", {**AS_IS, "bytes": 5}, "--option bytes is set by fabbench import"),
        ("any.pt2", {**AS_IS, "output": "2"}, "output '2' does not exist"),
        ("none.onnx", AS_IS, "no such file"),
        ("text.onnx", AS_IS, "it is no ONNX file, or cut short"),
        ("cut.onnx", AS_IS, "it is no ONNX file, or cut short"),
        ("text.pt2", AS_IS, r"it is no file by torch\.export\.save, or cut short"),
        ("cut.pt2", AS_IS, "which is no part of a plain program|cut short"),
        ("empty", AS_IS, "transformers cannot read it"),
        ("none.py:Net", AS_IS, r"none\.py: no such file"),
        ("none.py", AS_IS, r"name the class, as in .*none\.py:CLASS"),
    ],
)
def test_what_is_no_encoder_is_refused_in_one_line(
    files: Path, tmp_path: Path, source: str, options: dict[str, Any], message: str
) -> None:
    for name in ("onnx", "pt2"):
        (files / f"text.{name}").write_text("no program")
        (files / f"cut.{name}").write_bytes((files / f"any.{name}").read_bytes()[:-900])
    (files / "empty").mkdir(exist_ok=True)
    with pytest.raises(FabbenchError, match=message) as caught:
        import_encoder(str(files / source), tmp_path / "rows", "row", options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "rows").exists()


def test_pickled_models_and_code_of_transformers_are_refused(tmp_path: Path) -> None:
    save_transformers(tmp_path / "model", "vit")
    folder = tmp_path / "model"
    (folder / "model.safetensors").rename(folder / "away")
    torch.save({"a": torch.ones(1)}, folder / "pytorch_model.bin")
    with pytest.raises(UsageError, match=r"no file named model\.safetensors"):
        import_encoder(str(folder), tmp_path, "row")
    (folder / "away").rename(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    own = {**config, "model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(own))
    (folder / "own.py").write_text("raise SystemExit('executed')")
    with pytest.raises(UsageError, match="transformers cannot read it"):
        import_encoder(str(folder), tmp_path, "row")


class Creates:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


def altered(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with one of its files changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry.endswith(name) else data)
    return result.getvalue()


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode())

    return change


def test_a_program_executes_nothing_but_torch_s_operators(files: Path, tmp_path: Path, images: Tensor) -> None:
    """Sample inputs are never unpickled; pickled weights, other functions and code in sizes are refused."""
    content, victim = (files / "any.pt2").read_bytes(), tmp_path / "was-run"
    pickled = pickle.dumps(Creates(victim))
    (tmp_path / "a.pt2").write_bytes(altered(content, "sample_inputs/model.pt", lambda _: pickled))
    imported = import_encoder(str(tmp_path / "a.pt2"), tmp_path, "row", AS_IS)
    assert embed(imported.folder, images).shape == (5, 16)
    hostile = {
        "torch.load, which is no operator": ("model.json", replaced("torch.ops.aten.relu.default", "torch.load")),
        "aten.from_file.default, which is no": ("model.json", replaced("aten.relu.default", "aten.from_file.default")),
        "is pickled, and could execute code": (
            "weights_config.json",
            replaced('"use_pickle": false', '"use_pickle": true'),
        ),
    }
    for message, (name, change) in hostile.items():
        with pytest.raises(MethodError, match=message):
            without_code(altered(content, name, change))
    symbol = f"__import__('os').mkdir('{victim}')"
    with pytest.raises(MethodError, match="which is no sum or product"):
        without_code(altered(content, "model.json", lambda data: _with_size(data, symbol)))
    assert not victim.exists()


def _with_size(data: bytes, text: str) -> bytes:
    program = json.loads(data)
    program["range_constraints"] = {text: {"min_val": 2, "max_val": None}}
    return json.dumps(program).encode()


def test_a_missing_package_names_its_extra(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("methods.pretrained.find_spec", lambda _: None)
    for source, extra in {str(files / "any.onnx"): "onnx", str(files): "hf"}.items():
        with pytest.raises(UsageError, match=rf"pip install 'fab-bench\[{extra}\]'"):
            import_encoder(source, tmp_path, "row", AS_IS)


def test_an_encoder_in_training_mode_is_refused(tmp_path: Path) -> None:
    network = resnet().train()
    (tmp_path / "n.py").write_text(
        "from tests.methods.frozen_encoders import resnet\n\n"
        "class Net(type(resnet())):\n    def train(self, mode=True):\n        return super().train(True)\n"
    )
    assert network.training
    with pytest.raises(UsageError, match="an image's embedding depends on the other images"):
        import_encoder(f"{tmp_path / 'n.py'}:Net", tmp_path, "row", {**AS_IS, "size": 32})

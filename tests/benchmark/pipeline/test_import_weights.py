"""Released weights compute here what they compute in their own networks; broken files are refused."""

import argparse
import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from benchmark.errors import DataError, UsageError
from benchmark.pipeline.features import embed
from benchmark.pipeline.import_weights import import_weights
from benchmark.train import weights
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import get
from probes.released import landmarks, released_probe
from tests.benchmark import released


def load_method(folder: Path) -> Method:
    """The method in a folder of imported weights, built from its config.yaml."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    spec = EncoderSpec(size=config["size"], **config["encoder"]) if config["encoder"] else EncoderSpec()
    method = get(config["method"])(spec, config["options"])
    weights.load_method(method, folder)
    return method.eval()


@pytest.mark.parametrize(("width", "dim"), [(4, 16), (32, 256)])
@pytest.mark.parametrize("old", [True, False])
def test_imported_fabnet_equals_the_released_network(tmp_path: Path, width: int, dim: int, old: bool) -> None:
    model, probe = released.fabnet(width, dim)
    released.save_fabnet(tmp_path / "300w_4views.pt", model, probe, old=old)
    imported = import_weights(tmp_path / "300w_4views.pt", tmp_path / "imported")
    assert imported.folder == tmp_path / "imported" / "fabnet-released"
    assert imported.probe_outputs == 136
    method = load_method(imported.folder)
    assert imported.parameters == sum(weight.numel() for weight in method.parameters())
    if width == 32:
        encoder = sum(weight.numel() for weight in method.encoder.parameters())
        flow = sum(weight.numel() for weight in method.get_submodule("decoder").parameters())
        assert (encoder, flow) == (4_887_904, 3_340_514), "parameters of the released model"
    frames = torch.rand(2, 4, 3, 256, 256)
    with torch.no_grad():
        expected = model.encoder(frames[:, 0]).flatten(1)
        torch.testing.assert_close(method.embed(frames[:, 0]), expected, rtol=0, atol=1e-5)
        generated = model.generate(list(frames[:, :3].unbind(1)), frames[:, 3])
        torch.testing.assert_close(method(frames).pictures["generated"], generated, rtol=0, atol=1e-5)
        state = load_file(imported.folder / "probe.safetensors")
        outputs = released_probe({name: value.numpy() for name, value in state.items()})(expected.numpy())
        np.testing.assert_allclose(outputs, probe(expected).numpy(), atol=1e-5)
        assert landmarks(outputs).shape == (2, 68, 2)


def test_a_checkpoint_of_the_released_training_code(tmp_path: Path) -> None:
    """The model is under ``state_dict``, beside the arguments, with the prefix that several GPUs give."""
    model, _ = released.fabnet()
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state, "opts": argparse.Namespace(lr=1e-4), "epoch": 7}, tmp_path / "epoch7.pth")
    imported = import_weights(tmp_path / "epoch7.pth", tmp_path / "imported", "mine")
    assert imported.folder.name == "mine"
    assert imported.probe_outputs is None
    images = torch.rand(1, 3, 256, 256)
    with torch.no_grad():
        torch.testing.assert_close(
            load_method(imported.folder).embed(images), model.encoder(images).flatten(1), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize(("form", "channels"), [("pth", "bgr"), ("safetensors", "rgb")])
def test_imported_vgg_face_equals_the_paper_s_network(tmp_path: Path, form: str, channels: str) -> None:
    state, path = released.vgg_face(), tmp_path / f"vgg_face.{form}"
    if form == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    imported = import_weights(path, tmp_path / "imported", options={"channels": channels})
    assert imported.folder.name == "vgg-face"
    method, images = load_method(imported.folder), torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        expected = released.vgg_face_descriptor(state, images, bgr=channels == "bgr")
        scale = expected.abs().max()
        torch.testing.assert_close(method.embed(images) / scale, expected / scale, rtol=0, atol=1e-5)
        assert method.embed(torch.rand(1, 3, 64, 64)).shape == (1, 4096), "faces of any size are resized"


def test_faces_are_resized_to_the_encoder_s_input_size(tmp_path: Path) -> None:
    model, probe = released.fabnet()
    released.save_fabnet(tmp_path / "a.pt", model, probe)
    method = load_method(import_weights(tmp_path / "a.pt", tmp_path / "imported").folder)
    flat = np.full((2, 64, 64, 3), (10, 120, 250), np.uint8)
    large = np.full((2, 256, 256, 3), (10, 120, 250), np.uint8)
    device = torch.device("cpu")
    np.testing.assert_allclose(embed(method, flat, device), embed(method, large, device), atol=1e-5)


def broken(change: Any) -> dict[str, Any]:
    model, probe = released.fabnet()
    content: dict[str, Any] = {"state_dict_model": dict(model.state_dict()), "state_dict": dict(probe.state_dict())}
    change(content)
    return content


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c["state_dict_model"].pop("decoder.2.weight"), "decoder.layers.2.weight is absent"),
        (
            lambda c: c["state_dict_model"].update({"encoder.2.weight": torch.rand(5, 4, 4, 4)}),
            r"\(5, 4, 4, 4\), not",
        ),
        (lambda c: c["state_dict_model"].update({"lighting.0.weight": torch.rand(1)}), "holds lighting.0.weight"),
        (lambda c: c["state_dict_model"]["encoder.0.bias"].fill_(float("nan")), "encoder.layers.0.bias is not finite"),
        (lambda c: c["state_dict"].pop("1.weight"), "no batch norm with a linear layer"),
        (lambda c: c["state_dict"].update({"1.weight": torch.rand(136, 3)}), "does not take embeddings of 16"),
        (lambda c: c.update(state_dict_model=[1, 2]), "holds no named weights"),
        (lambda c: (c.clear(), c.update(conv1=torch.rand(2))), "neither FAb-Net nor VGG-Face, but conv1"),
        (lambda c: c.clear(), "but no weights"),
    ],
)
def test_incomplete_weights_are_refused_and_nothing_is_written(tmp_path: Path, change: Any, problem: str) -> None:
    torch.save(broken(change), tmp_path / "a.pt")
    with pytest.raises(DataError, match=problem):
        import_weights(tmp_path / "a.pt", tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("was-run",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool) -> None:
    monkeypatch.chdir(tmp_path)
    content = broken(lambda c: c.update(extra=Evil()))
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match=r"a\.pt holds more than weights: reading it would call posix\.mkdir"):
        import_weights(tmp_path / "a.pt", tmp_path / "imported")
    assert not (tmp_path / "was-run").exists()


def cut_short() -> bytes:
    model, probe = released.fabnet()
    buffer = io.BytesIO()
    torch.save({"state_dict_model": model.state_dict(), "state_dict": probe.state_dict()}, buffer)
    return buffer.getvalue()[:-5000]


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps([1]), cut_short(), b"\x80\x02.", b"e"])
def test_a_broken_file_is_a_message_of_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}") as caught:
        import_weights(tmp_path / name, tmp_path / "imported")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "imported").exists()


def test_a_folder_with_other_weights_is_not_overwritten(tmp_path: Path) -> None:
    for number in range(2):
        model, probe = released.fabnet(outputs=10 + number)
        released.save_fabnet(tmp_path / f"{number}.pt", model, probe)
    first = import_weights(tmp_path / "0.pt", tmp_path / "imported")
    assert import_weights(tmp_path / "0.pt", tmp_path / "imported") == first, "importing the same file again is allowed"
    with pytest.raises(UsageError, match="holds other weights; choose another name with --as"):
        import_weights(tmp_path / "1.pt", tmp_path / "imported")
    assert import_weights(tmp_path / "1.pt", tmp_path / "imported", "other").folder.name == "other"


def test_options_are_those_of_the_method(tmp_path: Path) -> None:
    model, probe = released.fabnet()
    released.save_fabnet(tmp_path / "a.pt", model, probe)
    with pytest.raises(UsageError, match="fabnet has no option 'sorces'"):
        import_weights(tmp_path / "a.pt", tmp_path / "imported", options={"sorces": 2})

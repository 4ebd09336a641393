"""An exported encoder: the same embeddings by ONNX Runtime, weights that load, and a card whose example runs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

import benchmark
from benchmark.files import sha256
from methods.encoder import EncoderSpec
from tests.benchmark.released import fabnet, save_fabnet
from tests.benchmark.tiny import call, refused, run_folder, settings

ROWS = "methods=mean,pixels,random,autoencoder,rotation,split_brain,fabnet,supervised"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished benchmark with all kinds of rows."""
    folder = tmp_path_factory.mktemp("exported")
    finished = call("run", *settings(folder, ROWS, "probe.heads=[exact]"))
    assert finished.code == 0, finished.err
    return folder


def export(place: Path, row: str, to: Path, *more: str) -> list[str]:
    words = (f"{row}/seed0", "name=quick", f"out={place / 'runs'}", "--to", str(to))
    finished = call("export", *words, *more)
    assert finished.code == 0, finished.err
    return finished.out.splitlines()


@pytest.mark.parametrize("row", ["pixels", "random", "split_brain", "fabnet"])
def test_onnx_gives_the_embeddings_of_torch_for_batches_of_any_size(place: Path, tmp_path: Path, row: str) -> None:
    lines = export(place, row, tmp_path / "to")
    assert lines[:-1] == [
        str(tmp_path / "to" / name) for name in ("encoder.onnx", "encoder.safetensors", "card.json", "README.md")
    ]
    session = onnxruntime.InferenceSession(tmp_path / "to" / "encoder.onnx", providers=["CPUExecutionProvider"])
    encoder = benchmark.load_encoder(run_folder(place, row))
    for count in (1, 2, 7):
        images = torch.rand(count, 3, 32, 32)
        with torch.inference_mode():
            expected = encoder(images)
        (embeddings,) = session.run(None, {"images": images.numpy()})
        np.testing.assert_allclose(embeddings, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_weights_and_card_are_enough_without_the_run(place: Path, tmp_path: Path) -> None:
    export(place, "fabnet", tmp_path / "to")
    card = json.loads((tmp_path / "to" / "card.json").read_text())
    assert card["files"] == {name: sha256(tmp_path / "to" / name) for name in card["files"]}
    assert card["input"]["shape"] == ["batch", 3, 32, 32]
    assert card["trained_on"]["kind"] == "faces without labels"
    assert card["trained_on"]["train"]["steps"] == 4
    assert card["onnx_difference"] < 1e-5
    environment = json.loads((run_folder(place, "fabnet") / "environment.json").read_text())
    assert card["provenance"]["code"]["commit"] == environment["commit"]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "to").iterdir()} == {0o644}
    encoder = EncoderSpec(size=card["input"]["size"], **card["encoder"]).build()
    encoder.load_state_dict(load_file(tmp_path / "to" / "encoder.safetensors"))
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        expected = benchmark.load_encoder(run_folder(place, "fabnet"))(images)
        torch.testing.assert_close(encoder.eval()(images), expected)
    (example,) = re.findall(r"```python\n(.*?)```", (tmp_path / "to" / "README.md").read_text(), re.DOTALL)
    subprocess.run([sys.executable, "-c", example], cwd=tmp_path / "to", check=True)


def test_an_exported_encoder_is_a_row_with_the_same_scores(place: Path, tmp_path: Path) -> None:
    """The file says how it is fed and what it was trained on, so that no option is needed."""
    export(place, "fabnet", tmp_path / "to", "--format", "onnx")
    assert not (tmp_path / "to" / "encoder.safetensors").exists()
    onnx, imported = str(tmp_path / "to" / "encoder.onnx"), f"imported={tmp_path / 'imported'}"
    read = call("import", onnx, imported, "--as", "again")
    assert read.code == 0, read.err
    assert "'size': 32" in read.out
    assert "trained on: faces without labels" in read.out
    tiny = settings(tmp_path, "methods=fabnet,again", "probe.heads=[exact]", imported, cache=place / "cache")
    ran = call("run", *tiny)
    assert ran.code == 0, ran.err
    assert (
        "again was trained elsewhere, on: faces without labels."
        in (tmp_path / "runs" / "quick" / "tables" / "tables.md").read_text()
    )
    cells = benchmark.read_cells(tmp_path / "runs" / "quick")
    scores = cells[cells["metric"] == "mae"].set_index("variant")["mean"]
    assert abs(scores["again"] - scores["fabnet"]) < 1e-3 * scores["fabnet"]
    assert set(cells.loc[cells["variant"] == "again", "trained_on"]) == {"faces without labels"}
    parameters = cells[cells["metric"] == "encoder_parameters"].set_index("variant")["mean"]
    assert parameters["again"] > 0


def test_imported_weights_can_be_exported(tmp_path: Path) -> None:
    model, probe = fabnet()
    save_fabnet(tmp_path / "a.pt", model, probe)
    assert call("import", str(tmp_path / "a.pt"), f"imported={tmp_path}").code == 0
    finished = call("export", str(tmp_path / "fabnet-released"), "--to", str(tmp_path / "to"), "--format", "onnx")
    assert finished.code == 0, finished.err
    card = json.loads((tmp_path / "to" / "card.json").read_text())
    assert card["input"]["size"] == 256
    assert card["provenance"]["origin"]["file"] == "a.pt"


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, to = f"out={place / 'runs'}", str(tmp_path / "to")
    assert "--to DIR is missing" in refused(2, "export", "fabnet/seed0", "name=quick", out)
    assert "did you mean 'fabnet/seed0'" in refused(2, "export", "fabnt/seed0", "name=quick", out, "--to", to)
    assert "a ceiling predicts the labels" in refused(2, "export", "supervised/seed0", "name=quick", out, "--to", to)
    assert "has no ONNX form" in refused(1, "export", "mean/seed0", "name=quick", out, "--to", to)
    assert "holds no config.yaml" in refused(1, "export", str(tmp_path), "--to", to)
    (tmp_path / "there").mkdir()
    assert "exists; choose another" in refused(
        2, "export", "fabnet/seed0", "name=quick", out, "--to", str(tmp_path / "there")
    )
    shutil.copytree(run_folder(place, "random"), tmp_path / "there" / "run")
    (tmp_path / "there" / "run" / "environment.json").write_text("{")
    line = refused(1, "export", str(tmp_path / "there" / "run"), "--to", to, "--format", "safetensors")
    assert "environment.json: cut short or altered; restore it" in line
    monkeypatch.setattr("benchmark.pipeline.export.find_spec", lambda _: None)
    line = refused(2, "export", "fabnet/seed0", "name=quick", out, "--to", to)
    assert "pip install 'fab-bench[onnx]', or --format safetensors" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]

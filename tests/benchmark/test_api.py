"""The interface in Python: the same runs, cells, encoders and data as by the command line."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file

import benchmark
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.errors import DataError, UsageError
from tests.benchmark.released import fabnet, save_fabnet
from tests.benchmark.tiny import METHOD, call, cells, run_folder, settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished benchmark with a floor, a method, a ceiling and a method in a file."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "own.py").write_text(METHOD.format(name="own-of-api"))
    methods = f"methods=[mean,pixels,random,split_brain,supervised,{folder / 'own.py'}]"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CPUS_PER_TASK", "1")  # no worker process has to start
        summary = benchmark.run(settings(folder, methods, "probe.heads=[exact]"))
    assert summary.failed == []
    assert summary.folder == folder / "runs" / "quick"
    return folder


def faces_of(place: Path) -> NDArray[np.uint8]:
    return LabelledSet.load(next((place / "cache" / "faces").glob("*.arrow"))).frames


def test_importing_the_package_imports_no_library() -> None:
    script = (
        "import sys, benchmark; assert not {'torch', 'pandas', 'hydra'} & {*sys.modules}\n"
        "assert {'run', 'load_encoder', '__version__'} <= {*dir(benchmark)}\n"
        "benchmark.read_cells, benchmark.run, benchmark.pack_tracks, benchmark.build_labelled_set\n"
        "assert 'torch' not in sys.modules\n"
        "benchmark.Encoder; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    with pytest.raises(AttributeError, match="no attribute 'load_encodr'"):
        _ = benchmark.load_encodr


def test_settings_by_key_make_the_same_runs(place: Path) -> None:
    words = settings(place, "methods=mean,pixels", "probe.heads=[exact]")
    by_key: dict[str, Any] = dict(word.split("=", 1) for word in words)
    by_key |= {"train.steps": 4, "seeds": [0], "probe": {"heads": ["exact"]}, "cache": place / "cache", "root": None}
    before = {path: path.stat().st_mtime_ns for path in place.glob("runs/quick/*/*/*/method.safetensors")}
    benchmark.run(by_key)
    assert {path: path.stat().st_mtime_ns for path in before} == before, "nothing was done again"
    assert set(benchmark.read_cells(place / "runs" / "quick")["variant"]) == {"mean", "pixels"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("preset=quick", "settings: give a list of words or a mapping"),
        (None, "settings: give a list of words or a mapping, not None"),
        ([4], "settings: 4 is no text such as 'train.steps=40'"),
        ({"train.stepz": 4}, "unknown key train.stepz; did you mean 'train.steps'"),
        ({"train.steps": "many"}, "train.steps=many must be a valid integer"),
        ({"seeds": {1, 2}}, "seeds: a set is no value of a setting"),
        ({"methods": ["fabnet", "rotatoin"]}, "unknown method 'rotatoin'; did you mean 'rotation'"),
    ],
)
def test_wrong_settings_are_refused(given: Any, message: str) -> None:
    with pytest.raises(benchmark.FabbenchError, match=message):
        benchmark.run(given)


def test_cells_are_those_of_the_tables(place: Path, tmp_path: Path) -> None:
    folder = place / "runs" / "quick"
    frame = benchmark.read_cells(folder)
    written = cells(folder)
    probed = frame[frame["task"] != "cost"]
    assert probed["mean"].tolist() == [cell["mean"] for cell in written]
    assert probed["variant"].tolist() == [cell["variant"] for cell in written]
    printed = call("tables", "preset=quick", f"out={place / 'runs'}", "--format", "json").out
    (tmp_path / "cells.json").write_text(printed)
    assert benchmark.read_cells(tmp_path / "cells.json").equals(frame.drop(columns="trained_on"))
    assert set(frame.loc[frame["variant"] == "pixels", "dim"]) == {768}
    earlier = [{key: cell[key] for key in cell if key not in ("encoder", "width", "size", "dim")} for cell in written]
    (tmp_path / "cells.json").write_text(json.dumps(earlier))
    assert benchmark.read_cells(tmp_path / "cells.json")["dim"].isna().all()
    (tmp_path / "cells.json").write_text('[{"variant": "mean"}]')
    with pytest.raises(DataError, match="no file by fabbench tables --format json"):
        benchmark.read_cells(tmp_path / "cells.json")
    with pytest.raises(UsageError, match=r"no run was probed with the head 'exakt'; did you mean 'exact'\?"):
        benchmark.read_cells(folder, head="exakt")
    with pytest.raises(UsageError, match="no benchmark 'quik'"):
        benchmark.read_cells(folder.with_name("quik"))


@pytest.mark.parametrize("row", ["mean", "pixels", "random", "split_brain", "own"])
def test_encoder_gives_the_features_that_were_probed(place: Path, row: str) -> None:
    folder = run_folder(place, row)
    encoder = benchmark.load_encoder(folder)
    frames = torch.tensor(faces_of(place)).permute(0, 3, 1, 2)
    features = load_file(folder / "features" / "synthetic.safetensors")["features"]
    with torch.inference_mode():
        embeddings = encoder(frames)
        of_floats = encoder(frames.double() / 255)
    assert embeddings.dtype == torch.float32
    assert encoder.dim == features.shape[1]
    np.testing.assert_allclose(embeddings.numpy(), features, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(of_floats, embeddings, rtol=1e-4, atol=1e-5)


def test_images_of_any_size_are_resized(place: Path) -> None:
    encoder = benchmark.load_encoder(run_folder(place, "split_brain"))
    assert encoder.size == 32

    def gradient(side: int) -> torch.Tensor:
        """The same picture at any size: brightness grows from left to right."""
        return ((torch.arange(side) + 0.5) / side).expand(1, 3, side, side)

    pixels = benchmark.load_encoder(run_folder(place, "pixels"))
    for side in (20, 32, 200):
        torch.testing.assert_close(pixels(gradient(side)), pixels(gradient(32)), rtol=0, atol=0.01)
        assert encoder(gradient(side)).shape == (1, encoder.dim)


def test_encoder_can_be_trained_on(place: Path) -> None:
    encoder = benchmark.load_encoder(run_folder(place, "split_brain"))
    assert not encoder.training
    (gradient, *_) = torch.autograd.grad(encoder(torch.rand(2, 3, 32, 32)).sum(), next(encoder.parameters()))
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 3, 32, 32), np.uint8), "images as a torch tensor, got ndarray"),
        (torch.rand(2, 3, 32, 48), r"square RGB images \(B, 3, H, H\), got \(2, 3, 32, 48\)"),
        (torch.rand(2, 32, 32, 3), "square RGB images"),
        (torch.rand(3, 32, 32), "square RGB images"),
        (torch.rand(1, 3, 32, 32) * 255, r"in \[0, 1\]; divide them by 255"),
        (torch.full((1, 3, 32, 32), torch.nan), r"in \[0, 1\]"),
        (torch.ones(1, 3, 32, 32, dtype=torch.int64), "got torch.int64"),
    ],
)
def test_images_that_would_be_misread_are_refused(place: Path, images: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        benchmark.load_encoder(run_folder(place, "pixels"))(images)


def test_imported_weights_are_an_encoder(tmp_path: Path) -> None:
    model, probe = fabnet()
    save_fabnet(tmp_path / "a.pt", model, probe)
    assert call("import", str(tmp_path / "a.pt"), f"imported={tmp_path}").code == 0
    encoder = benchmark.load_encoder(tmp_path / "fabnet-released")
    images = torch.rand(1, 3, 256, 256)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(images), model.encoder(images).flatten(1), rtol=0, atol=1e-5)


def test_what_has_no_encoder_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a ceiling predicts the labels of its task"):
        benchmark.load_encoder(run_folder(place, "supervised", "synthetic-pose"))
    with pytest.raises(DataError, match="no such folder; give the folder of a finished run"):
        benchmark.load_encoder(tmp_path / "missing")
    with pytest.raises(DataError, match=r"holds no config\.yaml"):
        benchmark.load_encoder(tmp_path)
    with pytest.raises(UsageError, match=r"device='gpu' cannot be used .*; cpu is always there"):
        benchmark.load_encoder(run_folder(place, "pixels"), device="gpu")


def test_unfinished_and_altered_runs_are_refused(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run_folder(place, "pixels"), folder)
    shutil.copy(run_folder(place, "random") / "method.safetensors", folder)
    with pytest.raises(DataError, match="files of this run were altered after it"):
        benchmark.load_encoder(folder)
    (folder / "done" / "pretrain.json").unlink()
    with pytest.raises(DataError, match="this run is not trained yet"):
        benchmark.load_encoder(folder)


class Spots:
    """Tracks of plain colours."""

    size = 32

    def describe(self) -> dict[str, Any]:
        return {"reader": "spots", "version": 1}

    def tracks(self) -> list[RawTrack]:
        return [RawTrack(f"id{i}", f"id{i}/a", str(i)) for i in range(10)]

    def read(self, track: RawTrack) -> Iterator[Frame]:
        for number in range(3):
            yield Frame(str(number), np.full((32, 32, 3), 20 * int(track.location) + number, np.uint8))


def test_own_tracks_are_packed(tmp_path: Path) -> None:
    counts: list[tuple[int, int, int]] = []
    store = benchmark.pack_tracks(Spots(), tmp_path / "store", progress=lambda *count: counts.append(count))
    assert len(store) == 10
    assert counts[-1] == (10, 10, 30)
    assert abs(int(store.frame(3, 1).mean()) - int(store.frame(3, 0).mean())) <= 2
    again = benchmark.pack_tracks(Spots(), tmp_path / "store")
    assert again.manifest == store.manifest
    with pytest.raises(DataError, match="made with other settings"):
        benchmark.pack_tracks(Spots(), tmp_path / "store", split_seed=5)


class Failing(Spots):
    """One whose frames cannot be read."""

    def read(self, track: RawTrack) -> Iterator[Frame]:
        raise KeyError(track.location)


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        ("videos", {}, "source: str has no 'size'; give a `TrackSource`"),
        (Failing(), {}, r"data \(Failing\): KeyError: '0'"),
        (Spots(), {"jpeg_quality": 500}, "jpeg_quality=500 must be 1 to 100"),
        (Spots(), {"workers": 0}, "workers=0 must be 1 or more"),
    ],
)
def test_tracks_that_cannot_be_packed(tmp_path: Path, source: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(benchmark.FabbenchError, match=message):
        benchmark.pack_tracks(source, tmp_path / "store", **settings)
    assert not (tmp_path / "store").exists()


def test_a_labelled_set_is_built_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = ["file,smile"]
    for number in range(20):
        Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number % 2}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    about = {
        "kind": "csv",
        "csv": str(tmp_path / "labels.csv"),
        "images": tmp_path,
        "image": "file",
        "size": 32,
        "crop": {"kind": "whole"},
        "aus": {"columns": {"AU12": "smile"}},
    }
    faces = benchmark.build_labelled_set("mine", about, cache=tmp_path / "cache")
    assert faces.name == "mine"
    assert faces.frames.shape == (20, 32, 32, 3)
    assert faces.targets["aus"].values.sum() == 10
    (file,) = (tmp_path / "cache" / "faces").glob("mine-*.arrow")
    written = file.stat().st_mtime_ns
    assert benchmark.build_labelled_set("mine", about, cache=tmp_path / "cache").hash == faces.hash
    assert file.stat().st_mtime_ns == written
    with pytest.raises(UsageError, match=r"unknown key sets\.mine\.sise"):
        benchmark.build_labelled_set("mine", {**about, "sise": 64}, cache=tmp_path / "cache")
    with pytest.raises(UsageError, match="settings: give a mapping such as"):
        benchmark.build_labelled_set("mine", "csv", cache=tmp_path / "cache")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cannot be read"):
        benchmark.build_labelled_set("mine", {**about, "csv": str(tmp_path / "none.csv")}, cache=tmp_path / "cache")

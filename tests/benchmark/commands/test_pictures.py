"""`fabbench pictures` of runs with broken or foreign files."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.benchmark.tiny import call, refused, run_folder, settings

EXAMPLES = Path(__file__).parents[3] / "examples"
PARTS = f"probe.heads=[exact,knn,{EXAMPLES / 'random_features_head.py'}]"
ROWS = ("methods=fabnet,pixels", PARTS)
TASK = "tasks=synthetic-landmarks"
FEATURES, HEADS = "features/synthetic.safetensors", "probes/synthetic-landmarks.head.safetensors"


@pytest.fixture(scope="module")
def landmarks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished benchmark of landmarks and its cache, not to be changed."""
    folder = tmp_path_factory.mktemp("landmarks")
    finished = call("run", *settings(folder, *ROWS, "tasks=synthetic-landmarks,synthetic-pose"))
    assert finished.code == 0, finished.err
    return folder


@pytest.fixture
def copy(landmarks: Path, tmp_path: Path) -> Path:
    """A copy of its run folders."""
    shutil.copytree(landmarks / "runs", tmp_path / "runs")
    return tmp_path


def words(copy: Path, cache: Path) -> list[str]:
    only = settings(copy, cache=cache, only=("data", "sets", "out", "cache", "encoder"))
    return ["fabnet/seed0", *(word for word in only if not word.startswith("encoder")), TASK]


def altered(change: Callable[[dict[str, np.ndarray]], None]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        arrays = load_file(path)
        change(arrays)
        save_file(arrays, path)

    return write


def content(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def replaced(old: str, new: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (FEATURES, content(""), "cut short or altered"),
        (FEATURES, altered(lambda a: a.update(x=a.pop("features"))), "cut short or altered"),
        (FEATURES, altered(lambda a: a.update(features=a["features"][:3].copy())), "not float32 (112, D)"),
        (FEATURES, altered(lambda a: a.update(features=a["features"].ravel())), "not float32 (112, D)"),
        (FEATURES, altered(lambda a: a.update(features=a["features"] * np.float32("nan"))), "not finite"),
        ("metrics.jsonl", content("x\n"), "not the log of a training"),
        ("metrics.jsonl", content('{"step": "a", "loss": "b", "lr": 1}\n'), "not the log of a training"),
        ("metrics.jsonl", content('{"step": 1, "loss": 1}\n'), "not the log of a training ('lr')"),
        ("config.yaml", replaced("method: fabnet", "method: fabnt"), "unknown method 'fabnt'; did you mean 'fabnet'?"),
        ("config.yaml", replaced("method: fabnet", "method: 5"), "method Input should be a valid string"),
        ("config.yaml", replaced("options: {}", "options: {a: 1}"), "fabnet has no option 'a'"),
        ("config.yaml", replaced("options: {}", "options: [1]"), "options Input should be a valid dictionary"),
        ("config.yaml", replaced("width: 4", "width: x"), "encoder.width Input should be a valid integer"),
        ("config.yaml", replaced("size: 32", "size: 17"), "built: data.size=17 encoder.name=fabnet: size 17: FAb-Net"),
        ("config.yaml", content("size: 64"), "method Field required"),
        (
            "method.safetensors",
            altered(
                lambda a: a.update(
                    {key: value * np.float32("nan") for key, value in a.items() if value.dtype == np.float32}
                )
            ),
            "is not finite",
        ),
    ],
)
def test_a_broken_file_is_named(
    copy: Path, landmarks: Path, name: str, change: Callable[[Path], object], message: str
) -> None:
    path = run_folder(copy, "fabnet") / name
    change(path)
    finished = call("pictures", *words(copy, landmarks / "cache"))
    (line,) = finished.err.splitlines()
    assert finished.code == 1
    assert str(path) in line
    assert message in line


def test_files_of_another_method_or_task_are_refused(copy: Path, landmarks: Path) -> None:
    run, other = run_folder(copy, "fabnet"), run_folder(copy, "pixels")
    where = words(copy, landmarks / "cache")
    for source in (other / HEADS, run / HEADS.replace("landmarks", "pose")):
        shutil.copy(source, run / HEADS)
        assert f"{run / HEADS}: heads of another method or task" in refused(1, "pictures", *where)
    shutil.copy(other / "method.safetensors", run)
    line = refused(1, "pictures", *where)
    assert "method.safetensors are not the weights of fabnet: " in line
    assert len(line) < 300


@pytest.mark.parametrize(
    ("head", "title"), [("knn", "k nearest neighbours"), ("random_features", "linear on random ReLU features")]
)
def test_heads_that_are_not_kept_are_fitted_again(
    copy: Path, landmarks: Path, monkeypatch: pytest.MonkeyPatch, head: str, title: str
) -> None:
    """The picture shows the errors that were scored, of any head."""
    drawn: list[Any] = []
    monkeypatch.setattr("benchmark.pipeline.pictures.landmark_sheet", lambda *about: drawn.append(about))
    finished = call("pictures", *words(copy, landmarks / "cache"), PARTS, f"probe.table_head={head}")
    assert finished.code == 0, finished.err
    ((*_, errors, path, caption),) = drawn
    record = json.loads((run_folder(copy, "fabnet") / "probes/synthetic-landmarks.json").read_text())
    assert errors.mean() == pytest.approx(record["heads"][head]["metrics"]["error"]["value"], rel=1e-4)
    assert path.name == "synthetic-landmarks.png"
    assert title in caption


def test_what_is_left_out_is_said(copy: Path) -> None:
    finished = call("pictures", *words(copy, copy / "nowhere"))
    assert finished.code == 0
    assert "fabnet/seed0-" in finished.out
    assert "no pictures of tracks, since there is no track store" in finished.err
    assert "no pictures of synthetic-landmarks, since there is no labelled set" in finished.err

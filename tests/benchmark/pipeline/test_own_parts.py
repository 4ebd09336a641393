"""The examples of a source, a set, a head and a metric: from their files to the tables, and in a snapshot."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from benchmark.config.load import load, plain
from benchmark.config.own import TrackReader
from benchmark.config.probing import resolve_probe
from benchmark.pipeline import cluster
from tests.benchmark.tiny import call

pytestmark = pytest.mark.usefixtures("forget_files")

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def settings(tmp_path: Path) -> list[str]:
    """A benchmark of the examples: people whose tracks are arrays, and two classes of images of another brightness."""
    rng = np.random.default_rng(0)
    for person in range(12):
        (tmp_path / f"arrays/id{person}").mkdir(parents=True)
        np.save(tmp_path / f"arrays/id{person}/a.npy", rng.integers(0, 255, (3, 16, 16, 3), np.uint8))
    for name, darkest in (("dark", 0), ("light", 120)):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(20):
            image = Image.fromarray(rng.integers(darkest, darkest + 120, (16, 16, 3)).astype(np.uint8))
            image.save(tmp_path / f"faces/{name}/{number}.png")
    return [
        "preset=quick",
        "name=own",
        "launcher=inline",
        f"out={tmp_path / 'runs'}",
        f"cache={tmp_path / 'cache'}",
        "methods=[mean,pixels,autoencoder]",
        "encoder.width=4",
        "encoder.dim=8",
        "train.steps=2",
        "train.batch_size=4",
        "data.size=16",
        f"data={EXAMPLES / 'arrays_source.py'}",
        f"data.root={tmp_path / 'arrays'}",
        f"sets.mine={{kind: {EXAMPLES / 'folders_set.py'}, root: {tmp_path / 'faces'}, suffix: .png}}",
        "task.mine={set: mine, target: class}",
        "tasks=mine",
        f"probe.heads=[exact,knn,{EXAMPLES / 'random_features_head.py'}]",
        "probe.options.random_features.hidden=16",
        "probe.table_head=random_features",
        f"probe.metrics=[{EXAMPLES / 'brier_metric.py'}]",
    ]


def test_the_examples_from_their_files_to_the_tables(settings: list[str], tmp_path: Path) -> None:
    finished = call("run", *settings)
    assert finished.code == 0, finished.err
    text = call("tables", *settings).out
    assert "Head: linear on random ReLU features (mean: the training mean)." in text
    assert "Brier score (0 to 2)" in text
    cells = json.loads(call("tables", *settings, "--format", "json").out)
    brier = {cell["variant"]: cell["mean"] for cell in cells if cell["metric"] == "brier"}
    assert brier.keys() == {"mean", "pixels", "autoencoder"}
    assert brier["pixels"] < brier["mean"] == pytest.approx(0.5, abs=0.1)  # 0.5: both classes as likely

    (folder,) = (tmp_path / "runs/own").glob("arrays/pixels/seed*/probes")
    kept = load_file(folder / "mine.safetensors")
    heads = ("exact", "knn", "random_features")
    assert {f"{head}.brier" for head in heads} <= kept.keys()
    assert kept["knn.brier"].shape == kept["rows"].shape
    record = json.loads((folder / "mine.json").read_text())
    assert record["heads"]["random_features"]["protocol"]["hidden"] == 16

    again = call("run", *settings)
    assert "0 to do" in again.out + again.err
    changed = call("run", *settings, "probe.options.random_features.hidden=8", "--dry-run").out
    assert changed.count("probe-mine") == 3
    assert "pretrain" not in changed


def test_jobs_read_them_from_the_snapshot(settings: list[str], tmp_path: Path) -> None:
    """Whatever happens to the files after a launch."""
    for name in ("arrays_source", "folders_set", "random_features_head", "brier_metric"):
        shutil.copy(EXAMPLES / f"{name}.py", tmp_path)
    config = load([setting.replace(str(EXAMPLES), str(tmp_path)) for setting in settings])
    parts = resolve_probe(config.probe)
    targets = cluster.own_targets(config) | {part.target for part in (*parts.heads, *parts.metrics)}
    code = cluster.take_snapshot(cluster.JobPaths.of_store(config), targets)
    moved = cluster.config_in_snapshot(config, code)
    in_code = cluster.parts_in_snapshot(parts, code)
    assert plain(moved) == plain(config)
    assert [head.identity for head in in_code.heads] == [head.identity for head in parts.heads]
    assert in_code.heads[2].target.startswith(str(code))

    (tmp_path / "job").write_bytes(pickle.dumps(moved))
    assert isinstance(config.data, TrackReader)
    before = config.data.describe()
    for path in tmp_path.glob("*.py"):
        path.unlink()
    script = f"import pickle; print(pickle.load(open({str(tmp_path / 'job')!r}, 'rb')).data.describe())"
    job = subprocess.run([sys.executable, "-c", script], cwd=code, capture_output=True, text=True, check=True)
    assert job.stdout.strip() == str(before)

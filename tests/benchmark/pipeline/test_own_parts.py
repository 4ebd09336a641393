"""The examples of all parts that a user may bring: from their files to the tables, and in a snapshot."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from benchmark.config.load import load, plain
from benchmark.config.own import TrackReader
from benchmark.config.probing import resolve_probe
from benchmark.pipeline import cluster
from tests.benchmark.own_parts import EXAMPLES, copy_with_helper, own_settings, write_data
from tests.benchmark.tiny import call

pytestmark = pytest.mark.usefixtures("forget_files")


@pytest.fixture
def settings(tmp_path: Path) -> list[str]:
    """A benchmark of the examples: people whose tracks are arrays, and two classes of images of another brightness."""
    write_data(tmp_path)
    return [
        "preset=quick",
        "name=own",
        "launcher=inline",
        f"out={tmp_path / 'runs'}",
        f"cache={tmp_path / 'cache'}",
        f"methods=[mean,pixels,{EXAMPLES / 'denoise.py'}]",
        "train.steps=2",
        "train.batch_size=4",
        *own_settings(EXAMPLES, tmp_path),
        f"probe.heads=[exact,knn,{EXAMPLES / 'random_features_head.py'}]",
    ]


def test_the_examples_from_their_files_to_the_tables(settings: list[str], tmp_path: Path) -> None:
    finished = call("run", *settings)
    assert finished.code == 0, finished.err
    text = call("tables", *settings, "--full", "--format", "md").out
    assert "Head: linear on random ReLU features (mean: the training mean)." in text
    assert "Brier score (0 to 2 ↓)" in text
    assert "Encoder: small_encoder, width 4, 8 numbers, 16 px." in text
    cells = json.loads(call("tables", *settings, "--format", "json").out)
    brier = {cell["variant"]: cell["mean"] for cell in cells if cell["metric"] == "brier"}
    assert brier.keys() == {"mean", "pixels", "denoise"}
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
    """Whatever happens to the files after a launch, which all import one module beside them."""
    copy_with_helper(tmp_path / "parts")
    config = load([setting.replace(str(EXAMPLES), str(tmp_path / "parts")) for setting in settings])
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
    shutil.rmtree(tmp_path / "parts")
    script = (
        "import pickle; from probes.registry import HEADS, METRICS\n"
        f"print(pickle.load(open({str(tmp_path / 'job')!r}, 'rb')).data.describe())\n"
        f"HEADS.get({in_code.heads[2].target!r}), METRICS.get({in_code.metrics[0].target!r})"
    )
    job = subprocess.run([sys.executable, "-c", script], cwd=code, capture_output=True, text=True)
    assert job.stdout.strip() == str(before), job.stderr

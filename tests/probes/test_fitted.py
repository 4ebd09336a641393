"""Heads that are stored, read again, and applied."""

from pathlib import Path

import numpy as np
import pytest

from probes.errors import ProbeError
from probes.fitted import load_heads, save_heads
from probes.probe import probe
from probes.scores import score
from probes.target import take

from .examples import KINDS, example

HEADS = ("linear", "exact", "mean")


@pytest.mark.parametrize("kind", KINDS)
def test_reloaded_heads_give_the_predictions_that_were_scored(kind: str, tmp_path: Path) -> None:
    target, split, features = example(kind)
    probed = probe(target, split, features, heads=HEADS, options={"linear": {"steps": 40, "batch": 64, "every": 20}})
    path = tmp_path / "task.head.safetensors"
    save_heads(probed.fitted, path)
    heads = load_heads(path)
    assert heads.keys() == {*HEADS}
    rows = probed.arrays["rows"]
    for name, head in heads.items():
        assert head.names == target.names
        scores = score(take(target, rows), head.predict(features[rows]))
        assert scores.metrics == probed.record["heads"][name]["metrics"]
        per_image = next(value for key, value in probed.arrays.items() if key.startswith(f"{name}."))
        assert np.array_equal(next(iter(scores.per_image.values())), per_image, equal_nan=True)


def test_a_head_is_written_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    target, split, features = example("pose")
    for name in ("a", "b"):
        save_heads(probe(target, split, features, heads=("exact", "mean")).fitted, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_outputs_that_are_scored_as_they_are_have_a_head_too(tmp_path: Path) -> None:
    target, split, _ = example("pose")
    outputs = np.random.default_rng(0).normal(size=(len(split), 3)).astype(np.float32)
    probed = probe(target, split, outputs, heads=("identity",))
    save_heads(probed.fitted, tmp_path / "a")
    predicted = load_heads(tmp_path / "a")["identity"].predict(outputs)
    train = target.values[target.known & (split == "train")]
    assert predicted == pytest.approx(outputs * train.std(0) + train.mean(0), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("content", [None, b"", b"{}", "cut"])
def test_a_broken_file_of_heads_is_one_line(tmp_path: Path, content: bytes | str | None) -> None:
    target, split, features = example("pose")
    path = tmp_path / "task.head.safetensors"
    save_heads(probe(target, split, features, heads=("mean",)).fitted, path)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else path.read_bytes()[:-10])
    with pytest.raises(ProbeError, match="missing, broken, or no fitted heads") as caught:
        load_heads(path)
    assert "\n" not in str(caught.value)

"""Series of scores from runs on disk, against the records and per-image errors they come from."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmark.errors import DataError
from benchmark.files import write_json
from benchmark.layout import per_image_file, scores_file
from benchmark.pipeline.series import read_series
from probes.jackknife import units_of
from probes.probe import probe
from probes.target import Labels

RANDOM = np.random.default_rng(5)
PEOPLE = np.array([f"person{row // 3}" for row in range(90)])
SPLIT = np.repeat(["train", "val", "test"], 30)


def write_run(folder: Path, seed: int) -> dict[str, object]:
    """A probed run of a made-up method; returns its record."""
    values = RANDOM.normal(0, 20, (90, 3)).astype(np.float32)
    target = Labels("pose", TRUTH, np.ones(90, bool), ("roll", "pitch", "yaw"))
    probed = probe(target, SPLIT, (TRUTH + values).astype(np.float32), heads=("exact",), seed=seed, people=PEOPLE)
    record = {"run": f"b/own/seed{seed}", "kind": "method", "variant": "own", "task": "pose", "seed": seed}
    run = folder / f"b/own/seed{seed}"
    write_json(scores_file(run, "pose"), {**record, **probed.record})
    save_file({name: np.ascontiguousarray(each) for name, each in probed.arrays.items()}, per_image_file(run, "pose"))
    return {**record, **probed.record}


TRUTH = RANDOM.normal(0, 20, (90, 3)).astype(np.float32)


def test_series_are_the_records_values_and_their_jackknife(tmp_path: Path) -> None:
    records = [write_run(tmp_path, seed) for seed in (1, 0)]
    series = read_series(tmp_path, records, "exact")["method", "own", "pose", "mae"]
    assert series.seeds == (0, 1)
    units = units_of(PEOPLE[SPLIT == "test"], 30)
    for row, seed in enumerate(series.seeds):
        errors = load_file(per_image_file(tmp_path / f"b/own/seed{seed}", "pose"))["exact.errors"]
        assert series.values[row] == pytest.approx(errors.mean(), rel=1e-6)
        expected = [errors[units != unit].mean() for unit in range(10)]
        assert series.without[row] == pytest.approx(np.array(expected), rel=1e-6)


def test_records_of_before_have_no_series(tmp_path: Path) -> None:
    record = write_run(tmp_path, 0)
    per_image_file(tmp_path / "b/own/seed0", "pose").unlink()
    assert read_series(tmp_path, [record], "exact") == {}
    assert read_series(tmp_path, [record], "knn") == {}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    record = write_run(tmp_path, 0)
    per_image_file(tmp_path / "b/own/seed0", "pose").write_bytes(b"cut short")
    with pytest.raises(DataError, match=r"pose\.safetensors: cut short"):
        read_series(tmp_path, [record], "exact")

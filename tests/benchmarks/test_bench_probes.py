"""Speed of probing (4,000 faces, 256 features, each kind of target and head) and of building tables."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from probes.probe import probe, probe_runs
from probes.tables.cells import COST_UNITS, cells
from probes.tables.formats import as_json, as_markdown, as_text
from probes.tables.full_tables import tables
from probes.tables.latex import latex_tables
from probes.target import Labels

FACES, FEATURES = 4000, 256
KINDS = ("landmarks", "pose", "classes", "aus")


def faces(kind: str, features: int = FEATURES) -> tuple[Labels, NDArray[np.str_], NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(FACES, 40))
    x = np.tanh(cause @ rng.normal(size=(40, features)) / 5) + 0.3 * rng.normal(size=(FACES, features))
    noise = rng.normal(size=(FACES, 11))
    known = np.ones(FACES, bool)
    if kind == "landmarks":
        mean = rng.uniform(0.2, 0.8, (68, 2))
        offsets = 0.02 * (cause @ rng.normal(size=(40, 136))).reshape(FACES, 68, 2)
        target = Labels(kind, (mean + offsets).astype(np.float32), known, (), (36, 45))
    elif kind == "pose":
        target = Labels(kind, 10 * cause[:, :3] + noise[:, :3], known, ("roll", "pitch", "yaw"))
    elif kind == "classes":
        target = Labels(kind, (cause[:, :8] + noise[:, :8]).argmax(1), known, tuple("abcdefgh"))
    else:
        on = cause[:, :11] + noise > np.linspace(0, 2, 11)
        names = tuple(f"AU{i}" for i in range(11))
        target = Labels(kind, on.astype(np.float32), rng.random((FACES, 11)) < 0.8, names)
    return target, rng.choice(["train", "val", "test"], FACES, p=[0.7, 0.1, 0.2]), x.astype(np.float32)


@pytest.mark.parametrize("head", ["linear", "exact", "mean"])
@pytest.mark.parametrize("kind", KINDS)
def test_probe(benchmark: BenchmarkFixture, kind: str, head: str) -> None:
    target, split, features = faces(kind)
    benchmark.pedantic(probe, (target, split, features), {"heads": (head,)}, rounds=2)


@pytest.mark.parametrize("kind", KINDS)
def test_exact_head_on_pixels(benchmark: BenchmarkFixture, kind: str) -> None:
    target, split, features = faces(kind, 768)
    benchmark.pedantic(probe, (target, split, features), {"heads": ("exact",)}, rounds=1)


def test_five_runs_together(benchmark: BenchmarkFixture) -> None:
    target, split, features = faces("aus")
    rng = np.random.default_rng(1)
    runs = np.stack([features + rng.normal(size=features.shape).astype(np.float32) for _ in range(5)])
    benchmark.pedantic(probe_runs, (target, split, runs), {"heads": ("linear",)}, rounds=1)


def records(variants: int = 10, seeds: int = 5) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Probe records of five tasks for each variant and seed, and the cost of each run."""
    landmarks = {"error": "% inter-ocular", "failure_10": "% of images"}
    pose = dict.fromkeys(("roll", "pitch", "yaw", "mae"), "deg")
    classes, units = list("abcdefgh"), [f"AU{i}" for i in range(11)]
    tasks = {
        "landmarks5": ("landmarks", [], landmarks),
        "landmarks68": ("landmarks", [], landmarks),
        "pose": ("pose", ["roll", "pitch", "yaw"], pose),
        "expression": ("classes", classes, dict.fromkeys(["auc", *(f"auc_{name}" for name in classes)], "auc")),
        "units": ("aus", units, dict.fromkeys(["auc", *(f"auc_{name}" for name in units)], "auc")),
    }
    rng = np.random.default_rng(0)
    probes, costs = [], []
    for variant in range(variants):
        for seed in range(seeds):
            run = {"benchmark": "bench", "variant": f"variant{variant}", "kind": "method", "seed": seed}
            run["run"] = f"bench/variant{variant}/seed{seed}"
            costs.append({**run, "device": "cpu", **{name: rng.random() for name in COST_UNITS}})
            for task, (kind, names, units_of) in tasks.items():
                metrics = {name: {"value": rng.random(), "unit": unit, "n": 100} for name, unit in units_of.items()}
                probes.append(
                    {
                        **run,
                        "schema": 1,
                        "task": task,
                        "target_kind": kind,
                        "names": names,
                        "n": {"train": 1000, "val": 100, "test": 100},
                        "heads": {"linear": {"metrics": metrics}},
                    }
                )
    return probes, costs


def test_tables_in_every_format(benchmark: BenchmarkFixture) -> None:
    probes, costs = records()

    def build() -> tuple[str, ...]:
        built = tables(probes, costs)
        return as_text(built), as_markdown(built), latex_tables(built), as_json(cells(probes, costs))

    benchmark(build)

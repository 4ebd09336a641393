"""A finished benchmark that nothing was trained for: records and files as runs leave them, with predictions made up."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.files import write_json, write_text
from benchmark.layout import CONFIG, COST, ENVIRONMENT, METRICS, PICTURES, features_file, per_image_file, scores_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord, RunRecord, SetRecord
from probes.scores import score
from probes.target import Target as Labels
from probes.target import take

FACES = 90
PEOPLE = 10  # of the test faces
CLASSES = ("neutral", "happy", "sad")
TASKS = {"points": "landmarks", "angles": "pose", "feelings": "classes", "units": "aus"}
ROWS = {"mean": "floor", "pixels": "floor", "fabnet": "method", "rotation": "method", "supervised": "ceiling"}
NOISE = {"mean": 0.5, "pixels": 0.3, "fabnet": 0.1, "rotation": 0.2, "supervised": 0.05}  # of predictions


def labelled_set() -> LabelledSet:
    """Grey faces with random labels of four kinds; the last third is the test split."""
    random = np.random.default_rng(0)
    known = np.ones(FACES, bool)
    points = np.array([[0.3, 0.4], [0.7, 0.4]]) + random.uniform(-0.1, 0.1, (FACES, 2, 2))
    return LabelledSet(
        name="made",
        frames=np.full((FACES, 8, 8, 3), 128, np.uint8),
        image_ids=np.array([f"face{i}" for i in range(FACES)]),
        split=np.repeat(["train", "val", "test"], FACES // 3),
        corner=np.zeros((FACES, 2), np.float32),
        side=np.full(FACES, 8, np.float32),
        targets={
            "landmarks": Target("landmarks", points.astype(np.float32), known, ("left", "right"), (0, 1)),
            "pose": Target(
                "pose", random.normal(0, 15, (FACES, 3)).astype(np.float32), known, ("roll", "pitch", "yaw")
            ),
            "classes": Target("classes", random.integers(0, 3, FACES), known, CLASSES),
            "aus": Target(
                "aus", random.integers(0, 2, (FACES, 2)).astype(np.float32), np.ones((FACES, 2), bool), ("AU1", "AU2")
            ),
        },
    )


def make(
    folder: Path, rows: Mapping[str, str] = ROWS, seeds: Sequence[int] = (0, 1), tasks: Sequence[str] = tuple(TASKS)
) -> Path:
    """Writes the benchmark ``own`` with these rows, by name and kind; returns its folder."""
    faces = labelled_set()
    set_file = folder / "cache" / "made.arrow"
    faces.save(set_file)
    runs = []
    for number, (variant, kind) in enumerate(rows.items()):
        for seed in seeds if kind != "floor" else [0]:
            place = f"own/made/{number}/seed{seed}-0123456789"
            run = RunRecord(place, f"{variant}/seed{seed}", variant, kind, seed, ["made"], [*tasks])
            _write_run(folder / "runs" / place, run, faces, number)
            runs.append(run)
    config = {
        "task": {task: {"set": "made", "target": TASKS[task]} for task in tasks},
        "train": {"budget": "steps"},
        "probe": {"table_head": "exact"},
        "data": {"kind": "synthetic"},
    }
    record = BenchmarkRecord(
        benchmark="own",
        runs=runs,
        tasks=[*tasks],
        sets={"made": SetRecord(faces.hash, str(set_file), "")},
        config=config,
        note="A note.",
        warnings=["set made: 3 of its faces are in the training data"],
    )
    record.write(folder / "runs" / "own")
    return folder / "runs" / "own"


def _write_run(folder: Path, run: RunRecord, faces: LabelledSet, number: int) -> None:
    random = np.random.default_rng([number, run.seed])
    noise = NOISE.get(run.variant, 0.4)
    for task in run.tasks:
        _write_scores(folder, run, task, faces, noise, random)
    path = features_file(folder, "made")
    path.parent.mkdir(parents=True)
    save_file({"features": random.standard_normal((FACES, 6)).astype(np.float32)}, path)
    train = {"steps": 40, "lr": 0.001}
    identity = {"method": run.variant, "train": train, "seed": run.seed}
    write_text(folder / CONFIG, yaml.safe_dump({"data": "made", "data_hash": "d" * 64, "identity": identity}))
    write_json(folder / ENVIRONMENT, {"commit": "c" * 40, "dirty": None, "command": ["fabbench", str(run.seed)]})
    if run.kind == "floor":
        return
    write_json(folder / COST, {"steps": 40, "flops": 1e9 * (1 + number), "train_seconds": 2.5, "device": "cpu"})
    log: list[dict[str, Any]] = [
        {"step": step, "loss": 1 / step, "window_low": step, "window_high": step + 50} for step in range(10, 50, 10)
    ]
    write_text(folder / METRICS, "".join(f"{json.dumps(line)}\n" for line in [*log, {"step": 40, "val_loss": 0.1}]))
    (folder / PICTURES).mkdir()
    Image.new("RGB", (40, 40), "red").save(folder / PICTURES / "step000040.png")


def _write_scores(
    folder: Path, run: RunRecord, task: str, faces: LabelledSet, noise: float, random: np.random.Generator
) -> None:
    target, rows = faces.targets[TASKS[task]], faces.indices("test")
    units = np.arange(len(rows)) % PEOPLE
    labels = take(target, rows)
    scores = score(labels, predictions(labels, noise, random), units=units)
    names: dict[str, NDArray[Any]] = {f"exact.{name}": values for name, values in scores.per_image.items()}
    names |= {f"exact.{name}.without": values for name, values in scores.without.items()}
    path = per_image_file(folder, task)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"rows": rows, "units": units, **names}, path)
    record = {
        "schema": 1,
        "benchmark": "own",
        "variant": run.variant,
        "kind": run.kind,
        "seed": run.seed,
        "task": task,
        "run": run.run,
        "target_kind": target.kind,
        "names": [*target.names],
        "n": {"train": FACES // 3, "val": FACES // 3, "test": FACES // 3},
        "heads": {"exact": {"metrics": scores.metrics, "title": "linear, solved exactly", "choice": {}, "notes": []}},
        "set": {"name": "made", "hash": faces.hash},
    }
    write_json(scores_file(folder, task), record)


def predictions(labels: Labels, noise: float, random: np.random.Generator) -> NDArray[np.float64]:
    """The true labels with noise: for classes and action units, probabilities."""
    if labels.kind == "landmarks":
        return labels.values + random.normal(0, noise / 3, labels.values.shape)
    if labels.kind == "pose":
        return labels.values + random.normal(0, 30 * noise, labels.values.shape)
    truth = np.eye(len(CLASSES))[labels.values] if labels.kind == "classes" else labels.values
    blurred = np.exp(truth + random.normal(0, 3 * noise, truth.shape))
    shares: NDArray[np.float64] = blurred / (blurred.sum(1, keepdims=True) if labels.kind == "classes" else 1 + blurred)
    return shares

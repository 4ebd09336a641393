"""`fabbench pictures RUN`: draws what a run makes of test tracks and test faces, and the course of its training."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from benchmark.config.schema import Config
from benchmark.config.variants import WeightsFolder
from benchmark.data import catalogue
from benchmark.data.batches import TrackBatches
from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.tracks.manifest import MANIFEST
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError, UsageError, suggestion
from benchmark.layout import BENCHMARK, METRICS, PICTURES, WEIGHTS, features_file, heads_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.pipeline.features import embed, load_features, resize
from benchmark.pipeline.import_weights import PROBE
from benchmark.train.augment import scale_to_unit
from benchmark.train.device import pick_device
from benchmark.train.weights import load_method
from benchmark.viz.samples import SAMPLES, landmark_sheet, sample_sheet, training_curves
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import get
from probes.fitted import FittedHead, load_heads
from probes.metrics import landmark_errors
from probes.probe import predict
from probes.released import landmarks, released_probe
from probes.tables import HEAD_DESCRIPTIONS
from probes.target import ProbeError


def draw(name: str, config: Config) -> list[Path]:
    """Draws the pictures of a run into its folder; returns their files.

    Args:
        name: a run of the configuration's benchmark, such as ``fabnet/seed0``, or the folder of a run or of imported
            weights.
        config: says where data and runs lie.

    Raises:
        UsageError: no such run.
        DataError: there is nothing to draw from.
    """
    folders = [Path(name)] if Path(name).is_dir() else _runs(name, config)
    made = [
        path for folder in folders for path in [*_training(folder), *_samples(folder, config), *_faces(folder, config)]
    ]
    if not made:
        raise DataError(f"{name}: nothing to draw yet: no log of its training, no pictures of its method, no landmarks")
    return made


def _runs(name: str, config: Config) -> list[Path]:
    """The folders of one variant and seed: several for a ceiling, which has a run a task."""
    folder = Path(config.out, config.name)
    runs = BenchmarkRecord.read(folder).runs if (folder / BENCHMARK).is_file() else []
    known = {f"{run.variant}/seed{run.seed}" for run in runs}
    if name not in known:
        raise UsageError(f"no run {name!r} of benchmark {config.name} in {config.out}{suggestion(name, known)}")
    return [Path(config.out, run.run) for run in runs if f"{run.variant}/seed{run.seed}" == name]


def _training(folder: Path) -> list[Path]:
    if not (folder / METRICS).is_file():
        return []
    path = folder / PICTURES / "training.png"
    training_curves(folder / METRICS, path)
    return [path]


def _samples(folder: Path, config: Config) -> list[Path]:
    """What a method shows of samples of test tracks, if it shows anything."""
    store = catalogue.store_folder(config.data, config.cache)
    if not (folder / WEIGHTS).is_file() or not (store / MANIFEST).is_file():
        return []
    about = WeightsFolder(folder).about
    if get(about["method"]).kind != "method":
        return []
    method = _method(about, folder, config)
    frames = TrackBatches(TrackStore(store), "test", method.frames, SAMPLES, (2,))[0][0]
    images = resize(scale_to_unit(frames).flatten(0, 1), method.spec.size).unflatten(0, frames.shape[:2])
    with torch.inference_mode():
        pictures = method(images).pictures
    if not pictures:
        return []
    path = folder / PICTURES / "tracks.png"
    sample_sheet(pictures, path, f"{_short(folder)}: tracks of people it was not trained on")
    return [path]


def _faces(folder: Path, config: Config) -> list[Path]:
    """Predicted landmarks on the test faces of every landmark task."""
    made = []
    for task in config.tasks:
        name = config.task[task].set
        file = catalogue.set_file(name, config.sets[name], config.cache)
        if not file.is_file():
            continue
        faces = LabelledSet.load(file)
        target = faces.targets.get(config.task[task].target)
        if target is None or target.kind != "landmarks":
            continue
        found = _predicted(folder, config, task, faces, target)
        if found is None:
            continue
        rows, predicted, head = found
        truth = target.values[rows]
        assert target.eyes is not None
        errors = landmark_errors(predicted, truth, target.eyes)
        path = folder / PICTURES / f"{task}.png"
        landmark_sheet(faces.frames[rows], truth, predicted, errors, path, f"{_short(folder)}: {task}, {head}")
        made.append(path)
    return made


def _short(folder: Path) -> str:
    """Variant and seed of a run's folder."""
    return "/".join(folder.resolve().parts[-2:])


def _predicted(
    folder: Path, config: Config, task: str, faces: LabelledSet, target: Target
) -> tuple[NDArray[np.intp], NDArray[np.float32], str] | None:
    """Rows of the test faces, their predicted landmarks, and what predicted them; None where nothing can."""
    test_rows = np.flatnonzero(target.known & (faces.split == "test"))
    features_path = features_file(folder, config.task[task].set)
    if features_path.is_file():
        name = get(WeightsFolder(folder).about["method"]).scored_by or config.probe.table_head
        features = load_features(features_path)
        head = _fitted_head(folder, task, name)
        if head is not None:
            return test_rows, head.predict(features[test_rows]), f"head: {HEAD_DESCRIPTIONS[name]}"
        rows, predicted = predict(target, faces.split, features, head=name, seed=config.probe.seed)
        return rows, predicted, f"head: {HEAD_DESCRIPTIONS[name]}"
    if (folder / PROBE).is_file():
        probe = released_probe(load_file(folder / PROBE))
        if probe.weight.shape[2] != target.values[0].size:
            return None
        method = _method(WeightsFolder(folder).about, folder, config)
        embeddings = embed(method, faces.frames[test_rows], pick_device(config.train.device))
        return test_rows, landmarks(probe(embeddings[None])[0]), "the probe released with the weights"
    return None


def _fitted_head(folder: Path, task: str, name: str) -> FittedHead | None:
    """A head as it was scored; None for a run that was probed before heads were kept, or with other heads."""
    path = heads_file(folder, task)
    try:
        return load_heads(path).get(name) if path.is_file() else None
    except ProbeError as error:
        raise DataError(f"{error}; run the benchmark again") from error


def _method(about: dict[str, Any], folder: Path, config: Config) -> Method:
    """The method that a folder's weights are of, with them, in evaluation mode."""
    encoder = about["encoder"] or {"width": config.encoder.width, "dim": config.encoder.dim}
    spec = EncoderSpec(size=about["size"] or config.data.size, **encoder)
    method = get(about["method"])(spec, about["options"])
    load_method(method, folder)
    return method.eval()

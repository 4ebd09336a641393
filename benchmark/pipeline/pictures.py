"""Pictures of a run: what its method shows of test tracks, landmarks and neighbours of test faces, training curves."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from benchmark.config.schema import Config
from benchmark.data import catalogue
from benchmark.data.batches import TrackBatches
from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.faces.targets import with_protocol
from benchmark.data.tracks.manifest import MANIFEST
from benchmark.data.tracks.store import TrackStore
from benchmark.errors import DataError
from benchmark.layout import METRICS, PICTURES, WEIGHTS, features_file, heads_file
from benchmark.pipeline.features import embed, load_features, resize
from benchmark.pipeline.import_weights import PROBE
from benchmark.pipeline.saved_method import load_saved_method, run_folders, saved_method_class
from benchmark.progress import say
from benchmark.train.augment import scale_to_unit
from benchmark.train.device import pick_device
from benchmark.train.step import views_of
from benchmark.viz.neighbours import NEIGHBOURS, QUERIES, neighbour_sheet
from benchmark.viz.samples import SAMPLES, landmark_sheet, sample_sheet, training_curves
from probes.errors import ProbeError
from probes.fitted import load_heads
from probes.metrics.landmark_error import landmark_errors
from probes.neighbours import fewest_others, nearest
from probes.probe import head_of, predict
from probes.released import landmarks, released_probe
from probes.target import take


@dataclass(frozen=True)
class _Landmarks:
    """Landmarks predicted on test faces."""

    rows: NDArray[np.intp]  # of the labelled set
    points: NDArray[np.float32]  # (n, L, 2), crop sides
    head: str  # description for the caption


def draw(name: str, config: Config) -> list[Path]:
    """Draws the pictures of a run into its folder; returns their files.

    Args:
        name: a run of the configuration's benchmark, such as ``fabnet/seed0``, or the folder of a run or of imported
            weights.
        config: says where data and runs are.

    Raises:
        UsageError: no such run.
        DataError: there is nothing to draw from, or a file is broken.
    """
    paths = []
    for folder in [Path(name)] if Path(name).is_dir() else run_folders(name, config):
        paths += [*_draw_training(folder), *_draw_tracks(folder, config), *_draw_landmarks(folder, config)]
        paths += _draw_neighbours(folder, config)
    if not paths:
        raise DataError(f"{name}: nothing to draw yet: no log of its training, no pictures of its method, no faces")
    return paths


def _draw_training(folder: Path) -> list[Path]:
    """Training curves, where there is a training log."""
    if not (folder / METRICS).is_file():
        return []
    path = folder / PICTURES / "training.png"
    training_curves(folder / METRICS, path)
    return [path]


def _draw_tracks(folder: Path, config: Config) -> list[Path]:
    """Pictures that a method makes of samples of test tracks, if it makes any."""
    store = catalogue.store_folder(config.data, config.cache)
    if not (folder / WEIGHTS).is_file() or saved_method_class(folder).kind != "method":
        return []
    if not (store / MANIFEST).is_file():
        say(f"{_short_name(folder)}: no pictures of tracks, since there is no track store {store}")
        return []
    method = load_saved_method(folder, config.encoder, config.data.size)
    (frames,) = TrackBatches(TrackStore(store), "test", method.frames, SAMPLES, (2,))[0]  # (B, k, 3, H, W)
    images = scale_to_unit(views_of(frames, method.views))
    resized = resize(images.flatten(0, 1), method.spec.size).unflatten(0, images.shape[:2])
    with torch.inference_mode():
        pictures = method(resized).pictures
    if not pictures:
        return []
    path = folder / PICTURES / "tracks.png"
    sample_sheet(pictures, path, f"{_short_name(folder)}: tracks of people it was not trained on")
    return [path]


def _draw_landmarks(folder: Path, config: Config) -> list[Path]:
    """Predicted landmarks on test faces, for every landmark task whose set is made."""
    paths = []
    for name in config.tasks:
        task = config.task[name]
        set_file = catalogue.set_file(task.set, catalogue.set_config(config, task.set), config.cache)
        if not set_file.is_file():
            if task.target.startswith("landmarks"):
                say(f"{_short_name(folder)}: no pictures of {name}, since there is no labelled set {set_file}")
            continue
        faces = LabelledSet.load(set_file)
        target = faces.targets.get(task.target)
        if target is None or target.kind != "landmarks":
            continue
        predicted = _predict(folder, config, name, faces, target)
        if predicted is None:
            continue
        labels = take(with_protocol(target, faces.protocol), predicted.rows)
        errors = landmark_errors(labels, predicted.points)
        path = folder / PICTURES / f"{name}.png"
        title = f"{_short_name(folder)}: {name}, {predicted.head}"
        landmark_sheet(faces.frames[predicted.rows], labels.values, predicted.points, errors, path, title)
        paths.append(path)
    return paths


def _draw_neighbours(folder: Path, config: Config) -> list[Path]:
    """Test faces with their nearest faces of other people, for every set whose features are kept.

    All runs are asked about the same faces. Features that are all the same have no nearest faces.
    """
    paths = []
    for name in dict.fromkeys(config.task[task].set for task in config.tasks):
        set_file = catalogue.set_file(name, catalogue.set_config(config, name), config.cache)
        if not (set_file.is_file() and features_file(folder, name).is_file()):
            continue
        faces = LabelledSet.load(set_file)
        rows = faces.indices("test")
        features = load_features(features_file(folder, name), len(faces.frames))[rows]
        people = None if faces.identity is None else faces.identity[rows]
        queries = np.linspace(0, len(rows) - 1, min(QUERIES, len(rows))).round().astype(int).tolist()
        if (features == features[0]).all() or fewest_others(people, len(rows)) < NEIGHBOURS:
            continue
        found, similarities = nearest(features, people, queries, NEIGHBOURS)
        path = folder / PICTURES / f"neighbours-{name}.png"
        title = f"{_short_name(folder)}: {name}, nearest faces of other people by cosine similarity"
        neighbour_sheet(faces.frames[rows[queries]], faces.frames[rows[found]], similarities, path, title)
        paths.append(path)
    return paths


def _predict(folder: Path, config: Config, task: str, faces: LabelledSet, target: Target) -> _Landmarks | None:
    """Landmarks by a run's head, or by the probe released with imported weights; None where there is neither."""
    if features_file(folder, config.task[task].set).is_file():
        return _predict_by_head(folder, config, task, faces, target)
    if not (folder / PROBE).is_file():
        return None
    try:
        probe = released_probe(load_file(folder / PROBE))
    except (SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{folder / PROBE}: cut short or altered; import the weights again") from error
    if probe.weight.shape[1] != target.values[0].size:
        return None  # of another number of landmarks
    rows = np.flatnonzero(target.known & (faces.split == "test"))
    method = load_saved_method(folder, config.encoder, config.data.size)
    embeddings = embed(method, faces.frames[rows], pick_device(config.train.device))
    return _Landmarks(rows, landmarks(probe(embeddings)), "the probe released with the weights")


def _predict_by_head(folder: Path, config: Config, task: str, faces: LabelledSet, target: Target) -> _Landmarks:
    """Landmarks by the head that was scored.

    It is fitted again where it is not affine, and so not kept, and for a run that was probed with other heads.
    """
    features = load_features(features_file(folder, config.task[task].set), len(faces.frames))
    name = saved_method_class(folder).scored_by or config.probe.table_head
    path = heads_file(folder, task)
    try:
        found = next((head for head in config.probe.heads if head_of(head).name == name), name)
        description = f"head: {head_of(found).title}"
        heads = load_heads(path) if path.is_file() else {}
        if name not in heads:
            seed, options = config.probe.seed, config.probe.options
            if config.probe.refit:
                description += ", fitted on train without val"
            rows, points = predict(target, faces.split, features, head=found, seed=seed, options=options)
            return _Landmarks(rows, points, description)
    except ProbeError as error:
        raise DataError(f"{error}; run the benchmark again") from error
    head = heads[name]
    expected = (features.shape[1], "landmarks", target.values.shape[1:])
    if (len(head.weight), head.decoding.kind, head.decoding.shape) != expected:
        raise DataError(f"{path}: heads of another method or task; remove it and run the benchmark again")
    rows = np.flatnonzero(target.known & (faces.split == "test"))
    return _Landmarks(rows, head.predict(features[rows]), description)


def _short_name(folder: Path) -> str:
    """Variant and seed of a run's folder."""
    return "/".join(folder.resolve().parts[-2:])

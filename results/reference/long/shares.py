"""Share of the embeddings' variance that each cause of a built-in face explains, in one benchmark, as Markdown.

    python results/reference/long/shares.py results/runs/study-3200

A ridge regression from one cause predicts the embeddings of training faces. Its share is R2 over all dimensions on the
test faces, who are other people. The causes are the parameters that a face was rendered with; crop is read off its
landmarks. They are drawn independently of each other except that landmarks, and so the crop, follow from pose, shape
and person; shares need not add up to 100 %. `identity` is the traits of the person, `non-rigid shape` the facial
movements, `light` lamps, camera and the mean colour of the background.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from sklearn.linear_model import RidgeCV
from tabulate import tabulate
from torch import Tensor

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.synthetic.identity import Identity, sample_identity
from benchmark.data.synthetic.performance import single_faces
from benchmark.data.synthetic.scene import draw_scene
from benchmark.data.synthetic.seeds import generator
from benchmark.pipeline.benchmark_record import BenchmarkRecord

Values = NDArray[np.float64]
ROWS = ("random", "autoencoder", "rotation", "split_brain", "split_brain-full", "fabnet")
STRENGTHS = np.logspace(-1, 5, 7)  # of the penalty, chosen on training faces by leave-one-out


def causes(faces: LabelledSet) -> dict[str, Values]:
    """The causes of every face as matrices (N, P)."""
    seed, count = int(faces.protocol["seed"]), int(faces.protocol["frames_per_identity"])
    movements, light, traits, drawn = [], [], [], []
    for person in range(len(faces.frames) // count):
        random = generator("faces", seed, person)  # draws in the order of `synthetic.produce.face_frames`
        performance, scene = single_faces(random, count), draw_scene(random, count)
        movements.append(performance.intensity)
        lamps = [scene.direction.T, scene.key.T, scene.ambient.T, scene.rim.T, scene.gain]
        single = [scene.contrast, scene.saturation, scene.blur, scene.noise, scene.distance]
        light.append(torch.cat([*lamps, *(each[:, None] for each in single), scene.background.mean((2, 3))], 1))
        traits.append(traits_of(sample_identity(generator("faces", seed, person))).expand(count, -1))
        drawn.append(performance.pose)
    if not np.array_equal(torch.cat(drawn).numpy(), faces.targets["pose"].values):
        raise SystemExit("these faces were drawn by another version of the code; their causes are not known")
    pose = faces.targets["pose"].values.astype(float)
    return {
        "crop": crop(faces.targets["landmarks68"].values.astype(float)),
        "pose": np.concatenate([pose, pose**2, pose[:, :1] * pose[:, 1:], pose[:, 1:2] * pose[:, 2:]], 1),
        "non-rigid shape": torch.cat(movements).double().numpy(),
        "identity": torch.cat(traits).double().numpy(),
        "light": torch.cat(light).double().numpy(),
    }


def crop(landmarks: Values) -> Values:
    """Centre, side and their squares (N, 6) of the box round landmarks (N, L, 2)."""
    low, high = landmarks.min(1), landmarks.max(1)
    box = np.concatenate([(low + high) / 2, (high - low).max(1, keepdims=True)], 1)
    return np.concatenate([box, (box - box.mean(0)) ** 2], 1)


def traits_of(person: Identity) -> Tensor:
    """All traits of a person as numbers; without glasses, the colour of their rims is 0."""
    parts = []
    for name, trait in vars(person).items():
        if name == "glasses":
            parts += [torch.tensor([float(trait is not None)]), torch.zeros(3) if trait is None else trait]
        else:
            parts.append(torch.as_tensor(trait, dtype=torch.float32).flatten())
    return torch.cat(parts)


def explained(cause: Values, features: Values, train: NDArray[np.intp], test: NDArray[np.intp]) -> float:
    """Share of the total variance of test ``features`` (N, D) that a ridge regression on ``cause`` (N, P) predicts."""
    scale = cause[train].std(0)
    x = (cause - cause[train].mean(0)) / np.where(scale > 0, scale, 1)
    model = RidgeCV(STRENGTHS).fit(x[train], features[train])
    residual = features[test] - model.predict(x[test])
    return float(1 - (residual**2).sum() / ((features[test] - features[test].mean(0)) ** 2).sum())


def main(runs: Path) -> None:
    """Prints the table of a benchmark, given its folder: mean and standard deviation over seeds."""
    faces = LabelledSet.load(Path(BenchmarkRecord.read(runs).sets["synthetic"].file))
    matrices, train, test = causes(faces), faces.indices("train"), faces.indices("test")
    records = []
    for variant in ROWS:
        for path in sorted(runs.glob(f"synthetic/{variant}/*/features/synthetic.safetensors")):
            features = load_file(path)["features"].astype(float)
            shares = {name: 100 * explained(cause, features, train, test) for name, cause in matrices.items()}
            records.append({"variant": variant, **shares})
    groups = pd.DataFrame(records).groupby("variant", sort=False)
    mean, spread = groups.mean(), groups.std()
    rows = [
        [f"`{variant}`", *(entry(mean.loc[variant, name], spread.loc[variant, name]) for name in mean.columns)]
        for variant in mean.index
    ]
    print(f"Shares in percent, `{runs.name}`.\n")
    print(tabulate(rows, ["embedding", *mean.columns], "pipe", disable_numparse=True))


def entry(mean: float, spread: float) -> str:
    """Mean and standard deviation; the mean alone from one seed."""
    return f"{mean:.1f}" if np.isnan(spread) else f"{mean:.1f} ± {spread:.1f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))

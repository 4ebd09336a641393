"""Share of the embeddings' variance that each cause of a built-in face explains, added to a file of the long study.

    python results/reference/long/shares.py results/runs/study-3200 results/reference/long/3200-shares.csv

The file has a line for each row and seed, in percent; lines of the same row and seed are replaced. The table of means
and standard deviations over seeds is printed as Markdown.

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
from benchmark.files import atomic
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


def shares_of(runs: Path) -> pd.DataFrame:
    """The shares in the embeddings of a benchmark, given its folder."""
    faces = LabelledSet.load(Path(BenchmarkRecord.read(runs).sets["synthetic"].file))
    matrices, train, test = causes(faces), faces.indices("train"), faces.indices("test")
    records = []
    for variant in ROWS:
        for path in sorted(runs.glob(f"synthetic/{variant}/*/features/synthetic.safetensors")):
            features = load_file(path)["features"].astype(float)
            shares = {name: 100 * explained(cause, features, train, test) for name, cause in matrices.items()}
            records.append(
                {"row": variant, "seed": int(path.parts[-3].partition("-")[0].removeprefix("seed")), **shares}
            )
    return pd.DataFrame(records)


def main(runs: Path, file: Path) -> None:
    """Adds the shares of a benchmark to the file, and prints its table."""
    shares = shares_of(runs)
    if file.is_file():
        shares = pd.concat([pd.read_csv(file), shares]).drop_duplicates(["row", "seed"], keep="last")
    shares = shares.sort_values(["row", "seed"], key=lambda each: each.map(ROWS.index) if each.name == "row" else each)
    with atomic(file) as temporary:
        shares.to_csv(temporary, index=False, float_format="%.4f")
    groups = shares.drop(columns="seed").groupby("row", sort=False)
    mean, spread = groups.mean(), groups.std()
    rows = [[f"`{row}`", *(entry(mean.loc[row, name], spread.loc[row, name]) for name in mean)] for row in mean.index]
    print(f"Shares in percent, {file.stem.removesuffix('-shares')}.\n")
    print(tabulate(rows, ["embedding", *mean.columns], "pipe", disable_numparse=True))


def entry(mean: float, spread: float) -> str:
    """Mean and standard deviation; the mean alone from one seed."""
    return f"{mean:.1f}" if np.isnan(spread) else f"{mean:.1f} ± {spread:.1f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

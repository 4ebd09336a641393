"""Share of the embeddings' variance that geometry, action units and colour explain, in the reference study.

    python results/reference/evidence.py results/runs/reference-1200 results/cache/faces/synthetic-*.arrow

For every run: the share of the variance of its embeddings on test faces that is predicted by a linear map, fitted on
training faces, from each of three causes: `geometry` (68 landmarks and head pose), `action units` (the 11 labels) and
`colour` (the image at 4 x 4 RGB). Causes overlap, so shares need not add up to 100 %. Also the conditioning of the
embedding: the ratio of the first and the hundredth eigenvalue of its features' correlations on training faces.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tabulate import tabulate

from benchmark.data.faces.labelled_set import LabelledSet

SPECTRUM = "eigenvalue 1 / eigenvalue 100"
ROWS = ("pixels", "random", "autoencoder", "rotation", "split_brain", "fabnet")


def causes(faces: LabelledSet) -> dict[str, NDArray[np.float64]]:
    """The causes as matrices (N, P), one row for each face."""
    n, side = len(faces.frames), faces.frames.shape[1] // 4
    landmarks, pose = faces.targets["landmarks68"].values.reshape(n, -1), faces.targets["pose"].values
    colour = faces.frames.reshape(n, 4, side, 4, side, 3).mean((2, 4)).reshape(n, -1) / 255
    return {
        "geometry": np.concatenate([landmarks, pose / 45], 1).astype(float),
        "action units": faces.targets["aus"].values.astype(float),
        "colour": colour.astype(float),
    }


def explained(
    cause: NDArray[np.float64], features: NDArray[np.float64], train: NDArray[np.intp], test: NDArray[np.intp]
) -> float:
    """Share of the total variance of test ``features`` (N, D) that a linear map from ``cause`` (N, P) predicts."""
    x = np.concatenate([cause, np.ones((len(cause), 1))], 1)
    weight, *_ = np.linalg.lstsq(x[train], features[train], rcond=None)
    residual = features[test] - x[test] @ weight
    return float(1 - residual.var(0).sum() / features[test].var(0).sum())


def conditioning(features: NDArray[np.float64]) -> float:
    """Ratio of the first and the hundredth eigenvalue of the correlation matrix of ``features`` (N, D)."""
    standard = (features - features.mean(0)) / np.maximum(features.std(0), 1e-12)
    eigenvalues = np.linalg.eigvalsh(standard.T @ standard)[::-1]
    return float(eigenvalues[0] / eigenvalues[99])


def main(runs: Path, faces: LabelledSet) -> None:
    """Prints a Markdown table: mean and standard deviation over seeds.

    Args:
        runs: folder of a benchmark's runs.
        faces: the labelled set that they were probed on.
    """
    matrices, train, test = causes(faces), faces.indices("train"), faces.indices("test")
    records = []
    for variant in ROWS:
        for path in sorted(runs.glob(f"synthetic/{variant}/*/features/synthetic.safetensors")):
            features = load_file(path)["features"].astype(float)
            shares = {name: 100 * explained(cause, features, train, test) for name, cause in matrices.items()}
            records.append({"variant": variant, **shares, SPECTRUM: conditioning(features[train])})
    groups = pd.DataFrame(records).groupby("variant", sort=False)
    mean, spread = groups.mean(), groups.std()
    rows = [
        [variant, *(f"{mean.loc[variant, name]:,.1f}" + _spread(spread.loc[variant, name]) for name in mean.columns)]
        for variant in mean.index
    ]
    print(tabulate(rows, ["embedding", *(f"{name} (%)" for name in matrices), SPECTRUM], "pipe", disable_numparse=True))


def _spread(value: float) -> str:
    return "" if np.isnan(value) else f" ± {value:,.1f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), LabelledSet.load(Path(sys.argv[2])))

"""A CSV set of twelve images, and how tests read it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.config.csv import CsvFaces
from benchmark.data.faces.build import build_set
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.sets import csv

N = 12
POINTS = {"columns": "x{i},y{i}", "count": 5, "eyes": [0, 1]}
CLASSES = {"column": "expression", "names": ["joy", "fear"]}

Read = Callable[..., LabelledSet]


def write_images(folder: Path) -> None:
    """Write images of noise, 48 x 64 pixels, unless they exist."""
    (folder / "images").mkdir(exist_ok=True)
    for i in range(N):
        path = folder / "images" / f"{i:02}.png"
        if not path.exists():
            pixels = np.random.default_rng(i).integers(0, 256, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    """Settings of the set in ``folder``: labels.csv and images/."""
    default = {
        "csv": str(folder / "labels.csv"),
        "images": str(folder / "images"),
        "identity": "identity",
        "split": "split",
        "size": 16,
        "classes": CLASSES,
    }
    return default | changes


def read_folder(
    folder: Path, progress: Callable[[int, int], None] = lambda done, total: None, **changes: Any
) -> LabelledSet:
    """Read the set in ``folder`` as it is."""
    config = CsvFaces(**settings(folder, **changes))
    return build_set(csv.read(config), "mine", config.size, config.seed, config.val_fraction, progress)

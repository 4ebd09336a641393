"""What a method makes of faces, as pictures: samples of tracks, predicted landmarks, and the course of its training."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmark.sheet import enlarged, save_sheet, tile

SAMPLES = 8  # of tracks on a sheet


def sample_sheet(pictures: Mapping[str, Tensor], path: Path, samples: int = SAMPLES) -> None:
    """Draws named pictures (B, 3, H, W) in [0, 1] as a PNG: a row for each of the first samples, a column a name."""
    columns = {
        name: (images[:samples].permute(0, 2, 3, 1).float().cpu().numpy() * 255).round().astype(np.uint8)
        for name, images in pictures.items()
    }
    rows = [
        [tile(enlarged(images[number]), [name]) for name, images in columns.items()]
        for number in range(min(map(len, columns.values())))
    ]
    save_sheet(path, [path.stem], rows)

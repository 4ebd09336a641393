"""What a method makes of faces, as pictures: samples of tracks, predicted landmarks, and the course of its training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw
from torch import Tensor

from benchmark.files import atomic
from benchmark.viz.sheet import INK, enlarged, save_sheet, tile

SAMPLES = 8  # of tracks on a sheet
FACES, IN_A_ROW = 24, 8  # on a sheet of landmarks
TRUE, PREDICTED = (0, 255, 120), (255, 60, 60)


def sample_sheet(pictures: Mapping[str, Tensor], path: Path, title: str, samples: int = SAMPLES) -> None:
    """Draws named pictures (B, 3, H, W) in [0, 1] as a PNG: a row for each of the first samples, a column a name."""
    columns = {
        name: (images[:samples].permute(0, 2, 3, 1).float().cpu().numpy() * 255).round().astype(np.uint8)
        for name, images in pictures.items()
    }
    rows = [
        [tile(enlarged(images[number]), [name]) for name, images in columns.items()]
        for number in range(min(map(len, columns.values())))
    ]
    save_sheet(path, [title], rows)


def landmark_sheet(
    frames: NDArray[np.uint8],
    truth: NDArray[Any],
    predicted: NDArray[Any],
    errors: NDArray[Any],
    path: Path,
    title: str,
) -> None:
    """Draws faces with true (green) and predicted (red) landmarks as a PNG, from the best read to the worst.

    Args:
        frames: (N, S, S, 3) uint8.
        truth: (N, L, 2) points in crop sides.
        predicted: (N, L, 2) likewise.
        errors: (N,) in % of the eyes' distance; undefined ones are left out.
        path: of the PNG, written atomically.
        title: above the faces.
    """
    order = np.argsort(errors)[: np.isfinite(errors).sum()]
    shown = order[np.linspace(0, len(order) - 1, min(FACES, len(order))).round().astype(int)]
    tiles = []
    for face in shown:
        image = enlarged(frames[face])
        draw = ImageDraw.Draw(image)
        for points, colour in ((truth[face], TRUE), (predicted[face], PREDICTED)):
            for x, y in points * image.width:
                draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=colour)
        tiles.append(tile(image, [f"error {errors[face]:.1f} %"]))
    header = [
        title,
        f"green: true, red: predicted; {len(shown)} of {len(order)} test faces, from the best to the worst",
    ]
    save_sheet(path, header, [tiles[i : i + IN_A_ROW] for i in range(0, len(tiles), IN_A_ROW)])


def training_curves(metrics: Path, path: Path) -> None:
    """Draws a run's losses, learning rate and, where it has one, the curriculum's window over its steps as a PNG."""
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    trained, validated = ([line for line in lines if name in line] for name in ("loss", "val_loss"))
    curriculum = any("window_low" in line for line in trained)
    figure = Figure(figsize=(7, 6 if curriculum else 4.5), layout="constrained")
    axes = figure.subplots(3 if curriculum else 2, 1, sharex=True, height_ratios=[3, 1, 1][: 3 if curriculum else 2])
    colour = tuple(part / 255 for part in INK)
    axes[0].plot(*_curve(trained, "loss"), color="0.6", label="training, all samples of the batch")
    axes[0].plot(*_curve(validated, "val_loss"), "o-", color=colour, markersize=3, label="validation")
    axes[0].set(ylabel="loss", title=f"{metrics.parent.parent.name}, {metrics.parent.name.partition('-')[0]}")
    axes[0].legend()
    axes[1].plot(*_curve(trained, "lr"), color=colour)
    axes[1].set_ylabel("learning rate")
    if curriculum:
        steps, low = _curve(trained, "window_low")
        axes[2].fill_between(steps, low, _curve(trained, "window_high")[1], step="post", alpha=0.4)
        axes[2].set(ylabel="learnt from:\n% by rank of loss", ylim=(0, 100))
    axes[-1].set_xlabel("training step")
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _curve(lines: list[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    return [line["step"] for line in lines], [line[name] for line in lines]

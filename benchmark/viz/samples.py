"""Figures of a trained method: samples of tracks, predicted landmarks, training curves."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw
from torch import Tensor

from benchmark.errors import DataError, first_line
from benchmark.files import atomic
from benchmark.viz.sheet import INK, enlarged, save_sheet, tile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES = 8  # rows of a sheet of samples
FACES, COLUMNS = 24, 8  # of a sheet of landmarks
TRUE, PREDICTED = (0, 255, 120), (255, 60, 60)  # colours of landmarks


def sample_sheet(pictures: Mapping[str, Tensor], path: Path, title: str, samples: int = SAMPLES) -> None:
    """Draws a method's pictures of a batch as a PNG, a row for each sample and a column for each picture.

    Args:
        pictures: (B, 3, H, W) in [0, 1] by name, such as the frame generated and the one to be reproduced.
        path: of the PNG, written atomically.
        title: above the pictures.
        samples: rows at most.
    """
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
    """Draws faces with true (green) and predicted (red) landmarks as a PNG, in ascending order of error.

    Args:
        frames: (N, S, S, 3) uint8.
        truth: (N, L, 2) points, in units of the crop's side.
        predicted: (N, L, 2), as ``truth``.
        errors: (N,) in % of the inter-ocular distance; faces without one (NaN) are left out.
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
        f"green: true, red: predicted; {len(shown)} of {len(order)} test faces, from the smallest error to the largest",
    ]
    save_sheet(path, header, [tiles[i : i + COLUMNS] for i in range(0, len(tiles), COLUMNS)])


def training_curves(metrics: Path, path: Path) -> None:
    """Draws a run's losses, learning rate and, if it has a curriculum, the window of samples over the steps as a PNG.

    Args:
        metrics: the run's metrics.jsonl.
        path: of the PNG, written atomically.

    Raises:
        DataError: the log is altered.
    """
    try:
        figure = _training_figure(metrics)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{metrics}: not the log of a training ({first_line(error)}); remove it") from error
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _training_figure(metrics: Path) -> "Figure":
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    training = [line for line in lines if "loss" in line]
    validation = [line for line in lines if "val_loss" in line]
    has_curriculum = any("window_low" in line for line in training)
    heights = [3, 1, 1] if has_curriculum else [3, 1]
    figure = Figure(figsize=(7, 6 if has_curriculum else 4.5), layout="constrained")
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    colour = tuple(channel / 255 for channel in INK)
    axes[0].plot(*_curve(training, "loss"), color="0.6", label="training, all samples of the batch")
    axes[0].plot(*_curve(validation, "val_loss"), "o-", color=colour, markersize=3, label="validation")
    axes[0].set(ylabel="loss", title=f"{metrics.parent.parent.name}, {metrics.parent.name.partition('-')[0]}")
    axes[0].legend()
    axes[1].plot(*_curve(training, "lr"), color=colour)
    axes[1].set_ylabel("learning rate")
    if has_curriculum:
        steps, low = _curve(training, "window_low")
        _, high = _curve(training, "window_high")
        axes[2].fill_between(steps, low, high, step="post", alpha=0.4)
        axes[2].set(ylabel="window:\n% by rank of loss", ylim=(0, 100))
    axes[-1].set_xlabel("training step")
    return figure


def _curve(lines: list[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Steps and the values of one metric."""
    return [int(line["step"]) for line in lines], [float(line[name]) for line in lines]

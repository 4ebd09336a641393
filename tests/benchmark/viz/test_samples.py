"""Pixels and sizes of sample sheets, landmark sheets and training curves."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.viz.samples import PREDICTED, TRUE, landmark_sheet, sample_sheet, training_curves
from benchmark.viz.sheet import GAP, LINE, TILE

TOP = GAP + LINE + GAP  # y of the first row, below a title of one line


def test_a_sample_sheet_has_a_row_a_sample_and_a_column_a_picture(tmp_path: Path) -> None:
    red, blue = torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16)
    red[:, 0], blue[0, 2], blue[1, 2] = 1.0, 1.0, 0.5
    sample_sheet({"source": red, "generated": blue}, tmp_path / "sheet.png", "title")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    second, third = TOP + TILE + LINE + GAP, GAP + TILE + GAP
    assert sheet[TOP + 50, GAP + 50].tolist() == [255, 0, 0]
    assert sheet[TOP + 50, third + 50].tolist() == [0, 0, 255]
    assert sheet[second + 50, third + 50].tolist() == [0, 0, 128]


def test_landmarks_are_drawn_at_their_coordinates_and_faces_sorted_by_error(tmp_path: Path) -> None:
    frames = np.zeros((3, 32, 32, 3), np.uint8)
    truth = np.full((3, 1, 2), 0.25)
    predicted = np.array([[[0.75, 0.5]], [[0.3, 0.25]], [[0.5, 0.5]]])
    errors = np.array([30.0, 5.0, np.nan])
    landmark_sheet(frames, truth, predicted, errors, tmp_path / "sheet.png", "title")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    top = TOP + LINE
    best, worst = sheet[top:, GAP:], sheet[top:, 2 * GAP + TILE :]
    assert best[TILE // 4, TILE // 4].tolist() == list(TRUE)
    assert best[TILE // 4, round(0.3 * TILE)].tolist() == list(PREDICTED)
    assert worst[TILE // 2, 3 * TILE // 4].tolist() == list(PREDICTED)
    assert sheet.shape[1] == 3 * GAP + 2 * TILE, "the face without an error is left out"


@pytest.mark.parametrize("curriculum", [False, True])
def test_training_curves_show_the_window_of_a_curriculum(tmp_path: Path, curriculum: bool) -> None:
    lines = [
        {
            "step": step,
            "loss": 1 / step,
            "lr": 0.1,
            **({"window_low": step, "window_high": 50 + step} if curriculum else {}),
        }
        for step in range(1, 40)
    ]
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, {"step": 39, "val_loss": 0.1}]))
    training_curves(metrics, tmp_path / "training.png")
    with Image.open(tmp_path / "training.png") as picture:
        colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
        filled = (np.ptp(colours.astype(int), axis=1) > 40).mean()
        assert picture.height == (720 if curriculum else 540)
    assert (filled > 0.01) == curriculum, "only the window is a coloured area"

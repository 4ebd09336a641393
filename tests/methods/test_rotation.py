"""RotNet: rotations and the loss against independent computations."""

import numpy as np
import pytest
import torch

from methods.encoder import EncoderSpec
from methods.rotation import Rotation, all_rotations
from tests.methods.conftest import tracks


def test_labels_count_quarter_turns_counter_clockwise() -> None:
    images = torch.zeros(2, 1, 3, 3)
    images[0, 0, 0, 0] = 1  # first image: top left; second: middle of the top row
    images[1, 0, 0, 1] = 1
    rotated, labels = all_rotations(images)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    corners = [(0, 0), (2, 0), (2, 2), (0, 2)]
    sides = [(0, 1), (1, 0), (2, 1), (1, 2)]
    for label in range(4):
        assert rotated[2 * label, 0][corners[label]] == 1
        assert rotated[2 * label + 1, 0][sides[label]] == 1


def test_loss_equals_its_formula() -> None:
    method = Rotation(EncoderSpec(size=16, width=2, dim=4)).eval()
    frames = tracks(3, 1, size=16)
    correct = 0
    with torch.no_grad():
        output = method(frames)
        for index in range(3):
            losses = []
            for quarters in range(4):
                turned = np.rot90(frames[index, 0].numpy(), quarters, axes=(1, 2)).copy()
                logits = method.head(method.embed(torch.from_numpy(turned)[None]))[0].double().numpy()
                losses.append(np.log(np.exp(logits).sum()) - logits[quarters])
                correct += int(logits.argmax() == quarters)
            assert output.losses[index].item() == pytest.approx(np.mean(losses), rel=1e-5)
    assert output.scalars["accuracy"].item() == pytest.approx(correct / 12)

"""Targets to training numbers and back, and the losses of the paper."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from probes.coding import coding_for
from probes.errors import ProbeError
from probes.target import Labels, check

from .examples import KINDS, example


@pytest.mark.parametrize("kind", ["landmarks", "pose"])
def test_regression_codes_are_standardised_and_come_back(kind: str) -> None:
    target, _, _ = example(kind)
    coding = coding_for(target)
    codes, known = coding.encode(target)
    assert codes[known].mean(0) == pytest.approx(0, abs=1e-5)
    assert codes[known].std(0) == pytest.approx(1, abs=1e-5)
    assert coding.decode(codes)[known] == pytest.approx(target.values[known], abs=1e-5)
    assert coding.decode(np.zeros((2, 3, coding.width))).shape == (2, 3, *target.values.shape[1:])


def test_a_coordinate_that_never_moves_is_predicted_as_it_is() -> None:
    values = np.stack([np.full(1000, 0.1), np.arange(1000) / 1000], 1).astype(np.float32)
    target = Labels("pose", values, np.ones(1000, bool), ("roll", "yaw"))
    coding = coding_for(target)
    codes, _ = coding.encode(target)
    assert np.abs(codes[:, 0]).max() < 1e-6
    assert coding.decode(np.zeros((1, 2)))[0, 0] == pytest.approx(0.1)


def test_regression_loss_is_mean_squared_error() -> None:
    target, _, _ = example("pose")
    coding = coding_for(target)
    codes, known = map(torch.from_numpy, coding.encode(target))
    outputs = torch.randn(len(target), 3)
    losses = coding.loss(outputs, codes, known)
    assert losses.shape == (len(target),)
    assert losses[known].mean().item() == pytest.approx(F.mse_loss(outputs[known], codes[known]).item(), rel=1e-5)
    assert (losses[~known] == 0).all()


def test_class_loss_is_weighted_cross_entropy() -> None:
    target, _, _ = example("classes")
    coding = coding_for(target)
    codes, known = map(torch.from_numpy, coding.encode(target))
    outputs = torch.randn(len(target), 3)
    counts = [(target.values[target.known] == each).sum() for each in range(3)]
    weights = torch.tensor([sum(counts) / (3 * count) for count in counts], dtype=torch.float32)
    expected = F.cross_entropy(outputs, codes, weights, reduction="none") * known
    assert torch.allclose(coding.loss(outputs, codes, known), expected, atol=1e-6)


def test_unit_loss_is_weighted_and_masked() -> None:
    target, _, _ = example("aus", n=40)
    coding = coding_for(target)
    codes, known = map(torch.from_numpy, coding.encode(target))
    outputs = torch.randn(40, 3)
    expected = torch.zeros(40)
    for unit in range(3):
        labels = target.values[target.known[:, unit], unit]
        for face in range(40):
            if target.known[face, unit]:
                label = target.values[face, unit]
                weight = len(labels) / (2 * (labels == label).sum())
                p = torch.sigmoid(outputs[face, unit])
                expected[face] -= weight * torch.log(p if label else 1 - p) / 3
    assert torch.allclose(coding.loss(outputs, codes, known), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_take_leading_dimensions_and_give_gradients(kind: str) -> None:
    target, _, _ = example(kind)
    coding = coding_for(target)
    codes, known = map(torch.from_numpy, coding.encode(target))
    outputs = torch.randn(2, 3, len(target), coding.width, requires_grad=True)
    losses = coding.loss(outputs, codes, known)
    assert torch.allclose(losses[1, 2], coding.loss(outputs[1, 2], codes, known))
    losses.sum().backward()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_values_are_never_read(kind: str) -> None:
    target, _, _ = example(kind)
    poisoned = target.values.copy()
    poisoned[~target.known] = 10**6 if kind == "classes" else np.nan
    other = Labels(target.kind, poisoned, target.known, target.names, target.eyes)
    check(other)
    coding, again = coding_for(target), coding_for(other)
    assert np.array_equal(coding.encode(target)[0], again.encode(other)[0])
    assert np.array_equal(coding.base, again.base)


def test_what_training_lacks_is_noted() -> None:
    values = np.array([[0, 1], [1, 1]], np.float32)
    assert coding_for(Labels("aus", values, np.ones((2, 2), bool), ("AU1", "AU2"))).notes == (
        "all or no training faces show AU2",
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (Labels("classes", np.zeros(3, int), np.ones(3, bool), ("a", "b")), "fewer than two classes"),
        (Labels("classes", np.arange(3), np.zeros(3, bool), ("a", "b", "c")), "no known training labels"),
        (Labels("aus", np.ones((3, 1)), np.ones((3, 1), bool), ("AU1",)), "no action unit is both on and off"),
    ],
)
def test_nothing_to_learn_is_an_error(labels: Labels, message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        coding_for(labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (Labels("classes", np.array([0, 5]), np.ones(2, bool), ("a", "b")), r"class index.*first in row 1"),
        (Labels("aus", np.array([[0], [999]]), np.ones((2, 1), bool), ("AU1",)), r"0 or 1 \(first in row 1"),
        (Labels("pose", np.full((2, 1), np.nan), np.ones(2, bool), ("yaw",)), "2 known values are not finite"),
        (Labels("pose", np.zeros((2, 3)), np.ones(2, bool), ("yaw",)), "shape"),
        (Labels("landmarks", np.zeros((2, 3, 2)), np.ones(2, bool), ()), "eyes"),
        (Labels("gaze", np.zeros(2), np.ones(2, bool), ()), "unknown kind"),
    ],
)
def test_impossible_values_are_errors(labels: Labels, message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        check(labels)

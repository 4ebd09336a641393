"""The geodesic pose error against the renderer's own rotation matrices, and against angles that are known."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmark.data.faces.targets import BUILT_IN_TURNS, order_of_turns
from benchmark.data.synthetic.geometry import rotation
from benchmark.viz.contact_sheet import axes
from probes.probe import probe
from probes.scores import score
from probes.target import TURNS, Labels

from .examples import example

NAMES = ("roll", "pitch", "yaw")


def angles(n: int = 50, spread: float = 50) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-spread, spread, (n, 3)).astype(np.float32)


def pose(values: NDArray[np.float32], turns: str = TURNS) -> Labels:
    return Labels("pose", values, np.ones(len(values), bool), NAMES, turns=turns)


def between(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles in degrees between rotation matrices (N, 3, 3)."""
    trace = np.einsum("nij,nij->n", one, other)
    result: NDArray[np.float64] = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    return result


def test_is_the_angle_between_the_renderers_rotations() -> None:
    true, predicted = angles(), angles() + np.random.default_rng(1).normal(0, 15, (50, 3)).astype(np.float32)
    matrices = [
        np.moveaxis(rotation(torch.from_numpy(each.astype(float))).numpy(), -1, 0) for each in (true, predicted)
    ]
    errors = score(pose(true), predicted).per_image["geodesic"]
    assert errors == pytest.approx(between(matrices[0], matrices[1]), abs=1e-3)


@pytest.mark.parametrize("turns", ["roll, pitch, yaw", "yaw, pitch, roll", "pitch, yaw, roll"])
def test_follows_the_order_of_rotations_of_the_set(turns: str) -> None:
    true, predicted = angles(), angles()[::-1]
    matrices = [
        np.stack([axes(float(row[0]), float(row[1]), float(row[2]), turns) for row in each])
        for each in (true, predicted)
    ]
    errors = score(pose(true, turns), predicted).per_image["geodesic"]
    assert errors == pytest.approx(between(matrices[0], matrices[1]), abs=1e-3)


def test_one_angle_alone_is_its_own_error_and_turning_round_is_none() -> None:
    true = np.zeros((4, 3), np.float32)
    predicted = np.array([[20, 0, 0], [0, -30, 0], [0, 0, 90], [360, 0, 0]], np.float32)
    assert score(pose(true), predicted).per_image["geodesic"] == pytest.approx([20, 30, 90, 0], abs=1e-4)


def test_stands_beside_the_mean_absolute_error_for_every_image() -> None:
    target, split, features = example("pose")
    probed = probe(target, split, features, heads=("exact",))
    metric = probed.record["heads"]["exact"]["metrics"]["geodesic"]
    assert metric["value"] == pytest.approx(probed.arrays["exact.geodesic"].mean(), rel=1e-5)
    assert metric["unit"] == "deg"


def test_other_angles_have_none() -> None:
    other = Labels("pose", angles(), np.ones(50, bool), ("a", "b", "c"))
    scores = score(other, angles())
    assert scores.metrics["geodesic"]["value"] is None
    assert scores.metrics["mae"]["value"] == 0


@pytest.mark.parametrize(
    ("protocol", "turns"),
    [
        ({}, BUILT_IN_TURNS),
        ({"reader": "aflw2000"}, "pitch, yaw, roll"),
        ({"turns": "yaw, pitch, roll"}, "yaw, pitch, roll"),
    ],
)
def test_a_set_says_its_order(protocol: dict[str, str], turns: str) -> None:
    assert order_of_turns(protocol) == turns
    assert BUILT_IN_TURNS == TURNS

"""The landmark error after alignment, against SciPy and by what must not change it."""

import numpy as np
import pytest
from scipy.spatial import procrustes

from probes.metrics.aligned_error import aligned
from probes.registry import METRICS
from probes.scores import score
from probes.target import Labels

RANDOM = np.random.default_rng(3)


def test_alignment_is_the_one_with_the_smallest_squared_distance() -> None:
    truth, guess = RANDOM.normal(size=(2, 5, 7, 2))
    for true, moved, guessed in zip(truth, aligned(guess, truth), guess, strict=True):
        _, _, disparity = procrustes(true, guessed)  # of both scaled to unit size
        size = ((true - true.mean(0)) ** 2).sum()
        if np.linalg.det((guessed - guessed.mean(0)).T @ (true - true.mean(0))) > 0:  # SciPy would reflect otherwise
            assert ((moved - true) ** 2).sum() / size == pytest.approx(disparity)


def test_moving_turning_and_scaling_do_not_count() -> None:
    truth = RANDOM.random((4, 6, 2))
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    known = np.ones(4, bool)
    scores = score(
        Labels("landmarks", truth, known, (), (0, 1)),
        1.7 * truth @ turn + 0.2,
        further=[METRICS.get("aligned_error")()],
    )
    assert scores.metrics["aligned_error"]["value"] == pytest.approx(0, abs=1e-9)
    assert scores.metrics["error"]["value"] > 10
    stretched = score(
        Labels("landmarks", truth / (0.5, 1), known, (), (0, 1), aspect=0.5),
        (1.7 * truth @ turn + 0.2) / (0.5, 1),
        further=[METRICS.get("aligned_error")()],
    )
    assert stretched.metrics["aligned_error"]["value"] == pytest.approx(0, abs=1e-9)


def test_a_mirrored_face_is_not_aligned_by_mirroring() -> None:
    truth = RANDOM.random((1, 6, 2))
    assert np.abs(aligned(truth * [-1, 1], truth) - truth).max() > 0.1


def test_points_that_coincide_are_put_at_the_centre() -> None:
    truth = RANDOM.random((1, 6, 2))
    assert aligned(np.zeros((1, 6, 2)), truth) == pytest.approx(
        np.broadcast_to(truth.mean(1, keepdims=True), (1, 6, 2))
    )

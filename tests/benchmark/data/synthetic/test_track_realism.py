"""Readings of tracks against independent computations, and their check."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.data.synthetic import track_realism
from benchmark.data.synthetic.track_realism import L1, RANGES, REAL, SIZE, STEP, TrackSample, readings

FACE = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])
RNG = np.random.default_rng(0)


def moved(shift: NDArray[np.floating], zoom: NDArray[np.floating]) -> NDArray[np.float64]:
    """Points (n, 5, 2) of a face moved by (n, 2) and scaled about its middle by the exponential of zooms (n,)."""
    middle = np.array([0.5, 0.55])
    points: NDArray[np.float64] = middle + (FACE - middle) * np.exp(zoom)[:, None, None] + shift[:, None]
    return points


@pytest.fixture(scope="module")
def tracks() -> list[TrackSample]:
    """Of unequal length, each with its own place, of which a part follows from yaw."""
    samples = []
    for i in range(60):
        n = 5 + i % 4
        pose = RNG.normal(0, 3, 3) + RNG.normal(0, (4, 5, 9), (n, 3))
        shift = RNG.normal(0, (0.05, 0.02), 2) + RNG.normal(0, (0.01, 0.03), (n, 2))
        shift[:, 0] -= 0.004 * pose[:, 2]
        frames = RNG.integers(0, 256, (n, 8, 8, 3)).astype(np.uint8)
        samples.append(TrackSample(moved(shift, RNG.normal(0, 0.04, n)), pose, frames))
    return samples


def test_deviations_are_those_that_were_drawn(tracks: list[TrackSample]) -> None:
    values = readings(tracks)
    assert values["within: x, s.d."] == pytest.approx(np.hypot(0.01, 0.036), rel=0.1)
    assert values["within: x not due to pose, s.d."] == pytest.approx(0.01, rel=0.1)
    assert values["within: y, s.d."] == pytest.approx(0.03, rel=0.1)
    assert values["within: log eye distance, s.d."] == pytest.approx(0.04, rel=0.1)
    assert values[SIZE] == pytest.approx(0.04, rel=0.1)
    assert values["within: yaw, s.d. (deg)"] == pytest.approx(9, rel=0.1)
    assert values[f"y: {STEP}"] == pytest.approx(1, abs=0.08), "independent frames"


def test_readings_agree_with_an_independent_computation(tracks: list[TrackSample]) -> None:
    x = [track.points[:, [0, 1, 3, 4], 0].mean(1) for track in tracks]
    values = readings(tracks)
    within = np.sqrt(sum(len(v) * v.var() for v in x) / sum(len(v) - 1 for v in x))
    assert values["within: x, s.d."] == pytest.approx(within)
    assert values["between: x, s.d."] == pytest.approx(np.std([v.mean() for v in x], ddof=1))
    squares = [(b - a) ** 2 for v in x for a, b in pairwise(v)]
    assert values[f"x: {STEP}"] == pytest.approx(np.sqrt(np.mean(squares) / 2) / within)


def test_slow_motion_has_small_steps() -> None:
    shift = np.column_stack([np.linspace(0, 0.2, 8), RNG.normal(0, 0.02, 8)])
    track = TrackSample(moved(shift, np.zeros(8)))
    values = readings([track, track])
    assert values[f"x: {STEP}"] < 0.4
    assert values[f"y: {STEP}"] > 0.6


def test_difference_of_pixels() -> None:
    """Frames 10 levels apart in each of two tracks that are 100 levels apart."""
    points = moved(RNG.normal(0, 0.02, (2, 2)), np.zeros(2))
    frames = [np.stack([np.full((4, 4, 3), level + extra, np.uint8) for extra in (0, 10)]) for level in (0, 100)]
    assert readings([TrackSample(points, None, each) for each in frames])[L1] == pytest.approx(10 / 100, abs=0.02)


def test_what_is_not_known_is_left_out(tracks: list[TrackSample]) -> None:
    values = readings([replace(track, pose=None, frames=None) for track in tracks])
    assert L1 not in values
    assert not [name for name in values if "yaw" in name or "pose" in name]
    assert f"{L1}: no reading" in track_realism.check(values)


def test_real_tracks_lie_in_the_ranges() -> None:
    assert set(REAL) == set(RANGES)
    assert track_realism.check({name: first for name, (first, _) in REAL.items()}) == []


def test_table_marks_what_is_out_of_range(tracks: list[TrackSample]) -> None:
    values = readings(tracks)
    lines = track_realism.table(values, "drawn").splitlines()
    assert lines[0].split()[-4:] == ["drawn", "VoxCeleb2", "VoxCeleb1", "range"]
    (line,) = [line for line in lines if line.startswith("within: y, s.d.")]
    assert line.split()[3:5] == [f"{values['within: y, s.d.']:.2g}", "!"]
    expected = f"within: y, s.d.: {values['within: y, s.d.']:.2g} is not within 0.011 to 0.02"
    assert expected in track_realism.check(values)

import pytest
import torch

from benchmark.data.synthetic.expression import AUS, au_labels
from benchmark.data.synthetic.motion import MOTION
from benchmark.data.synthetic.performance import POSE_SPREAD, Performance, single_faces, track
from benchmark.data.synthetic.realism import RANGES
from benchmark.data.synthetic.seeds import generator


@pytest.fixture(scope="module")
def many() -> Performance:
    return single_faces(generator("test", "many"), 4000)


def test_action_units_are_neither_rare_nor_frequent(many: Performance) -> None:
    shares = au_labels(many.intensity).mean(0)
    assert len(shares) == len(AUS)
    assert (shares > 0.13).all()
    assert (shares < 0.46).all()


def test_action_units_vary_within_an_expression(many: Performance) -> None:
    labels = au_labels(many.intensity)
    for expression in range(8):
        shares = labels[many.expression == expression].mean(0)
        assert ((shares > 0.02) & (shares < 0.98)).sum() >= 6


def test_spread_of_poses_is_that_of_real_videos(many: Performance) -> None:
    torch.testing.assert_close(many.pose.std(0), torch.tensor(POSE_SPREAD), rtol=0.06, atol=0)


def poses(version: int, tracks: int, frames: int = 8) -> torch.Tensor:
    return torch.stack([track(generator("test", i), frames, MOTION[version]).pose for i in range(tracks)])


def test_spread_of_poses_in_tracks_is_that_of_single_faces() -> None:
    torch.testing.assert_close(poses(1, 400).flatten(0, 1).std(0), torch.tensor(POSE_SPREAD), rtol=0.12, atol=0)


def test_spread_of_poses_in_tracks_of_version_2_is_realistic() -> None:
    spread = poses(2, 400).flatten(0, 1).std(0)
    for value, name in zip(spread.tolist(), ("roll", "pitch", "yaw"), strict=True):
        low, high = RANGES[f"{name} s.d. (deg)"]
        assert low <= value <= high, name


def test_tracks_move_smoothly() -> None:
    pose = poses(1, 200, 12)
    step, far = (pose[:, 1:] - pose[:, :-1]).square().mean(), (pose[:, 6:] - pose[:, :-6]).square().mean()
    assert step < 0.75 * far


def test_expressions_vary_less_within_tracks_of_version_2() -> None:
    def within(version: int) -> float:
        tracks = [track(generator("test", i), 8, MOTION[version]).intensity for i in range(60)]
        return float(torch.stack([intensity[:, : len(AUS)].var(0).sum() for intensity in tracks]).mean())

    assert within(2) < 0.4 * within(1)

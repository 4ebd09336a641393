import torch
from torch import Tensor

from benchmark.data.synthetic.crop import BELOW, DRIFT, FACE_SIDE, jittered, steady
from benchmark.data.synthetic.motion import MOTION
from benchmark.data.synthetic.seeds import generator


def landmarks(frames: int) -> Tensor:
    """One face (2, 68, frames) that slides to the right, while its chin drops further and further."""
    face = torch.randn(2, 68, 1, generator=generator("test", "face")).expand(-1, -1, frames).clone()
    face[1, 6:11] -= torch.linspace(0, 4.0, frames)
    face[0] += torch.linspace(0, 2.0, frames)
    return face


def between_eyes_and_mouth(face: Tensor) -> tuple[Tensor, Tensor]:
    """Middle (2, frames) and distance (frames,)."""
    eyes, mouth = face[:, 36:48].mean(1), (face[:, 48] + face[:, 54]) / 2
    return (eyes + mouth) / 2, (eyes - mouth).norm(dim=0)


def test_window_of_a_track_keeps_its_size_while_the_chin_drops() -> None:
    face = landmarks(400)
    log_size = (steady(face, generator("test", 0), MOTION[2]).side / between_eyes_and_mouth(face)[1] / FACE_SIDE).log()
    assert log_size.std() < 1.3 * DRIFT[2]
    assert jittered(face, generator("test", 0)).side.log().std() > 3 * log_size.std()


def test_window_of_a_track_follows_the_head() -> None:
    face = landmarks(400)
    centre, side = steady(face, generator("test", 1), MOTION[2])
    offset = (centre - between_eyes_and_mouth(face)[0]) / side
    assert (offset.std(1) < 1.3 * torch.tensor(DRIFT[:2])).all()
    assert abs(float(offset[1].mean()) + BELOW) < 0.05
    steps = offset.diff(dim=1).square().mean(1) / 2
    assert (steps < 0.95 * offset.var(1)).all(), "drift is smooth"

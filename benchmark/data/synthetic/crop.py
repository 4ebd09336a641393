"""Square windows that frames are cut by, placed by the 68 landmarks of the rendered heads, in the scene."""

from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.data.synthetic.motion import Motion

BOX_SIDE = 1.25  # side of the window divided by the larger side of the bounding box of the 68 landmarks
JITTER = 0.05  # standard deviation of the window's centre (in sides) and log-size, as of a face detector

# Of the windows of tracks, fitted to real ones (`track_realism`).
FACE_SIDE = 2.67  # side of the window divided by the track's distance from eyes to mouth
BELOW = 0.015  # sides from the middle between eyes and mouth down to the centre
OUTLINE = 0.5  # place of the centre's x between the boxes of brows, eyes, nose and mouth (0) and of all points (1)
OFFSET = (0.012, 0.012, 0.028)  # standard deviation between tracks of the centre's x and y (in sides), and log-size
DRIFT = (0.012, 0.014, 0.02)  # the same, within a track
INNER = slice(17, 68)  # all points but those of the jaw


class Window(NamedTuple):
    """Windows of B frames.

    Attributes:
        centre: (2, B) x to the right and y up, dm.
        side: (B,) dm.
    """

    centre: Tensor
    side: Tensor


def jittered(landmarks: Tensor, random: torch.Generator) -> Window:
    """Window around the landmarks (2, 68, B) of each frame, with independent jitter."""
    low, high = landmarks.amin(1), landmarks.amax(1)
    jitter = torch.randn(3, landmarks.shape[2], generator=random) * JITTER
    side = (high - low).amax(0) * BOX_SIDE
    centre = (low + high) / 2 + jitter[:2] * side
    return Window(centre, side * jitter[2].exp())


def steady(landmarks: Tensor, random: torch.Generator, motion: Motion) -> Window:
    """Window of a track with landmarks (2, 68, B), which follows the head and drifts smoothly, as in VoxCeleb2.

    Its size follows the distance from eyes to mouth, of which it is the same multiple in all frames but for drift.
    """
    eyes, mouth = landmarks[:, 36:48].mean(1), (landmarks[:, 48] + landmarks[:, 54]) / 2
    offset = torch.randn(3, 1, generator=random) * torch.tensor(OFFSET)[:, None]
    drift = motion.smooth(random, landmarks.shape[2], 3).T * torch.tensor(DRIFT)[:, None]
    moved = offset + drift
    side = FACE_SIDE * (eyes - mouth).norm(dim=0).log().mean().exp() * moved[2].exp()
    whole, inner = ((box.amin(1) + box.amax(1)) / 2 for box in (landmarks[:1], landmarks[:1, INNER]))
    x = torch.lerp(inner, whole, OUTLINE)[0]
    y = (eyes[1] + mouth[1]) / 2 - BELOW * side
    return Window(torch.stack([x, y]) + moved[:2] * side, side)

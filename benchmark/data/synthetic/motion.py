"""How much, and how fast, faces move within a track: one `Motion` for each version of the tracks.

Version 1 was frozen on readings of single faces alone. Version 2 follows readings within real tracks
(`track_realism`). It was chosen by them alone: no method had been trained or probed on its tracks when it was frozen.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

KERNEL_STEPS = 61  # length of the smoothing window, so that a movement lasts about 30 time steps


@dataclass(frozen=True)
class Motion:
    """Motion within the tracks of one version.

    Attributes:
        frame_steps: time steps between two frames.
        pose_mean: of roll, pitch and yaw: standard deviation between tracks, as a share of `performance.POSE_SPREAD`.
        pose_walk: the same, within a track.
        expression: share of the variation of an expression about its mean over the track.
        talk: strength of a talking mouth.
        steady_crop: whether the crop follows the track (`crop.steady`), not each frame on its own (`crop.jittered`).
    """

    frame_steps: int
    pose_mean: tuple[float, float, float]
    pose_walk: tuple[float, float, float]
    expression: float
    talk: float
    steady_crop: bool

    def smooth(self, random: torch.Generator, count: int, channels: int) -> Tensor:
        """Smooth random motion (count, channels) of unit variance: white noise under a Hann window."""
        window = torch.hann_window(KERNEL_STEPS, periodic=False)
        steps = torch.randn(count * self.frame_steps + len(window), channels, generator=random)
        smoothed = steps.unfold(0, len(window), self.frame_steps)[:count] @ window
        return smoothed / window.square().sum().sqrt()


MOTION = {
    1: Motion(15, (0.55, 0.55, 0.55), (0.835, 0.835, 0.835), expression=1.0, talk=1.0, steady_crop=False),
    2: Motion(28, (0.78, 0.70, 0.80), (0.69, 0.52, 0.52), expression=0.30, talk=0.6, steady_crop=True),
}
"""Version of the tracks -> their motion."""

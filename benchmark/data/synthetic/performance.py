"""Sampling of performances: expression, gaze and head pose, independent per image or smooth over a track."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.data.synthetic.expression import (
    AUS,
    EXPRESSIONS,
    MOVEMENT_NAMES,
    action_weights,
    movement_index,
    prototype_intensities,
)
from benchmark.data.synthetic.motion import Motion

POSE_SPREAD = (7.1, 8.4, 16.2)  # standard deviation of roll, pitch and yaw in real videos of faces, degrees
POSE_LIMIT = 2.6  # standard deviations
TWITCH = (0.04, 0.08, 0.03, 0.04, 0.12, 0.12, 0.06, 0.04, 0.12, 0.02, 0.05)  # probability of each AU on its own
TALK, BLINK = 0.06, 0.05  # probability of a talking mouth and of closed eyes


@dataclass(frozen=True)
class Performance:
    """Expression, pose and position of the head in B frames.

    Signs of the pose, as seen by the camera: positive roll tilts the head clockwise (its top towards the right of the
    image), positive pitch lifts the nose, and positive yaw turns the nose towards the left of the image (as in
    AFLW2000-3D); at (0, 0, 0) the head faces the camera. The head is rotated by yaw first, then pitch, then roll, each
    about the camera's axes.

    Attributes:
        intensity: (B, M) intensities of the movements, in [0, 1].
        expression: (B,) int64 index into `expression.EXPRESSIONS`.
        pose: (B, 3) roll, pitch and yaw, degrees.
        position: (B, 2) of the neck in the scene, x to the right and y up, dm.
    """

    intensity: Tensor
    expression: Tensor
    pose: Tensor
    position: Tensor

    def actions(self) -> Tensor:
        """Weights (B, A) of the head model's facial actions."""
        return (self.intensity @ action_weights()).clamp(max=2.6)

    def strain(self) -> Tensor:
        """Skin strain (4, B) in [0, 1]: brow raised, brow knitted, nose wrinkled, chin raised; for wrinkles."""
        raised = self.intensity[:, [movement_index("AU1"), movement_index("AU2")]].amax(1)
        return torch.stack([raised, *self.intensity[:, [movement_index(name) for name in ("AU4", "AU9", "AU17")]].T])


def constrain(intensity: Tensor, random: torch.Generator) -> Tensor:
    """Make intensities (B, M) consistent: in [0, 1], and closed eyes are neither widened nor tightened.

    One-sided movements are mirrored with probability 1/2.
    """
    intensity = intensity.clamp(0, 1)
    lids = [movement_index("AU5"), movement_index("AU7")]
    intensity[:, lids] *= 1 - intensity[:, movement_index("AU43"), None]
    if torch.rand((), generator=random) < 0.5:
        left, right = ([movement_index(f"{side} AU{n}") for n in (12, 14)] for side in ("left", "right"))
        intensity[:, left + right] = intensity[:, right + left]
    return intensity


def single_faces(random: torch.Generator, count: int) -> Performance:
    """Sample ``count`` independent frames: an expression with movements left out and added, and a pose."""
    n_movements = len(MOVEMENT_NAMES)
    labelled = [movement_index(name) for name in AUS]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=random)

    expression = torch.randint(len(EXPRESSIONS), (count,), generator=random)
    intensity = (
        prototype_intensities()[expression] * uniform(0.65, 1.1, count, 1) * uniform(0.8, 1.1, count, n_movements)
    )
    intensity = intensity * (torch.rand(count, n_movements, generator=random) < 0.85)
    twitch = uniform(0.5, 1.0, count, len(AUS)) * (torch.rand(count, len(AUS), generator=random) < torch.tensor(TWITCH))
    rest = 0.07 * torch.randn(count, len(AUS), generator=random).abs()
    intensity[:, labelled] = torch.maximum(intensity[:, labelled], twitch) + rest
    talk = torch.rand(count, 1, generator=random) < TALK
    intensity[:, [movement_index("AU25"), movement_index("AU26"), movement_index("AU18")]] += (
        talk * uniform(0.0, 0.8, count, 3) * torch.tensor([1.0, 1.0, 0.7])
    )
    intensity[:, movement_index("AU43")] = uniform(0.5, 1.0, count) * (torch.rand(count, generator=random) < BLINK)
    gaze = torch.randn(count, 2, generator=random) * torch.tensor([0.3, 0.2])
    intensity = torch.cat([constrain(row[None], random) for row in add_gaze(intensity, gaze)])
    pose = torch.randn(count, 3, generator=random).clamp(-POSE_LIMIT, POSE_LIMIT) * torch.tensor(POSE_SPREAD)
    return Performance(intensity, expression, pose, uniform(-0.5, 0.5, count, 2))


def add_gaze(intensity: Tensor, gaze: Tensor) -> Tensor:
    """Set the gaze movements in ``intensity`` from a gaze (B, 2), to the subject's left and up, each in [-1, 1]."""
    for column, towards in ((0, ("look left", "look right")), (1, ("look up", "look down"))):
        for sign, name in zip((1, -1), towards, strict=True):
            intensity[:, movement_index(name)] = (sign * gaze[:, column]).clamp(0, 0.8)
    return intensity


def track(random: torch.Generator, count: int, motion: Motion) -> Performance:
    """Sample ``count`` frames of one shot: poses vary around a mean while one expression changes into another."""
    moves = motion.smooth(random, count, 7 + len(AUS))

    def chance(probability: float) -> bool:
        return bool(torch.rand((), generator=random) < probability)

    spread, between, within = (torch.tensor(values) for values in (POSE_SPREAD, motion.pose_mean, motion.pose_walk))
    mean = torch.randn(3, generator=random)
    pose = (between * mean + within * moves[:, :3]).clamp(-POSE_LIMIT, POSE_LIMIT) * spread
    position = 0.12 * moves[:, 3:5] + (torch.rand(2, generator=random) - 0.5)

    pair = torch.randint(len(EXPRESSIONS), (2,), generator=random)
    time, change = torch.linspace(0, 1, count), float(torch.rand((), generator=random)) * 0.5 + 0.25
    first = time < change
    phase = torch.where(first, time / change, (1 - time) / (1 - change))
    strength = 0.3 + 0.8 * (phase * torch.pi / 2).sin()
    expression = torch.where(first, pair[0], pair[1])
    missing = torch.rand(2, len(MOVEMENT_NAMES), generator=random) < 0.15
    intensity = prototype_intensities()[expression] * strength[:, None]
    intensity = intensity * ~missing[(~first).long()]
    twitch = 1.3 * (moves[:, 7:] - 1.2).clamp(min=0)
    labelled = [movement_index(name) for name in AUS]
    intensity[:, labelled] = torch.maximum(intensity[:, labelled], twitch)
    intensity = torch.lerp(intensity.mean(0), intensity, motion.expression)
    if chance(0.5):
        syllables = torch.rand(count, 3, generator=random) * torch.tensor([0.8, 0.8, 0.6])
        syllables *= motion.talk
        intensity[:, [movement_index("AU25"), movement_index("AU26"), movement_index("AU18")]] += syllables
    intensity[:, movement_index("AU43")] = (torch.rand(count, generator=random) < BLINK).float()
    intensity = constrain(add_gaze(intensity, moves[:, 5:7] * torch.tensor([0.3, 0.2])), random)
    return Performance(intensity, expression, pose, position)

"""What a head does: expression, gaze and pose, in unrelated single faces or smoothly over a track."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.data.synthetic.expression import AUS, EXPRESSIONS, MOVEMENT_NAMES, action_weights, index, recipes

POSE_SPREAD = (7.1, 8.4, 16.2)  # standard deviation of roll, pitch and yaw in real videos of faces, degrees
POSE_REACH = 2.6  # standard deviations that a pose stays within
TWITCH = (0.04, 0.08, 0.03, 0.04, 0.12, 0.12, 0.06, 0.04, 0.12, 0.02, 0.05)  # how often each of AUS by itself
TALK, BLINK = 0.06, 0.05  # how often the mouth talks and the eyes are closed
PAUSE = 15  # time steps between the frames of a track; a movement lasts about 30


@dataclass(frozen=True)
class Performance:
    """B frames of acting.

    ``pose`` is (B, 3): roll, pitch and yaw in degrees of the head in the picture. Seen by the camera, positive
    roll tilts the head clockwise (its top towards the right of the image), positive pitch lifts the nose, and
    positive yaw turns the nose towards the left of the image (as in AFLW2000-3D); (0, 0, 0) looks straight at
    the camera. The head is turned by yaw first, then pitch, then roll, each about the camera's axes.
    """

    intensity: Tensor  # (B, movements) 0..1
    expression: Tensor  # (B,) int64, an index into EXPRESSIONS
    pose: Tensor  # (B, 3)
    place: Tensor  # (B, 2) of the neck in the scene, dm

    def actions(self) -> Tensor:
        """Weights (B, A) of the head's actions."""
        return (self.intensity @ action_weights()).clamp(max=2.6)

    def strain(self) -> Tensor:
        """How far (4, B) the brow is raised and knitted, the nose wrinkled and the chin raised, 0..1."""
        raised = self.intensity[:, [index("AU1"), index("AU2")]].amax(1)
        return torch.stack([raised, *self.intensity[:, [index(name) for name in ("AU4", "AU9", "AU17")]].T])


def settle(intensity: Tensor, random: torch.Generator) -> Tensor:
    """Makes intensities possible: within 0..1, closed eyes neither wide nor squinting, contempt on either side."""
    intensity = intensity.clamp(0, 1)
    lids = [index("AU5"), index("AU7")]
    intensity[:, lids] *= 1 - intensity[:, index("AU43"), None]
    if torch.rand((), generator=random) < 0.5:
        left, right = ([index(f"{side} AU{n}") for n in (12, 14)] for side in ("left", "right"))
        intensity[:, left + right] = intensity[:, right + left]
    return intensity


def single_faces(random: torch.Generator, count: int) -> Performance:
    """Unrelated faces: any expression, some of its movements missing, others added, at any pose."""
    n_movements = len(MOVEMENT_NAMES)
    labelled = [index(name) for name in AUS]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=random)

    expression = torch.randint(len(EXPRESSIONS), (count,), generator=random)
    intensity = recipes()[expression] * uniform(0.65, 1.1, count, 1) * uniform(0.8, 1.1, count, n_movements)
    intensity = intensity * (torch.rand(count, n_movements, generator=random) < 0.85)
    twitch = uniform(0.5, 1.0, count, len(AUS)) * (torch.rand(count, len(AUS), generator=random) < torch.tensor(TWITCH))
    rest = 0.07 * torch.randn(count, len(AUS), generator=random).abs()
    intensity[:, labelled] = torch.maximum(intensity[:, labelled], twitch) + rest
    talk = torch.rand(count, 1, generator=random) < TALK
    intensity[:, [index("AU25"), index("AU26"), index("AU18")]] += (
        talk * uniform(0.0, 0.8, count, 3) * torch.tensor([1.0, 1.0, 0.7])
    )
    intensity[:, index("AU43")] = uniform(0.5, 1.0, count) * (torch.rand(count, generator=random) < BLINK)
    gaze = torch.randn(count, 2, generator=random) * torch.tensor([0.3, 0.2])
    intensity = torch.cat([settle(row[None], random) for row in look(intensity, gaze)])
    pose = torch.randn(count, 3, generator=random).clamp(-POSE_REACH, POSE_REACH) * torch.tensor(POSE_SPREAD)
    return Performance(intensity, expression, pose, uniform(-0.5, 0.5, count, 2))


def look(intensity: Tensor, gaze: Tensor) -> Tensor:
    """Adds a gaze (B, 2), to the subject's left and up, each -1..1."""
    for column, towards in ((0, ("look left", "look right")), (1, ("look up", "look down"))):
        for sign, name in zip((1, -1), towards, strict=True):
            intensity[:, index(name)] = (sign * gaze[:, column]).clamp(0, 0.8)
    return intensity


def wander(random: torch.Generator, count: int, channels: int) -> Tensor:
    """Smooth random motion (count, channels) of unit variance, sampled every PAUSE steps."""
    window = torch.hann_window(61, periodic=False)
    steps = torch.randn(count * PAUSE + len(window), channels, generator=random)
    smooth = steps.unfold(0, len(window), PAUSE)[:count] @ window
    return smooth / window.square().sum().sqrt()


def track(random: torch.Generator, count: int) -> Performance:
    """One shot: the head wanders about its own mean pose while one expression gives way to another."""
    walk = wander(random, count, 7 + len(AUS))

    def chance(probability: float) -> bool:
        return bool(torch.rand((), generator=random) < probability)

    spread = torch.tensor(POSE_SPREAD)
    mean = torch.randn(3, generator=random)
    pose = (0.55 * mean + 0.835 * walk[:, :3]).clamp(-POSE_REACH, POSE_REACH) * spread
    place = 0.12 * walk[:, 3:5] + (torch.rand(2, generator=random) - 0.5)

    pair = torch.randint(len(EXPRESSIONS), (2,), generator=random)
    time, change = torch.linspace(0, 1, count), float(torch.rand((), generator=random)) * 0.5 + 0.25
    first = time < change
    phase = torch.where(first, time / change, (1 - time) / (1 - change))
    strength = 0.3 + 0.8 * (phase * torch.pi / 2).sin()
    expression = torch.where(first, pair[0], pair[1])
    missing = torch.rand(2, len(MOVEMENT_NAMES), generator=random) < 0.15
    intensity = recipes()[expression] * strength[:, None]
    intensity = intensity * ~missing[(~first).long()]
    twitch = 1.3 * (walk[:, 7:] - 1.2).clamp(min=0)
    labelled = [index(name) for name in AUS]
    intensity[:, labelled] = torch.maximum(intensity[:, labelled], twitch)
    if chance(0.5):
        syllables = torch.rand(count, 3, generator=random) * torch.tensor([0.8, 0.8, 0.6])
        intensity[:, [index("AU25"), index("AU26"), index("AU18")]] += syllables
    intensity[:, index("AU43")] = (torch.rand(count, generator=random) < BLINK).float()
    intensity = settle(look(intensity, walk[:, 5:7] * torch.tensor([0.3, 0.2])), random)
    return Performance(intensity, expression, pose, place)

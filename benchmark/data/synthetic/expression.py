"""Facial expressions as intensities of movements, mostly action units of FACS (Ekman and Friesen, 1978).

A movement is a linear combination of the head model's facial actions; an expression is a set of movements. Intensities
are in [0, 1].
"""

import torch
from torch import Tensor

EXPRESSIONS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
"""Expression classes, in the order of AffectNet."""

AUS = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU17", "AU20", "AU25", "AU26")
"""Labelled action units, as in EmotioNet."""

PRESENT = 0.3
"""Lowest intensity at which an action unit is labelled as present."""


def both(name: str, weight: float) -> dict[str, float]:
    """The same facial action on both sides of the face."""
    return {name + "Left": weight, name + "Right": weight}


# Weights of the facial actions (named as in ARKit) of each movement at full intensity. AU2 and AU5 are exaggerated,
# as they would otherwise move landmarks by less than a pixel in images of 64 pixels.
MOVEMENTS: dict[str, dict[str, float]] = {
    "AU1": {"browInnerUp": 2.0},
    "AU2": both("browOuterUp", 2.0),
    "AU4": both("browDown", 1.6),
    "AU5": both("eyeWide", 1.6),
    "AU6": {**both("cheekSquint", 1.3), **both("eyeSquint", 0.7)},
    "AU9": {**both("noseSneer", 2.0), **both("mouthUpperUp", 0.6), **both("browDown", 0.3)},
    "AU12": both("mouthSmile", 1.05),
    "AU17": {"mouthShrugLower": 2.1, "mouthShrugUpper": 0.7, **both("mouthFrown", 0.5)},
    "AU20": both("mouthStretch", 1.8),
    "AU25": {**both("mouthLowerDown", 0.8), **both("mouthUpperUp", 0.4), "jawOpen": 0.12},
    "AU26": {"jawOpen": 0.75},
    "AU7": both("eyeSquint", 1.1),
    "AU10": both("mouthUpperUp", 0.9),
    "AU15": both("mouthFrown", 1.3),
    "AU18": {"mouthPucker": 1.0},
    "AU23": {**both("mouthPress", 0.4), **both("mouthFrown", 0.45), "mouthRollLower": 0.5, "mouthRollUpper": 0.4},
    "AU43": both("eyeBlink", 1.0),
    "left AU12": {"mouthSmileLeft": 1.2},
    "left AU14": {"mouthDimpleLeft": 1.1, "mouthLeft": 0.35},
    "right AU12": {"mouthSmileRight": 1.2},
    "right AU14": {"mouthDimpleRight": 1.1, "mouthRight": 0.35},
    "look left": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "look right": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
    "look up": both("eyeLookUp", 1.0),
    "look down": both("eyeLookDown", 1.0),
}
ACTIONS = tuple(sorted({action for actions in MOVEMENTS.values() for action in actions}))
MOVEMENT_NAMES = tuple(MOVEMENTS)

# Intensities of the movements of each prototypical expression (EMFACS, Ekman). Contempt is one-sided.
PROTOTYPES: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"AU6": 0.9, "AU12": 1.0, "AU25": 0.7},
    "sad": {"AU1": 1.0, "AU4": 0.45, "AU15": 0.9, "AU17": 0.75},
    "surprise": {"AU1": 1.0, "AU2": 1.0, "AU5": 1.0, "AU25": 0.5, "AU26": 0.85},
    "fear": {"AU1": 1.0, "AU2": 0.5, "AU4": 0.6, "AU5": 1.0, "AU20": 1.0, "AU25": 0.4, "AU26": 0.25},
    "disgust": {"AU9": 1.0, "AU10": 0.9, "AU4": 0.25, "AU17": 0.7, "AU7": 0.5},
    "anger": {"AU4": 1.0, "AU5": 0.5, "AU7": 0.5, "AU17": 0.55, "AU23": 1.0},
    "contempt": {"left AU12": 0.8, "left AU14": 1.0},
}


def movement_index(movement: str) -> int:
    """Column of a movement in a tensor of intensities."""
    return MOVEMENT_NAMES.index(movement)


def prototype_intensities() -> Tensor:
    """Intensities (8, M) of all M movements in each prototypical expression."""
    return torch.tensor([[PROTOTYPES[e].get(m, 0.0) for m in MOVEMENT_NAMES] for e in EXPRESSIONS])


def action_weights() -> Tensor:
    """Matrix (M, A) from intensities of movements to weights of the head model's facial actions."""
    return torch.tensor([[MOVEMENTS[m].get(a, 0.0) for a in ACTIONS] for m in MOVEMENT_NAMES])


def au_labels(intensity: Tensor) -> Tensor:
    """Action unit labels (..., 11), 0 or 1, from intensities (..., M).

    A one-sided AU12 counts as AU12, and AU26 (jaw drop) implies AU25 (lips part).
    """
    au = intensity[..., [movement_index(name) for name in AUS]].clone()
    one_sided = torch.maximum(intensity[..., movement_index("left AU12")], intensity[..., movement_index("right AU12")])
    au[..., AUS.index("AU12")] = torch.maximum(au[..., AUS.index("AU12")], one_sided)
    au[..., AUS.index("AU25")] = torch.maximum(au[..., AUS.index("AU25")], au[..., AUS.index("AU26")])
    return (au >= PRESENT).float()

"""Facial expression: action units of FACS (Ekman and Friesen, 1978) as weights of the head's facial actions."""

import torch
from torch import Tensor

EXPRESSIONS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")
"""The eight classes, in the order of AffectNet."""

AUS = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU9", "AU12", "AU17", "AU20", "AU25", "AU26")
"""The labelled action units, as in EmotioNet."""

PRESENT = 0.3
"""An action unit is labelled present from this intensity (of 1) on."""


def both(name: str, weight: float) -> dict[str, float]:
    """The same action on either side of the face."""
    return {name + "Left": weight, name + "Right": weight}


# Facial actions (named as in ARKit) of each movement at full intensity. AU2 and AU5 are larger than life, else
# they would stay below a pixel at 64 pixels.
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

# Movements of the prototypical expressions (Ekman's EMFACS; contempt is one-sided).
RECIPES: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"AU6": 0.9, "AU12": 1.0, "AU25": 0.7},
    "sad": {"AU1": 1.0, "AU4": 0.45, "AU15": 0.9, "AU17": 0.75},
    "surprise": {"AU1": 1.0, "AU2": 1.0, "AU5": 1.0, "AU25": 0.5, "AU26": 0.85},
    "fear": {"AU1": 1.0, "AU2": 0.5, "AU4": 0.6, "AU5": 1.0, "AU20": 1.0, "AU25": 0.4, "AU26": 0.25},
    "disgust": {"AU9": 1.0, "AU10": 0.9, "AU4": 0.25, "AU17": 0.7, "AU7": 0.5},
    "anger": {"AU4": 1.0, "AU5": 0.5, "AU7": 0.5, "AU17": 0.55, "AU23": 1.0},
    "contempt": {"left AU12": 0.8, "left AU14": 1.0},
}


def index(movement: str) -> int:
    """Column of a movement in an intensity table."""
    return MOVEMENT_NAMES.index(movement)


def recipes() -> Tensor:
    """Intensities (8, M) of every movement in every expression."""
    return torch.tensor([[RECIPES[e].get(m, 0.0) for m in MOVEMENT_NAMES] for e in EXPRESSIONS])


def action_weights() -> Tensor:
    """Table (M, actions) that turns intensities of movements into weights of the head's actions."""
    return torch.tensor([[MOVEMENTS[m].get(a, 0.0) for a in ACTIONS] for m in MOVEMENT_NAMES])


def present(intensity: Tensor) -> Tensor:
    """Labels (..., 11), 0 or 1, of intensities (..., M). Either side counts; a dropped jaw parts the lips."""
    au = intensity[..., [index(name) for name in AUS]].clone()
    one_sided = torch.maximum(intensity[..., index("left AU12")], intensity[..., index("right AU12")])
    au[..., AUS.index("AU12")] = torch.maximum(au[..., AUS.index("AU12")], one_sided)
    au[..., AUS.index("AU25")] = torch.maximum(au[..., AUS.index("AU25")], au[..., AUS.index("AU26")])
    return (au >= PRESENT).float()

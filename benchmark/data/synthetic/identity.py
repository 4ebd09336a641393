"""Sampling of identities: shape, skin, hair, beard, brows, eyes and glasses of one person."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.seeds import Draws

Colour = tuple[float, float, float]

SKIN: list[Colour] = [(0.95, 0.77, 0.67), (0.76, 0.54, 0.41), (0.33, 0.21, 0.15)]  # light, medium, dark
HAIR: list[Colour] = [
    (0.08, 0.06, 0.05),
    (0.18, 0.11, 0.07),
    (0.30, 0.19, 0.11),
    (0.52, 0.37, 0.21),
    (0.76, 0.62, 0.40),
    (0.45, 0.18, 0.08),
    (0.58, 0.56, 0.54),
    (0.83, 0.82, 0.79),
]
IRIS: list[Colour] = [
    (0.17, 0.10, 0.06),
    (0.29, 0.18, 0.09),
    (0.30, 0.36, 0.21),
    (0.26, 0.42, 0.57),
    (0.42, 0.48, 0.50),
]

# Standard deviation of the weight of a local target, by the prefix of its name.
SPREAD = {"head": 0.22, "asym": 0.12, "ear": 0.2, "forehead": 0.3, "eye-bag": 0.2, "eyebrows": 0.35, "eye": 0.4}
DEFAULT_SPREAD = 0.45
LOCAL_SHARE = 0.3  # share of the local targets that are not zero
MAX_HEAD_SUM = 0.4  # of the weights of head targets, which otherwise add up to cones and blocks


@dataclass(frozen=True)
class Identity:
    """Constant traits of one person. Lengths are in dm, colours linear RGB in [0, 1], densities in [0, 1].

    Attributes:
        macro: (36,) weights of the macro targets of the head model.
        local: (L,) weights of its local targets.
        skin: (3,) base colour.
        blush: strength of the red of cheeks, nose and ears.
        freckles: density.
        age: 0 for young to 1 for old.
        lips: (3,) colour.
        iris: (3,) colour.
        hair: (3,) colour.
        long_hair: whether the locks beside the face are drawn.
        bald: whether no hair grows on the scalp.
        hairline: shift upwards.
        parting: its place, to the subject's left.
        hair_depth: thickness of the hair on the scalp.
        beard: density, 0 for shaved.
        moustache: density.
        brow_thickness: half the height of the brows.
        brow_density: density.
        glasses: (3,) colour of the rims, or None without glasses.
        glasses_size: scale of the rims.
        texture_shift: where on the noise maps the person's skin lies.
        texture_strength: contrast of the skin's noise.
    """

    macro: Tensor
    local: Tensor
    skin: Tensor
    blush: float
    freckles: float
    age: float
    lips: Tensor
    iris: Tensor
    hair: Tensor
    long_hair: bool
    bald: bool
    hairline: float
    parting: float
    hair_depth: float
    beard: float
    moustache: float
    brow_thickness: float
    brow_density: float
    glasses: Tensor | None
    glasses_size: float
    texture_shift: tuple[float, float]
    texture_strength: float


def blend(stops: list[Colour], position: float) -> Tensor:
    """Colour (3,) at a position in [0, 1] along evenly spaced colours."""
    at = min(max(position, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(at), len(stops) - 2)
    return torch.lerp(torch.tensor(stops[low]), torch.tensor(stops[low + 1]), at - low)


def macro_weights(male: float, age: dict[str, float], weight: dict[str, float], origin: dict[str, float]) -> Tensor:
    """Weights (36,) of the macro targets: products of sex, age, and weight or origin.

    Args:
        male: 0 for female to 1 for male.
        age: weights of child, young and old.
        weight: weights of min, average and max.
        origin: weights of african, asian and caucasian.
    """
    sex, build = {"male": male, "female": 1 - male}, {**weight, **origin}
    factors = [name.split("-") for name in head().macro_names]
    return torch.tensor([sex[s] * age[a] * build[b] for s, a, b in factors])


def local_weights(draw: Draws, old: float) -> Tensor:
    """Weights (L,) of the local targets, most of them zero; ``old`` is the weight of old age."""
    names = head().local_names
    spread = torch.full((len(names),), DEFAULT_SPREAD)
    for prefix, value in SPREAD.items():
        spread[[name.startswith(prefix) for name in names]] = value
    spread[[name.startswith("head-trans") or name.startswith("head-angle") for name in names]] = 0.06
    spread[[n.startswith(("mouth-trans", "nose-trans", "eye-trans", "chin-jaw-drop")) for n in names]] = 0.25
    weights = torch.randn(len(names), generator=draw.random).abs() * spread
    weights *= torch.rand(len(names), generator=draw.random) < LOCAL_SHARE
    weights = weights.clamp(max=0.9)
    on_head = torch.tensor([name.startswith("head") for name in names])
    weights[on_head] *= MAX_HEAD_SUM / max(float(weights[on_head].sum()), MAX_HEAD_SUM)
    weights[names.index("head-age-incr")] = 0.7 * old
    return weights


def sample_identity(random: torch.Generator) -> Identity:
    """Sample a person."""
    draw = Draws(random)
    is_male = draw.chance(0.5)
    male = min(max(float(is_male) + draw.normal(0.12), 0.0), 1.0)
    years = draw.uniform()
    child, old = max(0.0, 1 - years / 0.12) * 0.5, max(0.0, (years - 0.5) / 0.5)
    weight = min(max(0.5 + draw.normal(0.2), 0.0), 1.0)
    thin, heavy = max(0.0, 1 - 2 * weight), max(0.0, 2 * weight - 1)
    origin = torch.empty(3).exponential_(generator=random) ** 1.6  # mostly one origin, often a mixture
    african, asian, caucasian = (origin / origin.sum()).tolist()

    melanin = min(max(0.12 + 0.75 * african + 0.28 * asian + draw.normal(0.08), 0.0), 1.0)
    skin = blend(SKIN, melanin) * (1 + torch.randn(3, generator=random) * torch.tensor([0.02, 0.03, 0.05]))
    fair = max(0.0, 1 - 1.6 * melanin)
    shares = [0.35, 0.3, 0.02 + 0.25 * fair, 0.3 * fair, 0.2 * fair, 0.1 * fair, 0.7 * old, 0.6 * max(0.0, old - 0.4)]
    hair = torch.tensor(HAIR[draw.choose(shares)]) * draw.uniform(0.85, 1.15)
    iris = torch.tensor(IRIS[draw.choose([1.0, 1.0, fair, 1.5 * fair, fair])])
    long_hair = draw.chance(0.1 if is_male else 0.6)
    bearded = is_male and child == 0 and draw.chance(0.45)
    natural, lipstick = skin * torch.tensor([0.86, 0.60, 0.59]), torch.tensor([0.66, 0.18, 0.22])
    make_up = draw.uniform(0.25, 0.8) if not is_male and child == 0 and draw.chance(0.5) else draw.uniform(0.0, 0.2)
    return Identity(
        macro=macro_weights(
            male,
            {"child": child, "old": old, "young": 1 - child - old},
            {"min": thin, "max": heavy, "average": 1 - thin - heavy},
            {"african": african, "asian": asian, "caucasian": caucasian},
        ),
        local=local_weights(draw, old),
        skin=skin,
        blush=draw.uniform(0.2, 1.0),
        freckles=draw.uniform(0.0, 0.5) if fair > 0.4 and draw.chance(0.4) else 0.0,
        age=old,
        lips=torch.lerp(natural, lipstick * draw.uniform(0.75, 1.2), make_up),
        iris=iris * draw.uniform(0.85, 1.2),
        hair=hair,
        long_hair=long_hair,
        bald=is_male and not long_hair and draw.chance(0.12 + 0.2 * old),
        hairline=draw.uniform(-0.14, 0.10) - 0.04 * long_hair,
        parting=draw.uniform(-0.35, 0.35),
        hair_depth=draw.uniform(0.06, 0.10) if long_hair else draw.uniform(0.04, 0.2),
        beard=draw.uniform(0.35, 0.95) if bearded else draw.uniform(0.0, 0.2) * is_male * (child == 0),
        moustache=draw.uniform(0.3, 1.0) if bearded and draw.chance(0.8) else 0.1 * is_male,
        brow_thickness=draw.uniform(0.028, 0.048) * (1.15 if is_male else 0.85),
        brow_density=draw.uniform(0.55, 0.95),
        glasses=torch.rand(3, generator=random) * draw.uniform(0.05, 0.5) if draw.chance(0.2) else None,
        glasses_size=draw.uniform(0.9, 1.12),
        texture_shift=(draw.uniform(-0.9, 0.9), draw.uniform(-0.7, 0.7)),
        texture_strength=draw.uniform(0.6, 1.4) * (1 + 0.5 * old),
    )

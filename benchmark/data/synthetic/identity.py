"""Who is seen: shape, skin, hair, beard, brows, eyes and glasses of one person."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.data.synthetic.head import head
from benchmark.data.synthetic.seeds import Dice

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

# How far each kind of local target goes (standard deviation of its weight), and how many are in use at once.
SPREAD = {"head": 0.22, "asym": 0.12, "ear": 0.2, "forehead": 0.3, "eye-bag": 0.2, "eyebrows": 0.35, "eye": 0.4}
USUAL_SPREAD, IN_USE = 0.45, 0.3
HEAD_TOTAL = 0.4  # the head targets add up to cones and blocks unless their sum is held


@dataclass(frozen=True)
class Identity:
    """The constant traits of one person. Lengths in dm, colours RGB in 0..1."""

    macro: Tensor  # (36,) weights of the macro targets
    local: Tensor  # (L,) weights of the local targets
    skin: Tensor  # (3,)
    blush: float
    freckles: float
    age: float  # 0 young .. 1 old
    lips: Tensor  # (3,)
    iris: Tensor  # (3,)
    hair: Tensor  # (3,)
    long_hair: bool
    bald: bool
    hairline: float
    parting: float
    hair_depth: float
    beard: float  # density; 0 is shaved
    moustache: float
    brow_thickness: float
    brow_density: float
    glasses: Tensor | None  # (3,) colour of the rims
    glasses_size: float
    texture_shift: tuple[float, float]
    texture_strength: float


def blend(stops: list[Colour], position: float) -> Tensor:
    """Colour at 0..1 along evenly spaced stops."""
    at = min(max(position, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(at), len(stops) - 2)
    return torch.lerp(torch.tensor(stops[low]), torch.tensor(stops[low + 1]), at - low)


def macro_weights(male: float, age: dict[str, float], weight: dict[str, float], origin: dict[str, float]) -> Tensor:
    """Weights of the macro targets: products of the shares of sex, age, weight and origin."""
    sex, build = {"male": male, "female": 1 - male}, {**weight, **origin}
    return torch.tensor([sex[s] * age[a] * build[b] for s, a, b in (n.split("-") for n in head().macro_names)])


def local_weights(dice: Dice, old: float) -> Tensor:
    """Weights of the local targets, most of them zero."""
    names = head().local_names
    spread = torch.full((len(names),), USUAL_SPREAD)
    for prefix, value in SPREAD.items():
        spread[[name.startswith(prefix) for name in names]] = value
    spread[[name.startswith("head-trans") or name.startswith("head-angle") for name in names]] = 0.06
    spread[[n.startswith(("mouth-trans", "nose-trans", "eye-trans", "chin-jaw-drop")) for n in names]] = 0.25
    weights = torch.randn(len(names), generator=dice.random).abs() * spread
    weights *= torch.rand(len(names), generator=dice.random) < IN_USE
    weights = weights.clamp(max=0.9)
    on_head = torch.tensor([name.startswith("head") for name in names])
    weights[on_head] *= HEAD_TOTAL / max(float(weights[on_head].sum()), HEAD_TOTAL)
    weights[names.index("head-age-incr")] = 0.7 * old
    return weights


def sample_identity(random: torch.Generator) -> Identity:
    """Draws a person."""
    dice = Dice(random)
    is_male = dice.chance(0.5)
    male = min(max(float(is_male) + dice.normal(0.12), 0.0), 1.0)
    years = dice.uniform()
    child, old = max(0.0, 1 - years / 0.12) * 0.5, max(0.0, (years - 0.5) / 0.5)
    weight = min(max(0.5 + dice.normal(0.2), 0.0), 1.0)
    thin, heavy = max(0.0, 1 - 2 * weight), max(0.0, 2 * weight - 1)
    origin = torch.empty(3).exponential_(generator=random) ** 1.6  # mostly one origin, often a mixture
    african, asian, caucasian = (origin / origin.sum()).tolist()

    melanin = min(max(0.12 + 0.75 * african + 0.28 * asian + dice.normal(0.08), 0.0), 1.0)
    skin = blend(SKIN, melanin) * (1 + torch.randn(3, generator=random) * torch.tensor([0.02, 0.03, 0.05]))
    fair = max(0.0, 1 - 1.6 * melanin)
    shares = [0.35, 0.3, 0.02 + 0.25 * fair, 0.3 * fair, 0.2 * fair, 0.1 * fair, 0.7 * old, 0.6 * max(0.0, old - 0.4)]
    hair = torch.tensor(HAIR[dice.choose(shares)]) * dice.uniform(0.85, 1.15)
    iris = torch.tensor(IRIS[dice.choose([1.0, 1.0, fair, 1.5 * fair, fair])])
    long_hair = dice.chance(0.1 if is_male else 0.6)
    bearded = is_male and child == 0 and dice.chance(0.45)
    natural, painted = skin * torch.tensor([0.86, 0.60, 0.59]), torch.tensor([0.66, 0.18, 0.22])
    made_up = dice.uniform(0.25, 0.8) if not is_male and child == 0 and dice.chance(0.5) else dice.uniform(0.0, 0.2)
    return Identity(
        macro=macro_weights(
            male,
            {"child": child, "old": old, "young": 1 - child - old},
            {"min": thin, "max": heavy, "average": 1 - thin - heavy},
            {"african": african, "asian": asian, "caucasian": caucasian},
        ),
        local=local_weights(dice, old),
        skin=skin,
        blush=dice.uniform(0.2, 1.0),
        freckles=dice.uniform(0.0, 0.5) if fair > 0.4 and dice.chance(0.4) else 0.0,
        age=old,
        lips=torch.lerp(natural, painted * dice.uniform(0.75, 1.2), made_up),
        iris=iris * dice.uniform(0.85, 1.2),
        hair=hair,
        long_hair=long_hair,
        bald=is_male and not long_hair and dice.chance(0.12 + 0.2 * old),
        hairline=dice.uniform(-0.14, 0.10) - 0.04 * long_hair,
        parting=dice.uniform(-0.35, 0.35),
        hair_depth=dice.uniform(0.06, 0.10) if long_hair else dice.uniform(0.04, 0.2),
        beard=dice.uniform(0.35, 0.95) if bearded else dice.uniform(0.0, 0.2) * is_male * (child == 0),
        moustache=dice.uniform(0.3, 1.0) if bearded and dice.chance(0.8) else 0.1 * is_male,
        brow_thickness=dice.uniform(0.028, 0.048) * (1.15 if is_male else 0.85),
        brow_density=dice.uniform(0.55, 0.95),
        glasses=torch.rand(3, generator=random) * dice.uniform(0.05, 0.5) if dice.chance(0.2) else None,
        glasses_size=dice.uniform(0.9, 1.12),
        texture_shift=(dice.uniform(-0.9, 0.9), dice.uniform(-0.7, 0.7)),
        texture_strength=dice.uniform(0.6, 1.4) * (1 + 0.5 * old),
    )

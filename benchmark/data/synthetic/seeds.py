"""Random generators named by their purpose, so that draws do not depend on what was drawn before."""

import hashlib

import torch

from benchmark.data.synthetic.version import VERSION


def generator(*key: str | int) -> torch.Generator:
    """Generator seeded by the renderer's version and ``key``, such as (set, seed, identity, track)."""
    name = "/".join(map(str, (VERSION, *key)))
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1
    return torch.Generator().manual_seed(seed)


class Draws:
    """Scalar random draws from one generator."""

    def __init__(self, random: torch.Generator) -> None:
        self.random = random

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(torch.rand((), generator=self.random))

    def normal(self, deviation: float = 1.0) -> float:
        """Normal with mean 0 and the given standard deviation."""
        return deviation * float(torch.randn((), generator=self.random))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform() < probability

    def choose(self, weights: list[float]) -> int:
        """Index drawn with probability proportional to ``weights``."""
        return int(torch.multinomial(torch.tensor(weights), 1, generator=self.random))

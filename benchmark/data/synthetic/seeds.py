"""Random numbers that depend on what is drawn alone, never on what was drawn before."""

import hashlib

import torch

from benchmark.data.synthetic.version import VERSION


def generator(*key: str | int) -> torch.Generator:
    """A generator for one purpose, named by ``key`` (for instance set, seed, identity, track)."""
    name = "/".join(map(str, (VERSION, *key)))
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1
    return torch.Generator().manual_seed(seed)


class Dice:
    """Scalar draws from one generator."""

    def __init__(self, random: torch.Generator) -> None:
        self.random = random

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number of [low, high)."""
        return low + (high - low) * float(torch.rand((), generator=self.random))

    def normal(self, deviation: float = 1.0) -> float:
        """A number of mean 0."""
        return deviation * float(torch.randn((), generator=self.random))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.uniform() < probability

    def choose(self, weights: list[float]) -> int:
        """An index, drawn in proportion to ``weights``."""
        return int(torch.multinomial(torch.tensor(weights), 1, generator=self.random))

"""Identity-disjoint splits: no person is in two of train, val and test."""

import hashlib
from collections.abc import Iterable

SPLITS = ("train", "val", "test")
FRACTIONS = (0.75, 0.15, 0.10)  # of the identities; FAb-Net, section 5


def split_identities(
    names: Iterable[str], seed: int, fractions: tuple[float, float, float] = FRACTIONS
) -> dict[str, str]:
    """Assign every identity to a split.

    Identities are shuffled by a hash of seed and name, which does not depend on any library version. Each split with
    a fraction above zero receives at least one identity as long as there are enough: train first, then val, then test.

    Args:
        names: identities; repeated names count once.
        seed: seed of the shuffling.
        fractions: shares of train, val and test; only their ratios matter.

    Returns:
        Identity -> name of its split.
    """
    shuffled = sorted(set(names), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    targets = [len(shuffled) * fraction / sum(fractions) for fraction in fractions]
    sizes = [0, 0, 0]
    for _ in shuffled:  # to the first empty split, else to the one furthest below its target
        smallest = min(range(3), key=lambda i: (sizes[i] > 0 or fractions[i] == 0, sizes[i] - targets[i]))
        sizes[smallest] += 1
    labels = [split for split, size in zip(SPLITS, sizes, strict=True) for _ in range(size)]
    return dict(zip(shuffled, labels, strict=True))

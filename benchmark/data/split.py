"""Identity-disjoint splits: nobody who is trained on is validated or tested on."""

import hashlib
from collections.abc import Iterable

SPLITS = ("train", "val", "test")
FRACTIONS = (0.75, 0.15, 0.10)  # FAb-Net, section 4: by identity


def split_identities(
    names: Iterable[str], seed: int, fractions: tuple[float, float, float] = FRACTIONS
) -> dict[str, str]:
    """Assigns every identity to train, val or test.

    The names are shuffled by a hash of seed and name, which no library version can change. Every split whose
    fraction is not zero gets at least one identity while there are enough, train first, then val: one
    identity trains only, two leave test empty.
    """
    shuffled = sorted(set(names), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    shares = [len(shuffled) * fraction / sum(fractions) for fraction in fractions]
    sizes = [0, 0, 0]
    for _ in shuffled:  # to the first empty split, then to the one furthest below its share
        neediest = min(range(3), key=lambda i: (sizes[i] > 0 or fractions[i] == 0, sizes[i] - shares[i]))
        sizes[neediest] += 1
    labels = [split for split, size in zip(SPLITS, sizes, strict=True) for _ in range(size)]
    return dict(zip(shuffled, labels, strict=True))

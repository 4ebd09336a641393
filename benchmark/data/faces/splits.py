"""Train, val and test of labelled faces: no image and no person in two of them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import SPLITS
from benchmark.data.split import FRACTIONS, split_identities
from benchmark.errors import DataError


def split_units(identity: NDArray[np.str_] | None, contents: NDArray[np.str_]) -> list[str]:
    """The unit of each face that must stay in one split: its person, or its image content where that is unknown."""
    if identity is None:
        return [str(content) for content in contents]
    return [person or content for person, content in zip(identity.tolist(), contents.tolist(), strict=True)]


def assign_splits(
    given: NDArray[np.str_] | None, units: Sequence[str], seed: int, val_fraction: float
) -> tuple[NDArray[np.str_], dict[str, Any]]:
    """Complete the splits that a set comes with.

    Args:
        given: train, val or test of each face; None if everything is to be split at random.
        units: faces of one unit stay in one split.
        seed: seed of the random split.
        val_fraction: fraction of the train units that becomes val if ``given`` has no val.

    Returns:
        The split of each face, and what was drawn at random, for the protocol: everything, val, or nothing.
    """
    if given is None:
        split_of = split_identities(units, seed)
        return np.array([split_of[unit] for unit in units]), {"fractions": list(FRACTIONS), "seed": seed}
    if "val" in given:
        return given, {}
    train_units = [unit for unit, name in zip(units, given, strict=True) if name == "train"]
    split_of = split_identities(train_units, seed, (1 - val_fraction, val_fraction, 0.0))
    split = [split_of[unit] if name == "train" else name for unit, name in zip(units, given, strict=True)]
    return np.array(split), {"val_from_train": val_fraction, "seed": seed}


def in_last_split(contents: NDArray[np.str_], split: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Mask (N,) of the faces whose image content occurs in no later split, in the order train, val, test."""
    order = {name: position for position, name in enumerate(SPLITS)}
    positions = [order[name] for name in split.tolist()]
    last: dict[str, int] = {}
    for content, position in zip(contents.tolist(), positions, strict=True):
        last[content] = max(position, last.get(content, 0))
    is_last = [position == last[content] for content, position in zip(contents.tolist(), positions, strict=True)]
    return np.array(is_last, np.bool_)


def refuse_shared_images(
    source: str,
    ids: NDArray[np.str_],
    contents: NDArray[np.str_],
    split: NDArray[np.str_],
    in_last: NDArray[np.bool_],
) -> None:
    """Raises DataError if an image content is in two splits; ``in_last`` comes from `in_last_split`."""
    if in_last.all():
        return
    row = int(np.flatnonzero(~in_last)[0])
    other = int(np.flatnonzero((contents == contents[row]) & in_last)[0])
    first, second = sorted((row, other))
    raise DataError(
        f"{source}: {ids[first]} ({split[first]}) and {ids[second]} ({split[second]}) are the same image in two "
        f"splits ({(~in_last).sum()} such in all); keep one"
    )


def refuse_shared_identities(
    source: str, ids: NDArray[np.str_], identity: NDArray[np.str_] | None, split: NDArray[np.str_]
) -> None:
    """Raises DataError if a known identity is in two splits."""
    if identity is None:
        return
    first_row: dict[str, int] = {}
    for row, person in enumerate(identity.tolist()):
        first = first_row.setdefault(person, row) if person else row
        if split[first] != split[row]:
            raise DataError(
                f"{source}: identity {person!r} is in {split[first]} ({ids[first]}) and in "
                f"{split[row]} ({ids[row]}); splits must not share people"
            )


def require_splits(name: str, split: NDArray[np.str_], drawn: dict[str, Any], skipped: Counter[str]) -> None:
    """Raises DataError if a split has no face; ``drawn`` comes from `assign_splits`."""
    for required in SPLITS:
        if required not in split:
            raise DataError(
                f"set {name}: no usable face for {required} ({len(split)} faces in all, "
                f"{'split by seed' if 'fractions' in drawn else 'split as its files say'}; "
                f"left out: {counts_text(skipped) or 'none'})"
            )


def counts_text(counts: Counter[str]) -> str:
    """Counts by reason in one line, for messages: ``image absent (3), row broken (1)``."""
    return ", ".join(f"{reason} ({count})" for reason, count in sorted(counts.items()) if count)

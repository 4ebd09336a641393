"""Targets of a probe."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import ProbeError

REGRESSION = ("landmarks", "pose", "regression")  # kinds whose values are real numbers
CATEGORICAL = ("classes", "identity")  # kinds whose values are indices into their names
MASKED = ("aus", "regression")  # kinds in which each value of a face is known or not on its own
KINDS = (*REGRESSION, *CATEGORICAL, "aus")
RETRIEVAL = "retrieval"  # in place of a target: all of a set's that faces can be compared by
COMPARED = ("pose", "classes", "aus")  # kinds that retrieved faces are compared by
TURNS = "roll, pitch, yaw"  # order of the rotations of a pose, the outermost first


class Target(Protocol):
    """The targets of N faces, by kind.

    ``landmarks``: values float (N, L, 2), crop sides. ``pose``: float (N, 3), degrees. ``classes``: int (N,), an index
    into ``names``; ``identity``: likewise, the person. ``aus``: float (N, A), 0 or 1. ``regression``: float (N, A), any
    numbers, such as valence. ``known`` is a bool mask, (N, A) for ``aus`` and ``regression`` and (N,) otherwise;
    unknown values are never read. ``eyes`` (landmarks only) are the two points whose distance normalises the error;
    ``turns`` (pose only, optional, else `TURNS`) is the order of the rotations; ``aspect`` (landmarks only, optional,
    else 1) the width of a crop over its height in the image, in whose pixels distances are measured.
    """

    @property
    def kind(self) -> str: ...
    @property
    def values(self) -> NDArray[Any]: ...
    @property
    def known(self) -> NDArray[np.bool_]: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def eyes(self) -> tuple[int, int] | None: ...


@dataclass(frozen=True)
class Labels:
    """The targets of a subset of the faces."""

    kind: str
    values: NDArray[Any]
    known: NDArray[np.bool_]
    names: tuple[str, ...]
    eyes: tuple[int, int] | None = None
    turns: str = TURNS
    aspect: float = 1.0

    def __len__(self) -> int:
        return len(self.values)


def take(target: Target, rows: NDArray[np.intp]) -> Labels:
    """Return the targets of ``rows``, in that order."""
    return Labels(
        target.kind,
        target.values[rows],
        target.known[rows],
        target.names,
        target.eyes,
        getattr(target, "turns", TURNS),
        getattr(target, "aspect", 1.0),
    )


def any_known(target: Target) -> NDArray[np.bool_]:
    """Return (N,) whether a face has a known label; of several, one is enough."""
    return np.asarray(target.known.any(1)) if target.kind in MASKED else target.known


def check(target: Target) -> None:
    """Raise `ProbeError` if shapes disagree or a known value is invalid for its kind."""
    if target.kind not in KINDS:
        raise ProbeError(f"unknown kind of target {target.kind!r}; one of {', '.join(KINDS)}")
    values, names = target.values, target.names
    expected = {
        "landmarks": (*values.shape[1:2], 2),
        "pose": (len(names),),
        "classes": (),
        "identity": (),
        "aus": (len(names),),
        "regression": (len(names),),
    }[target.kind]
    if values.shape[1:] != expected:
        raise ProbeError(f"{target.kind} values have shape {values.shape}, expected (N, *{expected})")
    if target.known.shape != (values.shape if target.kind in MASKED else values.shape[:1]):
        raise ProbeError(f"known has shape {target.known.shape}, which does not fit values {values.shape}")
    if target.kind == "landmarks" and target.eyes is None:
        raise ProbeError("landmarks need `eyes`, the two points whose distance is the unit of error")
    known = values[target.known]
    if target.kind in CATEGORICAL:
        wrong = (known < 0) | (known >= len(names)) | (known != np.round(known))
        expectation = f"a class index, 0 to {len(names) - 1}"
    elif target.kind == "aus":
        wrong, expectation = (known != 0) & (known != 1), "0 or 1"
    else:
        wrong, expectation = ~np.isfinite(known), "finite"
    if wrong.any():
        row = np.argwhere(target.known)[np.argwhere(wrong)[0, 0]][0]
        raise ProbeError(f"{target.kind}: {wrong.sum()} known values are not {expectation} (first in row {row})")

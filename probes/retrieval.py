"""Retrieval: what the nearest faces of other people share with a face (the paper's Figure 5).

Nothing is trained. For each test face, the other test faces are ordered by the cosine similarity of their features, as
they are, and those of the same person are left out, since a person resembles herself whatever an embedding encodes. The
nearest of them, and the mean of the first five, are compared with the face: in head pose by the mean absolute
difference of the angles, in class by agreement, in action units by the share of those known in both that are equal. The
paper shows pictures only; these measures are ours.

This is no probe head: a head predicts a face from the training labels alone, whereas here the faces that are scored are
also those that are retrieved.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import jackknife
from .errors import ProbeError
from .probe import MOST_UNITS, Probed, finite
from .target import COMPARED, RETRIEVAL, Labels, Target, take

FIRST = (1, 5)  # numbers of neighbours that are compared
BLOCK = 256  # faces whose similarities to all others are computed at a time
TIE = 1e-12  # cosine similarities that differ by less are equal: rounding of float64

DIFFERENCE, AGREEMENT = ("deg", -1, 2), ("fraction", 1, 3)  # unit, which way is better, digits to print


def retrieve(
    targets: Mapping[str, Target],
    split: NDArray[Any],
    features: NDArray[Any],
    people: NDArray[np.str_] | None = None,
) -> Probed:
    """Score the retrieval of the test faces of one run by every target that faces can be compared by.

    For each target, the faces that may be retrieved are those of other people for which the comparison is defined. A
    face with fewer than five of them is left out. Neighbours that are equally near count equally.

    The metrics of a target are ``<target>_1``, ``<target>_5`` and ``<target>_chance``, the exact mean over all faces
    that might have been retrieved. Their values without each unit are means over the faces of all other units: how far
    a metric moves with the people who are asked about, and not with those who may be retrieved, who stay the same.

    Args:
        targets: of N faces, by name; those of other kinds than pose, classes and aus are not compared.
        split: (N,) "train", "val" or "test".
        features: (N, D).
        people: (N,) who is in each image, "" where unknown: any other face may be retrieved for such a one.

    Returns:
        As `probe.Probed`, with the one head ``retrieval``; ``retrieval.<metric>`` (n,) has the value of each test face,
        NaN where it is left out.

    Raises:
        ProbeError: no target can be compared, or a feature is not finite.
    """
    compared = {name: target for kind in COMPARED for name, target in targets.items() if target.kind == kind}
    if not compared:
        raise ProbeError(f"no target to compare retrieved faces by; one of the kinds {', '.join(COMPARED)} is needed")
    rows = np.flatnonzero(split == "test")
    person = jackknife.units_of(None if people is None else people[rows], len(rows))
    labels = {name: take(target, rows) for name, target in compared.items()}
    values = _values(finite(features[None, rows], rows)[0], person, labels)
    units = jackknife.blocks(person, MOST_UNITS)
    arrays = {f"{RETRIEVAL}.{name}": each.astype(np.float32) for name, each in values.items()}
    without = {f"{RETRIEVAL}.{name}.without": jackknife.mean(each, units) for name, each in values.items()}
    head = {
        "title": "the nearest faces of other people by cosine similarity",
        "metrics": {
            f"{name}_{which}": _entry(name, target.kind, which, values[f"{name}_{which}"])
            for name, target in compared.items()
            for which in (*map(str, FIRST), "chance")
        },
        "choice": {},
        "protocol": {"distance": "cosine", "first": list(FIRST), "people": "others"},
        "notes": [note for name in compared for note in _left_out(name, values[f"{name}_chance"])],
    }
    record = {
        "target_kind": RETRIEVAL,
        "names": list(compared),
        "n": {"train": 0, "val": 0, "test": len(rows)},
        "heads": {RETRIEVAL: head},
    }
    return Probed(record, {"rows": rows, "units": units, **arrays, **without})


def _values(
    features: NDArray[np.float32], person: NDArray[np.intp], labels: Mapping[str, Labels]
) -> dict[str, NDArray[np.float64]]:
    """Each metric of each face (N,); NaN where it is left out."""
    directions, people = _directions(features), torch.from_numpy(person)
    values = {f"{name}_{which}": np.empty(len(features)) for name in labels for which in (*FIRST, "chance")}
    for rows in torch.arange(len(features)).split(BLOCK):
        similarity = _similarity(directions, rows)
        of_others = people[rows, None] != people
        for name, target in labels.items():
            measure, defined = _compared(target, rows)
            candidates = of_others & defined
            count = candidates.sum(1)
            ranked = similarity.masked_fill(~candidates, -torch.inf)
            found = {f"{name}_{k}": each for k, each in _means_of_first(ranked, measure).items()}
            found[f"{name}_chance"] = measure.where(candidates, 0).sum(1) / count
            for metric, each in found.items():
                values[metric][rows] = each.masked_fill(count < max(FIRST), torch.nan)
    return values


def _directions(features: NDArray[np.float32]) -> Tensor:
    """Features (N, D) of length 1; one of length 0 stays so, and is equally near to all others."""
    return torch.nn.functional.normalize(torch.from_numpy(features).double(), eps=1e-30)


def _similarity(directions: Tensor, rows: Tensor) -> Tensor:
    """Cosine similarities (B, N) of some faces to all."""
    return directions[rows] @ directions.T


def _means_of_first(similarity: Tensor, measure: Tensor) -> dict[int, Tensor]:
    """(B,) mean measure of the first k, for each k of `FIRST`, by similarities that are -inf for no candidates.

    Of those as near as the k-th, all count equally for the places that are left.
    """
    nearest = similarity.topk(min(max(FIRST) + 1, similarity.shape[1]))
    measures = measure.gather(1, nearest.indices)
    means = {}
    for k in FIRST:
        means[k] = measures[:, :k].mean(1)
        next_one = nearest.values[:, k : k + 1]
        tied = (next_one >= nearest.values[:, k - 1 : k] - TIE).any(1) & (next_one > -torch.inf).any(1)
        if tied.any():
            means[k][tied] = _mean_with_ties(similarity[tied], measure[tied], nearest.values[tied, k - 1 : k], k)
    return means


def _mean_with_ties(similarity: Tensor, measure: Tensor, last: Tensor, k: int) -> Tensor:
    """(B,) mean measure of the first k, the k-th of which, with similarity ``last`` (B, 1), has equals."""
    nearer = similarity > last + TIE
    tied = (similarity >= last - TIE) & ~nearer
    places = (k - nearer.sum(1).double()) / tied.sum(1)
    return (measure.where(nearer, 0).sum(1) + places * measure.where(tied, 0).sum(1)) / k


def _compared(labels: Labels, rows: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N) differences in pose, or agreement, of some faces and all, and whether they are defined."""
    values, known = torch.from_numpy(labels.values), torch.from_numpy(labels.known)
    if labels.kind == "aus":
        on, off = ((each & known).double() for each in (values == 1, values == 0))
        equal = on[rows] @ on.T + off[rows] @ off.T
        in_both = known[rows].double() @ known.double().T
        return equal / in_both.clamp(min=1), in_both > 0
    defined = known[rows, None] & known
    if labels.kind == "classes":
        return (values[rows, None] == values).double(), defined
    angles = values.double().nan_to_num()  # unknown ones may be anything
    return torch.cdist(angles[rows], angles, p=1) / angles.shape[1], defined


def _entry(name: str, kind: str, which: str, values: NDArray[np.float64]) -> dict[str, Any]:
    """What a record says of a metric; chance is no column of tables."""
    known = values[~np.isnan(values)]
    unit, better, digits = DIFFERENCE if kind == "pose" else AGREEMENT
    entry = {"value": float(known.mean()) if len(known) else None, "unit": unit, "n": len(known)}
    if which == "chance":
        return entry
    label = f"{name}, nearest" if which == "1" else f"{name}, first {which}"
    return {**entry, "better": better, "digits": digits, "label": label}


def _left_out(name: str, values: NDArray[np.float64]) -> Iterator[str]:
    count = int(np.isnan(values).sum())
    if count:
        yield f"{name}: {count} faces left out, which have no label or fewer than {max(FIRST)} faces to compare with"

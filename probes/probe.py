"""Fit heads on frozen features and score them: the entry point of this package."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .coding import Coding, coding_for
from .exact import fit_exact
from .fitted import FittedHead
from .heads import Affine, Features, Split
from .linear import Budget, fit_linear
from .mean import fit_mean
from .metrics import score
from .target import ProbeError, Target, any_known, check, take

HEADS = ("linear", "exact", "mean", "identity")
SPLITS = ("train", "val", "test")
PER_IMAGE = {"landmarks": "errors", "pose": "errors", "classes": "probabilities", "aus": "probabilities"}


@dataclass(frozen=True)
class Probed:
    """The result of probing one run on one task.

    ``record`` can be written as JSON::

        {"target_kind": kind, "names": [...], "n": {"train": n, "val": n, "test": n},   # faces with a label
         "heads": {head: {"metrics": {name: {"value": float | None, "unit": str, "n": int}},
                          "choice": {"lr" or "alpha" or "C": ..., "by": metric, "val": score},
                          "protocol": {...}, "notes": [line, ...]}}}

    ``arrays`` holds ``rows`` (N,), the scored test faces as rows of the labelled set, and for each head
    ``<head>.errors`` (landmarks (N,) in %, NaN if undefined; pose (N, 3) in degrees) or ``<head>.probabilities``
    (N, C or A). ``fitted`` holds the scored heads by name.
    """

    record: dict[str, Any]
    arrays: dict[str, NDArray[Any]] = field(repr=False)
    fitted: dict[str, FittedHead] = field(default_factory=dict, repr=False)


def probe(
    target: Target,
    split: NDArray[Any],
    features: NDArray[Any],
    *,
    heads: Sequence[str] = ("linear", "exact"),
    seed: int = 0,
    group: NDArray[Any] | None = None,
    budget: Budget | None = None,
) -> Probed:
    """Probe the features (N, D) of one run; other arguments as in `probe_runs`."""
    if features.ndim != 2:
        raise ProbeError(f"features of one run are (N, D), not {features.shape}")
    return probe_runs(target, split, features[None], heads=heads, seed=seed, group=group, budget=budget)[0]


def probe_runs(
    target: Target,
    split: NDArray[Any],
    features: NDArray[Any],
    *,
    heads: Sequence[str] = ("linear", "exact"),
    seed: int = 0,
    group: NDArray[Any] | None = None,
    budget: Budget | None = None,
) -> list[Probed]:
    """Fit heads on the train split, select hyper-parameters on val, and score on test.

    Fitting never sees test faces. Faces without a known label are left out.

    Args:
        target: the targets of N faces.
        split: (N,) "train", "val" or "test".
        features: (R, N, D) of R runs. For the head ``identity`` they are outputs in the encoded space of the target,
            D = ``coding_for(train).width``, and are scored unchanged.
        heads: any of ``linear`` (the paper's), ``exact`` (ridge or logistic regression), ``mean``, ``identity``.
        seed: of the sample order in ``linear``; nothing else is random.
        group: (N,) names of sub-sets, for additional metrics ``metric/group``.
        budget: training budget of ``linear``.

    Returns:
        One result per run.

    Raises:
        ProbeError: shapes disagree, a split has no known label, train has fewer than two classes, features or known
            values are not finite, or a head is unknown.
    """
    for head in heads:
        _check_head(head)
    if group is not None:
        _check_column("group", group, len(target.values))
    rows, (train, val, test) = _splits(target, split, features)
    coding = coding_for(train.labels)

    results = [
        Probed(
            {
                "target_kind": target.kind,
                "names": list(target.names),
                "n": {name: len(rows[name]) for name in SPLITS},
                "heads": {},
            },
            {"rows": rows["test"]},
        )
        for _ in features
    ]
    tested = None if group is None else group[rows["test"]]
    for head in heads:
        fitted = _fit(head, train, val, coding, seed, budget or Budget())
        for run, result in enumerate(results):
            result.fitted[head] = FittedHead(target.names, fitted.weight[run], fitted.bias[run, 0], coding.decoding)
            scores = score(test.labels, result.fitted[head].predict(test.features[run]), tested)
            result.record["heads"][head] = {
                "metrics": scores.metrics,
                "choice": fitted.choice[run],
                "protocol": fitted.protocol,
                "notes": [*coding.notes, *scores.notes],
            }
            result.arrays[f"{head}.{PER_IMAGE[target.kind]}"] = scores.per_image
    return results


def predict(
    target: Target,
    split: NDArray[Any],
    features: NDArray[Any],
    *,
    head: str,
    seed: int = 0,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Fit one head on the features (N, D) of one run, as `probe` does, and predict the test faces.

    Returns:
        The rows of the test faces with a known label, and their predictions in the units of the target: landmarks
        (n, L, 2), angles (n, 3), or probabilities (n, C or A).

    Raises:
        ProbeError: as `probe_runs` does.
    """
    _check_head(head)
    rows, (train, val, test) = _splits(target, split, features[None])
    coding = coding_for(train.labels)
    fitted = _fit(head, train, val, coding, seed, Budget())
    return rows["test"], coding.decode(fitted(test.features)[0])


def _check_head(head: str) -> None:
    if head not in HEADS:
        raise ProbeError(f"unknown head {head!r}; one of {', '.join(HEADS)}")


def _splits(
    target: Target, split: NDArray[Any], features: NDArray[Any]
) -> tuple[dict[str, NDArray[np.intp]], list[Split]]:
    """Return the rows with a known label by split, and their features and labels in the order of `SPLITS`."""
    check(target)
    _check_shapes(target, split, features)
    rows = {name: np.flatnonzero(any_known(target) & (split == name)) for name in SPLITS}
    for name in SPLITS:
        if not len(rows[name]):
            needed_for = {"train": "training", "val": "validation", "test": "test"}[name]
            raise ProbeError(f"no known {needed_for} labels ({target.kind})")
    return rows, [Split(_finite(features[:, rows[name]], rows[name]), take(target, rows[name])) for name in SPLITS]


def _fit(head: str, train: Split, val: Split, coding: Coding, seed: int, budget: Budget) -> Affine:
    if head == "linear":
        return fit_linear(train, val, coding, seed, budget)
    if head == "exact":
        return fit_exact(train, val, coding)
    if head == "mean":
        return fit_mean(train, coding)
    runs, _, dim = train.features.shape
    if dim != coding.width:
        raise ProbeError(f"head identity needs {coding.width} outputs a face, features have {dim}")
    unchanged = np.broadcast_to(np.eye(dim), (runs, dim, dim))
    return Affine(unchanged, np.zeros((runs, 1, dim)), [{} for _ in range(runs)], {"head": "none: outputs scored"})


def _check_shapes(target: Target, split: NDArray[Any], features: NDArray[Any]) -> None:
    n = len(target.values)
    if features.ndim != 3 or features.shape[1] != n:
        raise ProbeError(f"features have shape {features.shape}, expected (runs, {n} faces, D)")
    _check_column("split", split, n)


def _check_column(name: str, column: NDArray[Any], n: int) -> None:
    if column.shape != (n,):
        raise ProbeError(f"{name} has shape {column.shape}, expected ({n},)")


def _finite(features: NDArray[Any], rows: NDArray[np.intp]) -> Features:
    """Return the features as float32; raise `ProbeError` naming the rows if any is NaN or infinite."""
    features = features.astype(np.float32, copy=False)
    broken = ~np.isfinite(features).all((0, 2))
    if broken.any():
        first = ", ".join(str(row) for row in rows[broken][:5])
        raise ProbeError(f"features of {broken.sum()} of {len(rows)} faces are NaN or infinite: rows {first}")
    return features

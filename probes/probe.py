"""Fit heads on frozen features and score them: the entry point of this package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .coding import Coding, coding_for
from .errors import ProbeError
from .fitted import FittedHead
from .head import Affine, Features, Fitted, Head, Split, joined
from .jackknife import blocks, units_of
from .registry import HEADS, METRICS
from .scores import score
from .target import Target, any_known, check, take

UNCHANGED = "identity"  # in place of a head's name: the features are outputs, and scored as they are
SPLITS = ("train", "val", "test")
MOST_UNITS = 1000  # of a test set that are told apart for intervals; more are merged into so many blocks

Options = Mapping[str, Mapping[str, Any]]  # of heads, by name


@dataclass(frozen=True)
class Probed:
    """The result of probing one run on one task.

    ``record`` can be written as JSON::

        {"target_kind": kind, "names": [...], "n": {"train": n, "val": n, "test": n},   # faces with a label
         "heads": {head: {"title": ..., "metrics": {name: {"value": float | None, "unit": str, "n": int}},
                          "choice": {"lr" or "alpha" or "C": ..., "by": metric, "val": score},
                          "protocol": {...}, "notes": [line, ...]}}}

    ``arrays`` holds ``rows`` (N,), the scored test faces as rows of the labelled set, and for each head
    ``<head>.errors`` (landmarks (N,) in %, NaN if undefined; pose (N, 3) in degrees) or ``<head>.probabilities``
    (N, C or A), and ``<head>.<metric>`` (N,) of further metrics. ``units`` (N,) numbers the test people, or blocks of
    them, and ``<head>.<metric>.without`` (U,) is a metric without each. ``fitted`` holds the scored heads that are
    affine, by name.
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
    metrics: Sequence[str] = (),
    seed: int = 0,
    group: NDArray[Any] | None = None,
    people: NDArray[np.str_] | None = None,
    options: Options | None = None,
    refit: bool = False,
) -> Probed:
    """Probe the features (N, D) of one run; other arguments as in `probe_runs`."""
    if features.ndim != 2:
        raise ProbeError(f"features of one run are (N, D), not {features.shape}")
    return probe_runs(
        target,
        split,
        features[None],
        heads=heads,
        metrics=metrics,
        seed=seed,
        group=group,
        people=people,
        options=options,
        refit=refit,
    )[0]


def probe_runs(
    target: Target,
    split: NDArray[Any],
    features: NDArray[Any],
    *,
    heads: Sequence[str] = ("linear", "exact"),
    metrics: Sequence[str] = (),
    seed: int = 0,
    group: NDArray[Any] | None = None,
    people: NDArray[np.str_] | None = None,
    options: Options | None = None,
    refit: bool = False,
) -> list[Probed]:
    """Fit heads on the train split, select hyper-parameters on val, and score on test.

    Fitting never sees test faces. Faces without a known label are left out.

    Args:
        target: the targets of N faces.
        split: (N,) "train", "val" or "test".
        features: (R, N, D) of R runs. For the head ``identity`` they are outputs in the encoded space of the target,
            D = ``coding_for(train).width``, and are scored unchanged.
        heads: names of registered heads or files that register one (`registry.HEADS`), or ``identity``.
        metrics: beyond the standard ones of each kind: names or files (`registry.METRICS`).
        seed: of what a head draws at random.
        group: (N,) names of sub-sets, for additional metrics ``metric/group``.
        people: (N,) who is in each image, "" where unknown; images are then independent of each other.
        options: of heads, by their names, where not the defaults.
        refit: once every choice is made on val, fit again on train and val together.

    Returns:
        One result per run.

    Raises:
        ProbeError: shapes disagree, a split has no known label, train has fewer than two classes, features or known
            values are not finite, a head or metric is unknown, or one of them does not do what it should.
    """
    fitters = [head_of(name, options or {}) for name in heads]
    further = [METRICS.get(name)() for name in metrics]
    for name, column in (("group", group), ("people", people)):
        if column is not None:
            _check_column(name, column, len(target.values))
    rows, (train, val, test) = splits_of(target, split, features)
    units = blocks(units_of(None if people is None else people[rows["test"]], len(rows["test"])), MOST_UNITS)
    results = [
        Probed(
            {
                "target_kind": target.kind,
                "names": list(target.names),
                "n": {name: len(rows[name]) for name in SPLITS},
                "heads": {},
            },
            {"rows": rows["test"], "units": units},
        )
        for _ in features
    ]
    tested = None if group is None else group[rows["test"]]
    for head in fitters:
        all_fitted, coding = fit_head(head, train, val, seed, refit)
        for run, (result, fitted) in enumerate(zip(results, all_fitted, strict=True)):
            predictions = coding.decode(outputs_of(head, fitted, test.features[run], coding))
            scores = score(test.labels, predictions, tested, further, units)
            result.record["heads"][head.name] = {
                "title": head.title,
                "metrics": scores.metrics,
                "choice": dict(fitted.choice),
                "protocol": dict(fitted.protocol),
                "notes": [*coding.notes, *_cap_note(fitted), *scores.notes],
            }
            result.arrays.update({f"{head.name}.{name}": values for name, values in scores.per_image.items()})
            result.arrays.update({f"{head.name}.{name}.without": values for name, values in scores.without.items()})
            if isinstance(fitted, Affine):
                result.fitted[head.name] = FittedHead(target.names, fitted.weight, fitted.bias, coding.decoding)
    return results


def fit_head(head: Head, train: Split, val: Split, seed: int, refit: bool) -> tuple[Sequence[Fitted], Coding]:
    """A head fitted on every run, and the coding of its outputs.

    Raises:
        ProbeError: train has fewer than two classes, or the head cannot be fitted again.
    """
    coding = coding_for(train.labels)
    fitted = head.fit_runs(train, val, coding, seed)
    if not refit or head.name == UNCHANGED:
        return fitted, coding
    of_both = coding_for(joined(train, val).labels)
    again = [head.refit(each, train.of_run(run), val.of_run(run), of_both, seed) for run, each in enumerate(fitted)]
    return again, of_both


def _cap_note(fitted: Fitted) -> list[str]:
    """A note where training was ended by a cap: its head says ``converged`` among its choices."""
    if fitted.choice.get("converged", True):
        return []
    return ["training ended at its cap; val might have improved further: raise the head's cap"]


def predict(
    target: Target,
    split: NDArray[Any],
    features: NDArray[Any],
    *,
    head: str,
    seed: int = 0,
    options: Options | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Fit one head on the features (N, D) of one run, as `probe` does, and predict the test faces.

    Returns:
        The rows of the test faces with a known label, and their predictions in the units of the target: landmarks
        (n, L, 2), angles (n, 3), or probabilities (n, C or A).

    Raises:
        ProbeError: as `probe_runs` does.
    """
    fitter = head_of(head, options or {})
    rows, (train, val, test) = splits_of(target, split, features[None])
    coding = coding_for(train.labels)
    fitted = fitter.fit_runs(train, val, coding, seed)[0]
    return rows["test"], coding.decode(outputs_of(fitter, fitted, test.features[0], coding))


def head_of(name: str, options: Options | None = None) -> Head:
    """The head with a name or in a file, with its options.

    Raises:
        ProbeError: there is none, it is broken, or an option is wrong.
    """
    if name == UNCHANGED:
        return _Unchanged()
    head = HEADS.get(name)
    return head((options or {}).get(head.name))


class _Unchanged(Head):
    """No head: the features are the outputs."""

    name = UNCHANGED
    title = "its own outputs"

    def fit(self, train: Split, val: Split, coding: Coding, seed: int) -> Fitted:
        dim = train.features.shape[1]
        if dim != coding.width:
            raise ProbeError(f"head {UNCHANGED} needs {coding.width} outputs a face, features have {dim}")
        return Affine(np.eye(dim), np.zeros(dim), {}, {"head": "none: outputs scored"})


def outputs_of(head: Head, fitted: Fitted, features: Features, coding: Coding) -> NDArray[Any]:
    """Outputs (N, T) of a fitted head.

    Raises:
        ProbeError: they have another shape.
    """
    outputs = fitted(features)
    if np.shape(outputs) != (len(features), coding.width):
        raise ProbeError(
            f"head {head.name} gives outputs of shape {np.shape(outputs)} for {len(features)} faces, not "
            f"({len(features)}, {coding.width})"
        )
    return outputs


def splits_of(
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
    return rows, [Split(finite(features[:, rows[name]], rows[name]), take(target, rows[name])) for name in SPLITS]


def _check_shapes(target: Target, split: NDArray[Any], features: NDArray[Any]) -> None:
    n = len(target.values)
    if features.ndim != 3 or features.shape[1] != n:
        raise ProbeError(f"features have shape {features.shape}, expected (runs, {n} faces, D)")
    _check_column("split", split, n)


def _check_column(name: str, column: NDArray[Any], n: int) -> None:
    if column.shape != (n,):
        raise ProbeError(f"{name} has shape {column.shape}, expected ({n},)")


def finite(features: NDArray[Any], rows: NDArray[np.intp]) -> Features:
    """Return the features as float32; raise `ProbeError` naming the rows if any is NaN or infinite."""
    features = features.astype(np.float32, copy=False)
    broken = ~np.isfinite(features).all((0, 2))
    if broken.any():
        first = ", ".join(str(row) for row in rows[broken][:5])
        raise ProbeError(f"features of {broken.sum()} of {len(rows)} faces are NaN or infinite: rows {first}")
    return features

"""Few-shot probing: heads fitted on random subsets of the training labels, and scored on the whole test split.

A subset is a share of the train faces with a known label, and the same share of those of val, so that no choice is made
on more labels than it says. Faces are drawn, not people. Subsets depend on the labels and the draw alone: every run
gets the same faces, and a smaller subset of a draw is part of the larger ones.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ProbeError
from .head import Head, Split
from .probe import UNCHANGED, Options, fit_head, head_of, outputs_of, splits_of
from .scores import score
from .target import CATEGORICAL, Labels, Target, take

FEWEST = 2  # train faces of a fit
TRAIN, VAL = 0, 1  # in the seeds of draws


def few_shot(
    target: Target,
    split: NDArray[Any],
    features: NDArray[Any],
    *,
    fractions: Sequence[float],
    draws: int,
    heads: Sequence[str] = ("linear", "exact"),
    seed: int = 0,
    options: Options | None = None,
    refit: bool = False,
) -> list[dict[str, Any]]:
    """Score heads that are fitted on few labels, by the standard metrics of the target.

    Args:
        target: the targets of N faces.
        split: (N,) "train", "val" or "test".
        features: (N, D) of one run.
        fractions: of the labelled faces of train and of val, below 1.
        draws: subsets of each fraction.
        heads: as in `probe.probe_runs`; ``identity``, of which nothing is fitted, is left out.
        seed: of what a head draws at random; the subsets do not depend on it.
        options: of heads, by their names, where not the defaults.
        refit: once every choice is made on the share of val, fit again on both shares together.

    Returns:
        One JSON value for each fraction::

            {"fraction": float, "draws": int, "n": {"train": n, "val": n},
             "heads": {head: {"metrics": {name: {"values": [float | None, ...], "unit": str}}, "notes": [line, ...]}}}

        A value for each draw, None where the metric is undefined or the labels were too few for a fit, of which a note
        gives the number.

    Raises:
        ProbeError: as `probe.probe_runs` does for all labels.
    """
    fitters = [head_of(name, options or {}) for name in heads if name != UNCHANGED]
    _, (train, val, test) = splits_of(target, split, features[None])
    results = []
    for fraction in fractions:
        subsets = [(_part(train, fraction, draw, TRAIN), _part(val, fraction, draw, VAL)) for draw in range(draws)]
        results.append(
            {
                "fraction": fraction,
                "draws": draws,
                "n": {"train": len(subsets[0][0].labels), "val": len(subsets[0][1].labels)},
                "heads": {head.name: _of_head(head, subsets, test, seed, refit) for head in fitters},
            }
        )
    return results


def subset(labels: Labels, fraction: float, seed: Sequence[int]) -> NDArray[np.intp]:
    """The rows of a random share of labels, at least one, in ascending order.

    Classes and people of the target keep their shares, and each has one face before any has a second.
    """
    n = len(labels)
    order = np.random.default_rng(seed).permutation(n)
    if labels.kind in CATEGORICAL:
        position = np.zeros(n)  # in its class, from 0 to 1; -1 for the first of each class
        for value in np.unique(labels.values):
            members = order[labels.values[order] == value]
            position[members] = (np.arange(len(members)) + 0.5) / len(members)
            position[members[0]] = -1
        order = order[np.argsort(position[order], kind="stable")]
    return np.sort(order[: max(1, round(fraction * n))])


def _part(split: Split, fraction: float, draw: int, which: int) -> Split:
    rows = subset(split.labels, fraction, (draw, which))
    return Split(split.features[:, rows], take(split.labels, rows))


def _of_head(head: Head, subsets: Sequence[tuple[Split, Split]], test: Split, seed: int, refit: bool) -> dict[str, Any]:
    """The metrics of one head by draw, and notes."""
    measured: list[dict[str, Any]] = []
    too_few: list[str] = []
    for train, val in subsets:
        try:
            if len(train.labels) < FEWEST:
                raise ProbeError(f"fewer than {FEWEST} train faces")
            (fitted,), coding = fit_head(head, train, val, seed, refit)
        except ProbeError as error:
            too_few.append(str(error))
            measured.append({})
            continue
        outputs = outputs_of(head, fitted, test.features[0], coding)
        measured.append(score(test.labels, coding.decode(outputs)).metrics)
    units = {name: entry["unit"] for metrics in measured for name, entry in metrics.items()}
    metrics = {
        name: {"values": [each[name]["value"] if name in each else None for each in measured], "unit": unit}
        for name, unit in units.items()
    }
    notes = [f"{len(too_few)} of {len(subsets)} fits had too few labels: {too_few[0]}"] if too_few else []
    return {"metrics": metrics, "notes": notes}

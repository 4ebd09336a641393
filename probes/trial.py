"""Trial of a head or metric on a few faces with random features, so that one that cannot work is refused at once."""

import json
import sys
from collections.abc import Callable
from traceback import extract_tb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugins import first_line

from .coding import coding_for
from .errors import ProbeError
from .head import Head, Split
from .metric import Measured, Metric
from .probe import outputs_of
from .scores import score
from .target import CATEGORICAL, KINDS, Labels, take

FACES, DIM = 40, 6


def try_head(head: Head) -> None:
    """Fits a head on a small problem of each kind of target.

    Raises:
        ProbeError: it fails, gives outputs of another shape or that are not finite, judges a face by the others beside
            it, or says what cannot be written as JSON.
    """
    for kind in KINDS:
        _guarded(head, f"head {head.name}, tried on {kind}", lambda kind=kind: _try_head(head, kind))  # type: ignore[misc]


def try_metric(metric: Metric) -> None:
    """Computes a metric on a small problem of each kind of target it applies to.

    Raises:
        ProbeError: it fails, or does not give what `Metric` says.
    """
    for kind in metric.kinds:
        _guarded(metric, f"metric {metric.name}, tried on {kind}", lambda kind=kind: _try_metric(metric, kind))  # type: ignore[misc]


def example(kind: str) -> Labels:
    """Random labels of `FACES` faces, the first of which cover all classes."""
    rng = np.random.default_rng(0)
    all_known = np.ones(FACES, np.bool_)
    match kind:
        case "landmarks":
            points = rng.uniform(0.2, 0.8, (FACES, 5, 2)).astype(np.float32)
            return Labels(kind, points, all_known, tuple("01234"), (0, 1))
        case "pose":
            angles = (20 * rng.normal(size=(FACES, 3))).astype(np.float32)
            return Labels(kind, angles, all_known, ("roll", "pitch", "yaw"))
        case "classes" | "identity":
            return Labels(kind, np.arange(FACES) % 3, all_known, ("neutral", "happy", "sad"))
        case "aus":
            on = (np.arange(FACES)[:, None] // np.array([1, 2]) % 2).astype(np.float32)
            known = np.ones((FACES, 2), np.bool_)
            known[10] = [True, False]
            return Labels(kind, on, known, ("AU1", "AU2"))
        case "regression":
            known = rng.random((FACES, 2)) < 0.8
            known[:, 0] = True
            return Labels(kind, rng.normal(size=(FACES, 2)).astype(np.float32), known, ("valence", "age"))
    raise ProbeError(f"no trial for targets of kind {kind!r}")


def _try_head(head: Head, kind: str) -> None:
    labels = example(kind)
    features = np.random.default_rng(1).normal(size=(1, FACES, DIM)).astype(np.float32)
    rows = np.split(np.arange(FACES), [FACES // 2, 3 * FACES // 4])
    train, val, test = (Split(features[:, each], take(labels, each)) for each in rows)
    coding = coding_for(train.labels)
    fitted = head.fit_runs(train, val, coding, 0)[0]
    outputs = outputs_of(head, fitted, test.features[0], coding)
    if not np.isfinite(outputs).all():
        raise ProbeError("its outputs are not finite")
    if not np.allclose(outputs_of(head, fitted, test.features[0, :3], coding), outputs[:3], rtol=1e-3, atol=1e-4):
        raise ProbeError("its outputs for a face depend on the other faces beside it")
    for name, content in (("choice", fitted.choice), ("protocol", fitted.protocol)):
        _check_json(name, dict(content))


def _try_metric(metric: Metric, kind: str) -> None:
    labels = example(kind)
    group = np.where(np.arange(FACES) % 2, "one", "other")
    measured = metric.measure(labels, random_predictions(labels))
    if not isinstance(measured, Measured):
        raise ProbeError(f"`measure` gives {type(measured).__name__}, not Measured")
    if metric.name not in measured.values:
        raise ProbeError(f"`measure` gives {', '.join(measured.values) or 'nothing'}, and no {metric.name}")
    units = np.arange(FACES) // 5
    _check_json("measure", score(labels, random_predictions(labels), group, [metric], units).metrics)


def random_predictions(labels: Labels) -> NDArray[np.float32]:
    """Random predictions in the form in which heads give them."""
    rng = np.random.default_rng(2)
    if labels.kind in CATEGORICAL:
        return rng.dirichlet(np.ones(len(labels.names)), FACES).astype(np.float32)
    if labels.kind == "aus":
        return rng.uniform(size=labels.values.shape).astype(np.float32)
    return (labels.values + rng.normal(size=labels.values.shape)).astype(np.float32)


def _check_json(name: str, content: dict[str, Any]) -> None:
    try:
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ProbeError(f"`{name}` cannot be written as JSON ({error}); use int, float, str and lists") from error


def _guarded(tried: Head | Metric, what: str, attempt: Callable[[], None]) -> None:
    """Names the head or metric in whatever its code raises, with the line of its file."""
    try:
        attempt()
    except KeyboardInterrupt:
        raise
    except ProbeError as error:
        raise ProbeError(f"{what}: {error}") from error
    except BaseException as error:  # SystemExit, too, would end the command
        file = sys.modules[type(tried).__module__].__file__
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == file]
        where = f" ({file}, line {lines[-1]})" if lines else ""
        raise ProbeError(f"{what}{where}: {first_line(error)}") from error

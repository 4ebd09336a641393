"""Registries of heads and metrics: built-in ones, those of installed packages, and those in a user's own file.

Importing this imports none of them::

    @register_head("linear", version=1)
    class Linear(Head): ...

    @register_metric("mae", version=1)
    class PoseError(Metric): ...
"""

from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugins import Registry

from .errors import ProbeError

if TYPE_CHECKING:
    from .head import Head
    from .metric import Metric


def _check_head(head: Any, where: str) -> None:
    from .head import Head

    if not (isinstance(head, type) and issubclass(head, Head)):
        raise ProbeError(f"{where} is registered as a head; make it a subclass of probes.head.Head")
    if not isinstance(getattr(head, "title", None), str):
        raise ProbeError(f"{where} has no title; set title = 'what it is', a few words for captions of tables")
    if head.fit is Head.fit and head.fit_runs is Head.fit_runs:
        raise ProbeError(f"{where} has no `fit`; define fit(self, train, val, coding, seed)")
    _check_options(head.Options, where)


def _check_options(options: Any, where: str) -> None:
    if not is_dataclass(options):
        raise ProbeError(f"{where}: Options must be a dataclass, not {options!r}")
    try:
        options()  # type: ignore[operator]
    except TypeError as error:
        raise ProbeError(f"{where}: every field of Options needs a default ({error})") from error


def _check_metric(metric: Any, where: str) -> None:
    from .metric import HIGHER, LOWER, Metric
    from .target import KINDS

    if not (isinstance(metric, type) and issubclass(metric, Metric)):
        raise ProbeError(f"{where} is registered as a metric; make it a subclass of probes.metric.Metric")
    kinds = getattr(metric, "kinds", None)
    if not isinstance(kinds, tuple) or not kinds or not {*kinds} <= {*KINDS}:
        raise ProbeError(f"{where}: kinds={kinds!r} must be a tuple of kinds of target: {', '.join(KINDS)}")
    if not isinstance(getattr(metric, "unit", None), str):
        raise ProbeError(f"{where} has no unit; set unit = 'deg', say")
    if getattr(metric, "better", None) not in (LOWER, HIGHER):
        raise ProbeError(f"{where}: set better = LOWER or HIGHER, of probes.metric")
    if not isinstance(metric.digits, int) or not 0 <= metric.digits <= 9:
        raise ProbeError(f"{where}: digits={metric.digits!r} must be 0 to 9")
    if metric.per_image is Metric.per_image and metric.measure is Metric.measure:
        raise ProbeError(f"{where} has neither `per_image` nor `measure`; define one of them")


HEADS: "Registry[type[Head]]" = Registry(
    "head",
    folder=Path(__file__).parent / "heads",
    package="probes.heads",
    group="fabbench.heads",
    check=_check_head,
    decorator="register_head",
    error=ProbeError,
)
METRICS: "Registry[type[Metric]]" = Registry(
    "metric",
    folder=Path(__file__).parent / "metrics",
    package="probes.metrics",
    group="fabbench.metrics",
    check=_check_metric,
    decorator="register_metric",
    error=ProbeError,
)
register_head = HEADS.register
"""Decorator ``@register_head(NAME, version=N)`` of a `Head`."""
register_metric = METRICS.register
"""Decorator ``@register_metric(NAME, version=N)`` of a `Metric`."""

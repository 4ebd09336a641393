"""Heads and metrics of a configuration: found by name or in a user's file, tried, and identified in results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.schema import DRAWS, ProbeConfig
from benchmark.errors import UsageError, suggestion
from plugins import Registry, split_target
from probes.errors import ProbeError
from probes.registry import HEADS, METRICS

if TYPE_CHECKING:
    from probes.head import Head


@dataclass(frozen=True)
class ProbePart:
    """A head or metric.

    Attributes:
        target: by which its registry finds it: its name, or the absolute path of a file.
        name: in records and tables.
        version: of what it computes.
        code: hash of its file, for one given by path or module.
    """

    target: str
    name: str
    version: int
    code: str | None

    @property
    def identity(self) -> Any:
        """What results depend on: the name alone, for a first version that is known by name."""
        return self.name if self.code is None and self.version == 1 else [self.name, self.version, self.code]


@dataclass(frozen=True)
class ProbeParts:
    """The heads and metrics of a benchmark, and the options of heads that are not the defaults."""

    heads: list[ProbePart]
    metrics: list[ProbePart]
    options: dict[str, dict[str, Any]]


def check_probe(config: ProbeConfig) -> None:
    """Refuses heads and metrics that do not exist, without importing those that are known by name.

    Raises:
        UsageError: one is unknown, named twice, or in a file that cannot be loaded; or the table's is not among them.
    """
    if not config.heads:
        raise UsageError("probe.heads is empty: name at least one")
    heads = _names("heads", config.heads, HEADS)
    _names("metrics", config.metrics, METRICS)
    if config.table_head not in heads:
        raise UsageError(f"unknown probe.table_head={config.table_head}{suggestion(config.table_head, heads)}")
    for name in config.options:
        if name not in heads:
            raise UsageError(f"probe.options.{name}: no such head in probe.heads{suggestion(name, heads)}")
    _check_labels(config)


def _check_labels(config: ProbeConfig) -> None:
    """Refuses fractions of labels that are not in ascending order or not few, and draws of none.

    Raises:
        UsageError: they are.
    """
    if config.labels != sorted(set(config.labels)):
        in_order = ",".join(f"{fraction:g}" for fraction in sorted(set(config.labels)))
        raise UsageError(f"probe.labels must ascend without repetition; write probe.labels=[{in_order}]")
    if config.labels and not config.few_shot:
        raise UsageError("probe.labels=[1.0] is what is always scored; add a fraction below 1, or leave it out")
    if not config.labels and config.draws != DRAWS:
        raise UsageError(f"probe.draws={config.draws} draws nothing without probe.labels; add probe.labels=[0.01,0.1]")


def resolve_probe(config: ProbeConfig) -> ProbeParts:
    """The heads and metrics, imported; those given by path or module are tried on a few random faces.

    Raises:
        UsageError: one is broken or does not do what it should, or an option of a head is wrong.
    """
    from probes.probe import head_of
    from probes.trial import try_head, try_metric

    try:
        heads = [head_of(target, config.options) for target in config.heads]
        metrics = [METRICS.get(target)() for target in config.metrics]
        parts = ProbeParts(
            [_part(target, head, HEADS) for target, head in zip(config.heads, heads, strict=True)],
            [_part(target, metric, METRICS) for target, metric in zip(config.metrics, metrics, strict=True)],
            _own_options(heads),
        )
        if config.refit and (unable := [head.name for head in heads if not head.can_refit]):
            raise UsageError(f"probe.refit=true: head {unable[0]} defines no refit; leave it out of probe.heads")
        for part, head in zip(parts.heads, heads, strict=True):
            if part.code is not None:
                try_head(head)
        for part, metric in zip(parts.metrics, metrics, strict=True):
            if part.code is not None:
                try_metric(metric)
    except ProbeError as error:
        raise UsageError(f"probe: {error}") from error
    return parts


def _names(key: str, targets: Sequence[str], registry: Registry[Any]) -> list[str]:
    """The names of heads or metrics.

    Raises:
        UsageError: one is unknown or broken, or named twice.
    """
    names = []
    for index, target in enumerate(targets):
        if target in registry.names():
            names.append(target)
        elif target.endswith(".py") or ":" in target:
            try:
                names.append(registry.get(target).name)
            except ProbeError as error:
                raise UsageError(f"probe.{key}[{index}]: {error}") from error
        else:
            raise UsageError(f"unknown probe.{key}[{index}]={target}{suggestion(target, registry.names())}")
    if len(set(names)) < len(names):
        raise UsageError(f"probe.{key}: {', '.join(names)} names one twice")
    return names


def _part(target: str, found: Any, registry: Registry[Any]) -> ProbePart:
    source, name = split_target(target)
    if isinstance(source, Path):  # jobs may start in another folder
        target = f"{source.resolve()}:{name}" if name else str(source.resolve())
    return ProbePart(target, found.name, found.version, registry.code(target))


def _own_options(heads: "Sequence[Head]") -> dict[str, dict[str, Any]]:
    """Options that are not the defaults, by head."""
    return {head.name: own for head in heads if (own := head.own_options())}

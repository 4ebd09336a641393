"""`fabbench probes`: list the heads and metrics that embeddings are probed with."""

from argparse import ArgumentParser, Namespace
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config
    from plugins import Registry

NAME = "probes"
SUMMARY = "list the heads and metrics that embeddings are probed with"
EXAMPLES = """
  fabbench probes
  fabbench probes probe.heads=[exact,./mine.py] probe.metrics=[./score.py]    with your own
"""
WORDS = ""
SETTINGS = ("probe",)
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    from probes.registry import HEADS, METRICS
    from probes.scores import HEADLINE, STANDARD

    print("heads (* in probe.heads; options as probe.options.NAME.KEY=VALUE):")
    for name, head in _found(HEADS, config.probe.heads).items():
        mark = "*" if name in config.probe.heads else " "
        print(f" {mark}{name:<22} {_summary(head)}")
        for key, value in vars(head.Options()).items():
            print(f"     {key}={list(value) if isinstance(value, tuple) else value}")
    print("metrics (further ones by probe.metrics; * always computed, ** chooses on val, too):")
    for name, metric in _found(METRICS, config.probe.metrics).items():
        standard = [kind for kind in metric.kinds if name in STANDARD[kind]]
        selects = [kind for kind in standard if HEADLINE[kind][0] == name]
        mark = "**" if selects else "*" if standard else ""
        print(f"{mark:>2}{name:<22} {_summary(metric)}  [{', '.join(metric.kinds)}; {metric.unit}]")
    return 0


def _found(registry: "Registry[Any]", chosen: list[str]) -> dict[str, Any]:
    """The classes by name, and those that are chosen by a path or module.

    Raises:
        UsageError: one cannot be loaded.
    """
    from probes.errors import ProbeError

    try:
        own = {target: registry.get(target) for target in chosen if target.endswith(".py") or ":" in target}
        names = [name for name in registry.names() if name not in {cls.name for cls in own.values()}]
        return {**{name: registry.get(name) for name in names}, **own}
    except ProbeError as error:
        raise UsageError(str(error)) from error


def _summary(described: Any) -> str:
    """The first line of a class's docstring; without one, the title that heads have."""
    return cleandoc(described.__doc__ or getattr(described, "title", "")).partition("\n")[0]

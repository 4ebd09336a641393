"""Loading: presets, config groups and settings become one validated `Config`; and printing it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from benchmark.config.checks import check
from benchmark.config.compose import compose_config
from benchmark.config.schema import AugmentConfig, Config, TrainConfig, VariantConfig, is_target, row_name
from benchmark.config.validation import validate
from benchmark.errors import UsageError
from benchmark.layout import CONFIG
from slurm.resources import Resources

Group = TypeVar("Group", AugmentConfig, TrainConfig, Resources)


def load(overrides: Iterable[str] = (), config_dir: str | None = None) -> Config:
    """The configuration described by settings in Hydra's grammar: ``key=value``, ``+key=value``, ``~key``.

    ``preset``, ``data`` and ``launcher`` choose a file of their group; ``preset`` also takes the path of a YAML file
    of your own. Everything else sets one key. Every method named has an entry in ``variants`` afterwards.

    Args:
        overrides: the settings; the last one of a key counts.
        config_dir: a folder with groups of your own, such as ``preset/mine.yaml``, besides those shipped.

    Raises:
        UsageError: an unknown key or choice, a value of the wrong type or out of range, keys that do not fit together.
    """
    config = validate(compose_config(overrides, config_dir))
    _apply_settings_of_method_files(config)
    weights = imported(config)
    _set_absent(config, weights)
    for name in config.methods:
        default = weights.get(name) or VariantConfig(method=name, train=config.train, augment=config.augment)
        config.variants.setdefault(name, default)
    check(config)
    return config


def _set_absent(config: Config, weights: Mapping[str, VariantConfig]) -> None:
    """Turns rows ``NAME?`` into rows where weights of that name are imported, and into absent ones where not."""
    optional = [name.removesuffix("?") for name in config.methods if name.endswith("?")]
    config.absent[:] = [name for name in optional if name not in weights]
    rows = [name.removesuffix("?") for name in config.methods]
    config.methods[:] = [name for name in rows if name not in config.absent]


def _apply_settings_of_method_files(config: Config) -> None:
    """Lets variants refer to a method file among the rows by its name: ``variants.mine`` of ``methods=./mine.py``.

    Raises:
        UsageError: a variant of that name has another method.
    """
    files = {row_name(name): name for name in config.methods if is_target(name)}
    for name, variant in config.variants.items():
        if variant.method in files:
            config.variants[name] = replace(variant, method=files[variant.method])
    for row in files.keys() & config.variants.keys():
        variant = config.variants.pop(row)
        if variant.method != files[row]:
            raise UsageError(f"methods: {files[row]} is called {row}, as is the variant {row} of {variant.method}")
        config.variants[files[row]] = variant


def imported(config: Config) -> dict[str, VariantConfig]:
    """A variant for each set of weights written by `fabbench import`, by name."""
    folders = [path.parent for path in sorted(Path(config.imported).glob(f"*/{CONFIG}"))]
    return {
        folder.name: VariantConfig(weights=str(folder), train=config.train, augment=config.augment)
        for folder in folders
    }


def plain(config: Config) -> dict[str, Any]:
    """The configuration as plain values that load to the same again.

    What variants take over from ``train`` and ``augment``, and stages from ``launcher.job``, is left out, so that a
    setting of those still applies to them when the result is used as a preset.
    """
    values = asdict(config)
    values["methods"] = [*config.methods, *(f"{name}?" for name in config.absent)]
    del values["absent"]
    for name, variant in config.variants.items():
        values["variants"][name]["train"] = differences(variant.train, config.train)
        values["variants"][name]["augment"] = differences(variant.augment, config.augment)
    for stage, resources in config.launcher.resources.items():
        values["launcher"][stage] = differences(resources, config.launcher.job)
    return values


def differences(config: Group, base: Group) -> dict[str, Any]:
    """The keys of ``config`` whose values are not those of ``base``."""
    default = asdict(base)
    return {key: value for key, value in asdict(config).items() if value != default[key]}


def to_yaml(config: Config) -> str:
    """The resolved config as YAML."""
    return yaml.safe_dump(plain(config), sort_keys=False)

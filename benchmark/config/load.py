"""Presets, config groups and `key=value` overrides become one typed, checked config."""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose, initialize_config_module
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.config.checks import check
from benchmark.config.schema import DATA_KINDS, STAGES, Config, TrainConfig, VariantConfig
from benchmark.errors import UsageError, first_line, suggestion
from benchmark.layout import CONFIG
from slurm.resources import Resources

GROUPS = ("preset", "data", "launcher")
LISTS = ("methods", "tasks", "seeds")


def load(overrides: Iterable[str] = ()) -> Config:
    """The config that ``key=value`` overrides describe.

    ``preset``, ``data`` and ``launcher`` choose a file of their group; ``preset`` may also be the path of a
    YAML file of one's own, merged over the default preset. Everything else sets one key.

    Raises:
        UsageError: an unknown key or choice, a value of the wrong type, a key that needs a value.
    """
    pairs = [_split(item) for item in overrides]
    chosen = {key: value for key, value in pairs if key in GROUPS}
    own_preset = _own_preset(chosen)
    with initialize_config_module("benchmark.conf", version_base="1.3"):
        try:
            choices = [f"{group}={_choice(group, value)}" for group, value in chosen.items()]
            every = [f"{group}=[{','.join(group_names(group))}]" for group in ("task", "variant")]
            composed = compose("config", overrides=[*choices, *every])
        except HydraException as error:
            raise UsageError(first_line(error)) from error
    OmegaConf.set_struct(composed, False)
    try:
        merged = OmegaConf.merge(composed, own_preset or {})
    except OmegaConfBaseException as error:
        raise UsageError(f"{dict(pairs)['preset']}: a list stands where keys belong") from error
    for key, text in pairs:
        if key not in GROUPS:
            _set(merged, key, parse_value(key, text))
    return _typed(cast(dict[str, Any], OmegaConf.to_container(merged, resolve=False)))


def group_names(group: str) -> list[str]:
    """The choices of one config group, from the files shipped."""
    folder = resources.files("benchmark.conf").joinpath(group)
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".yaml"))


def imported(folder: str) -> dict[str, VariantConfig]:
    """A variant for each set of weights that `fabbench import` put into a folder, by name."""
    return {
        path.parent.name: VariantConfig(weights=str(path.parent)) for path in sorted(Path(folder).glob(f"*/{CONFIG}"))
    }


def plain(config: Any) -> dict[str, Any]:
    """A dataclass config as plain dictionaries."""
    return {
        item.name: plain(value) if is_dataclass(value) else _plain_value(value)
        for item in fields(config)
        for value in [getattr(config, item.name)]
    }


def to_yaml(config: Config) -> str:
    """The resolved config as YAML."""
    return yaml.safe_dump(plain(config), sort_keys=False)


def _plain_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) if is_dataclass(item) else item for key, item in value.items()}
    return value


def _split(item: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals:
        raise UsageError(f"expected key=value, got {item!r}")
    return key.strip(), value


def _choice(group: str, value: str) -> str:
    names = group_names(group)
    if value not in names:
        raise UsageError(f"unknown {group} {value!r}{suggestion(value, names)}")
    return value


def _own_preset(chosen: dict[str, str]) -> DictConfig | None:
    """A preset given as a file path, removed from ``chosen``; the groups it names are added to it."""
    path = chosen.get("preset", "")
    if not path.endswith((".yaml", ".yml")):
        return None
    if not Path(path).is_file():
        raise UsageError(f"no such preset file: {path}")
    try:
        content = OmegaConf.load(path)
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not readable YAML: {first_line(error)}") from error
    if not isinstance(content, DictConfig):
        raise UsageError(f"{path} must hold `key: value` lines")
    for group, name in _overridden(path, content.pop("defaults", None)).items():
        chosen.setdefault(group, name)
    for group in ("data", "launcher"):
        if isinstance(content.get(group), str):
            chosen.setdefault(group, content.pop(group))
    chosen.pop("preset")
    content.setdefault("name", Path(path).stem)
    content.preset = path
    return content


def _overridden(path: str, defaults: Any) -> dict[str, str]:
    """The groups that a copy of a shipped preset chooses in Hydra's way, by `- override /data: joined`."""
    found = {}
    listed = cast(list[Any], OmegaConf.to_container(defaults)) if OmegaConf.is_list(defaults) else [defaults]
    for entry in listed if defaults is not None else []:
        items = list(entry.items()) if isinstance(entry, dict) else []
        if len(items) != 1 or items[0][0] not in ("override /data", "override /launcher"):
            raise UsageError(f"{path}: defaults can hold `- override /data: NAME` or /launcher, not {entry!r}")
        found[items[0][0].partition("/")[2]] = str(items[0][1])
    return found


def _set(config: Any, key: str, value: Any) -> None:
    try:
        OmegaConf.update(config, key, value, force_add=True)
    except (OmegaConfBaseException, ValueError) as error:
        raise UsageError(f"{key} cannot be set: {first_line(error)}") from error


def parse_value(key: str, text: str) -> Any:
    """What a setting's text means: YAML, with lists also as words between commas.

    Raises:
        UsageError: it is not YAML.
    """
    if key in LISTS and not text.strip().startswith("["):
        text = text if key == "seeds" and "," not in text else f"[{text}]"
    try:
        value = yaml.load(text, Loader=_Numbers) if text else None
    except yaml.YAMLError as error:
        raise UsageError(f"{key}: {text!r} is not a value: {first_line(error)}") from error
    as_written = isinstance(value, str | dict) and not text.lstrip().startswith(("{", "'", '"'))
    return text if as_written else value  # not YAML, for which "a: b" is a dictionary and " #" a comment


class _Numbers(yaml.SafeLoader):
    """YAML that also reads 1e-3 as a number."""


_Numbers.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _typed(values: dict[str, Any]) -> Config:
    """Values put through the schema: every key known, every value of its type."""
    if values.get("root") == "???":
        raise UsageError(f"preset {values.get('preset')} needs root=DIR, the folder its data lie in")
    _check_dictionaries(values)
    data = values.get("data") or {}
    kind = data.get("kind", "synthetic")
    if kind not in DATA_KINDS:
        raise UsageError(f"unknown data kind {kind!r}{suggestion(str(kind), DATA_KINDS)}")
    for name, variant in (values.get("variants") or {}).items():
        _check_keys(VariantConfig, variant, f"variants.{name}.")
        variant.setdefault("method", name)
    own_data = _schema(DATA_KINDS[kind], _resolved(values, "data"), "data.")
    config: Config = _schema(Config, {**values, "data": plain(own_data)}, "")
    config.data = own_data
    config.seeds = _seeds(config.seeds)
    own = imported(config.imported)
    for name in config.methods:
        config.variants.setdefault(name, own.get(name) or VariantConfig(method=name))
    jobs = {name: stage_resources(config, name) for name in ("job", *STAGES)}  # what all share first: it is named there
    check(config, {name: variant_train(config, name) for name in config.variants}, jobs)
    return config


def _check_dictionaries(values: dict[str, Any]) -> None:
    """Refuses a single value where a group of keys belongs."""
    for group in ("data", "variants", "sets", "task"):
        entries = {group: values.get(group) or {}}
        if group != "data" and isinstance(entries[group], dict):
            entries |= {f"{group}.{name}": entry for name, entry in entries[group].items()}
        for key, entry in entries.items():
            if not isinstance(entry, dict):
                raise UsageError(f"{key} holds keys of its own, not the value {entry!r}")


def _resolved(values: dict[str, Any], group: str) -> Any:
    """One group with its references to top-level keys, such as ${root}, filled in."""
    top = {"root": None} | {key: value for key, value in values.items() if key in ("root", "cache", "out", "name")}
    try:
        whole = OmegaConf.create({**top, group: values.get(group) or {}})
        return cast(dict[str, Any], OmegaConf.to_container(whole, resolve=True))[group]
    except OmegaConfBaseException as error:
        raise UsageError(f"{error.full_key or group}: {first_line(error)}") from error


def variant_train(config: Config, name: str) -> TrainConfig:
    """The training settings of one variant: the benchmark's, with its own exceptions."""
    own = config.variants[name].train
    return _schema(TrainConfig, {**plain(config.train), **own}, f"variants.{name}.train.")


def stage_resources(config: Config, stage: str) -> Resources:
    """What the jobs of a stage ask a cluster for.

    Raises:
        UsageError: an unknown key, or a value of the wrong type.
    """
    own = getattr(config.launcher, stage)
    return _schema(Resources, {**config.launcher.job, **own}, f"launcher.{stage}.")


def _schema(schema: type, values: dict[str, Any], prefix: str) -> Any:
    _check_keys(schema, values, prefix)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(schema), values)
        return OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        where = f"{prefix}{error.full_key}" if error.full_key else prefix.rstrip(".") or "configuration"
        message = (error.msg or str(error)).splitlines()[0]
        raise UsageError(f"{where}: {message}") from error


def _check_keys(schema: type, values: dict[str, Any], prefix: str) -> None:
    known = {item.name: item for item in fields(schema)}
    for key, value in values.items():
        if key not in known:
            near = [f"{prefix}{name}" for name in known]
            raise UsageError(f"unknown key {prefix}{key!s}{suggestion(f'{prefix}{key}', near)}")
        default = known[key].default_factory
        if isinstance(default, type) and is_dataclass(default):
            if not isinstance(value, dict):
                raise UsageError(
                    f"{prefix}{key} holds keys of its own, such as {prefix}{key}.{fields(default)[0].name}="
                )
            _check_keys(default, value, f"{prefix}{key}.")
        if known[key].type == list[str] and not all(isinstance(name, str | int) for name in _members(value)):
            raise UsageError(f"{prefix}{key} is a list of names, not {value!r}")


def _members(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _seeds(value: Any) -> list[int]:
    seeds = list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int and 0 <= seed < 2**63 for seed in seeds):
        raise UsageError(f"seeds: give a number of seeds or a list such as [0,1,2], not {value!r}")
    if len(set(seeds)) < len(seeds):
        raise UsageError(f"seeds: {value!r} names a seed twice")
    return seeds

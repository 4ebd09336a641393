"""Presets, config groups and settings composed by Hydra into one plain dictionary."""

import re
from collections.abc import Iterable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.config.data import DATA_KINDS, RENAMED, SyntheticData
from benchmark.config.overrides import parse
from benchmark.config.schema import Config
from benchmark.errors import UsageError, first_line, suggestion

GROUPS = ("preset", "data", "launcher")  # a setting chooses one file
WHOLE_GROUPS = {"task": "tasks", "variant": "methods"}  # all files are read; the setting that chooses among them
FILE_PRESET = "preset_file"  # what a preset given by its path is called in the group


def compose_config(words: Iterable[str], config_dir: str | None = None) -> dict[str, Any]:
    """The configuration as plain values, interpolations resolved.

    Args:
        words: settings as typed, `key=value`; see `overrides.parse`.
        config_dir: a folder with groups of your own, such as ``preset/mine.yaml``, besides those shipped.

    Raises:
        UsageError: an unknown choice, an unreadable file, or a setting that cannot be applied.
    """
    if config_dir is not None and not Path(config_dir).is_dir():
        raise UsageError(f"--config-dir: no such folder: {config_dir}")
    chosen: dict[str, str] = {}
    overrides: list[str] = []
    for setting in parse(words):
        if setting.key in (*GROUPS, *WHOLE_GROUPS) and not isinstance(setting.value, dict):
            chosen[setting.key] = str(setting.value)
        else:
            overrides.append(str(setting))
    if group := next((group for group in WHOLE_GROUPS if group in chosen), None):
        raise UsageError(f"{group} holds keys of its own; {WHOLE_GROUPS[group]}= chooses among them")
    preset = chosen.get("preset", "")
    if preset.endswith((".yaml", ".yml")):
        _store_preset(preset)
        chosen["preset"] = FILE_PRESET
    for group, name in chosen.items():
        if name not in (FILE_PRESET, *group_names(group, config_dir)):
            raise UsageError(_unknown(group, name, config_dir))
        overrides.append(f"{group}={name}")
    overrides += [f"{group}=[{','.join(group_names(group, config_dir))}]" for group in WHOLE_GROUPS]
    if config_dir is not None:
        overrides.append(f"hydra.searchpath=['file://{Path(config_dir).absolute()}']")
    try:
        with initialize_config_module("benchmark.conf", version_base="1.3"):
            composed = compose("config", overrides=overrides)
        if OmegaConf.is_missing(composed, "root"):
            raise UsageError(f"preset {composed.get('preset')} needs root=DIR, the folder its data lie in")
        complete = OmegaConf.merge(_defaults(composed), composed)
        return cast(dict[str, Any], OmegaConf.to_container(complete, resolve=True))
    except (HydraException, OmegaConfBaseException, ValueError, yaml.YAMLError) as error:
        raise UsageError(_explanation(error, preset, config_dir)) from error


def group_names(group: str, config_dir: str | None = None) -> list[str]:
    """The choices of one config group: the files shipped, and those in a folder of the user's."""
    folders = [resources.files("benchmark.conf").joinpath(group)]
    if config_dir is not None and Path(config_dir, group).is_dir():
        folders.append(Path(config_dir, group))
    return sorted({item.name[:-5] for folder in folders for item in folder.iterdir() if item.name.endswith(".yaml")})


def _unknown(group: str, name: str, config_dir: str | None) -> str:
    renamed = f"; it is called {RENAMED[name]!r} now" if name in RENAMED else ""
    return f"unknown {group} {name!r}{renamed or suggestion(name, group_names(group, config_dir))}"


def _store_preset(path: str) -> None:
    """Enters a preset given by its path into the group `preset`.

    Its base is the preset ``default`` unless its ``defaults`` list names another. It may choose `data` and `launcher`
    by name, ``data: videos``, as well as by ``override /data: videos`` in that list.

    Raises:
        UsageError: the file is missing, is not YAML or holds no keys.
    """
    if not Path(path).is_file():
        raise UsageError(f"no such preset file: {path}")
    try:
        content = OmegaConf.load(path)
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not readable YAML: {first_line(error)}") from error
    if not isinstance(content, DictConfig):
        raise UsageError(f"{path} must hold `key: value` lines")
    content.setdefault("defaults", [])
    defaults = content.defaults
    if not isinstance(defaults, ListConfig):
        raise UsageError(f"{path}: defaults must be a list, such as [default, override /data: videos]")
    if not any(isinstance(entry, str) and entry != "_self_" for entry in defaults):
        defaults.insert(0, "default")
    for group in ("data", "launcher"):
        if isinstance(content.get(group), str):
            defaults.append({f"override /{group}": content.pop(group)})
    content.setdefault("name", Path(path).stem)
    content.preset = path
    ConfigStore.instance().store(FILE_PRESET, content, group="preset", package="_global_")


def _defaults(composed: DictConfig) -> dict[str, Any]:
    """The defaults that interpolations such as ``${data.size}`` may refer to."""
    config = Config()
    groups = {name: asdict(getattr(config, name)) for name in ("encoder", "augment", "train", "probe")}
    if not isinstance(composed.data, DictConfig):
        raise UsageError(f"data holds keys of its own, not the value {composed.data!r}")
    kind = DATA_KINDS.get(composed.data.get("kind"), SyntheticData)  # an unknown one is refused by the schema
    data = {"name": kind.name, "size": kind.size}
    return {"out": config.out, "cache": config.cache, "name": config.name, "root": None, "data": data, **groups}


def _explanation(error: Exception, preset: str, config_dir: str | None) -> str:
    """One line on what Hydra or OmegaConf refused."""
    where = f"{preset}: " if preset.endswith((".yaml", ".yml")) else ""
    if absent := re.search(r"Could not (?:find|load) '(\w+)/([^']+)'", str(error)):
        return where + _unknown(absent[1], absent[2], config_dir)
    if "Cannot merge DictConfig with ListConfig" in str(error):
        return f"{where}a list stands where keys belong"
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return f"{error.full_key}: {first_line(error)}"
    return where + re.sub(rf"^In '?(config|preset/{FILE_PRESET})'?: ", "", first_line(error))

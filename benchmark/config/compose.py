"""Composition by Hydra: presets, config groups and settings become one plain dictionary."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.config.data import DATA_KINDS, SyntheticData
from benchmark.config.overrides import Setting, parse, quote
from benchmark.config.own import SETS, SOURCES, is_own
from benchmark.config.schema import Config
from benchmark.config.sets import SET_KINDS
from benchmark.config.validation import nearest
from benchmark.errors import UsageError, first_line
from plugins import PluginError

GROUPS = ("preset", "data", "launcher")  # a setting chooses one file
WHOLE_GROUPS = {"task": "tasks", "variant": "methods"}  # all files are read; the setting that chooses among their keys
OWN_PRESET = "own_preset"  # name in the group of a preset that is a file of the user's
OWN_SOURCE = "own_source"  # likewise, of a source of tracks


def compose_config(words: Iterable[str], config_dir: str | None = None) -> dict[str, Any]:
    """The configuration as plain values, interpolations resolved.

    Args:
        words: settings as typed, `key=value`; see `overrides.parse`.
        config_dir: a folder with files of your own for the config groups, such as ``preset/mine.yaml``.

    Raises:
        UsageError: an unknown choice, an unreadable file, or a setting that cannot be applied.
    """
    if config_dir is not None:
        _check_config_dir(config_dir)
    settings = parse(words)
    choices = {setting.key: str(setting.value) for setting in settings if _is_choice(setting)}
    own_preset = _find_own_preset(choices.get("preset", ""), config_dir)
    if own_preset is not None:
        _store_preset(own_preset)
        choices["preset"] = OWN_PRESET
    if _is_own_source(source := choices.get("data", "")):
        choices["data"] = _store_source(source)
    for group, name in choices.items():
        if name not in (OWN_PRESET, OWN_SOURCE) and name not in group_names(group, config_dir):
            raise UsageError(_unknown_choice(group, name, config_dir))
    overrides = [f"{group}={name}" for group, name in choices.items()]
    overrides += [f"{group}=[{','.join(group_names(group, config_dir))}]" for group in WHOLE_GROUPS]
    overrides += [str(setting) for setting in settings if not _is_choice(setting)]
    if config_dir is not None:
        overrides.append(f"hydra.searchpath=[{quote(f'file://{Path(config_dir).absolute()}')}]")
    try:
        return _compose(overrides)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise UsageError(_message(error, own_preset, config_dir)) from error
    except RecursionError as error:
        raise UsageError(f"preset {own_preset or choices.get('preset')}: its defaults lead back to itself") from error


def group_names(group: str, config_dir: str | None = None) -> list[str]:
    """The files of a config group, shipped or in a folder of the user's, without their suffix."""
    folders = [resources.files("benchmark.conf").joinpath(group)]
    if config_dir is not None and Path(config_dir, group).is_dir():
        folders.append(Path(config_dir, group))
    files = [file for folder in folders for file in folder.iterdir() if file.name.endswith(".yaml")]
    return sorted({file.name[:-5] for file in files if file.is_file()})


def _check_config_dir(config_dir: str) -> None:
    """Refuses a folder of the user's that is missing, or that has an unreadable file in a group.

    Raises:
        UsageError: naming the folder or the file.
    """
    if not config_dir or not Path(config_dir).is_dir():
        raise UsageError(f"--config-dir: no such folder: {config_dir or '(empty)'}")
    for group in (*GROUPS, *WHOLE_GROUPS):
        for path in sorted(Path(config_dir, group).glob("*.yaml")):
            if path.is_file():
                _read_keys(path)


def _is_choice(setting: Setting) -> bool:
    """Whether a setting chooses a file of a group, rather than sets a key.

    Raises:
        UsageError: it chooses a file of a group whose files are all read.
    """
    if setting.key not in (*GROUPS, *WHOLE_GROUPS) or setting.sign == "~" or isinstance(setting.value, dict):
        return False
    if setting.key in WHOLE_GROUPS:
        raise UsageError(f"{setting.key} holds keys of its own; {WHOLE_GROUPS[setting.key]}= chooses among them")
    return True


def _compose(overrides: Sequence[str]) -> dict[str, Any]:
    with initialize_config_module("benchmark.conf", version_base="1.3"):
        config = compose("config", overrides=list(overrides))
    if not isinstance(config.get("data"), DictConfig):
        raise UsageError(f"data holds keys of its own, not the value {config.get('data')!r}")
    if OmegaConf.is_missing(config, "root"):
        raise UsageError(f"preset {config.get('preset')} needs root=DIR, the folder its data lie in")
    complete = OmegaConf.merge(_defaults(config), config)
    values = cast(dict[str, Any], OmegaConf.to_container(complete, resolve=True))
    _give_sizes(values)
    return values


def _give_sizes(values: dict[str, Any]) -> None:
    """Gives labelled sets of the user's own the size of the pre-training data, unless they have one."""
    sets = values.get("sets")
    for group in sets.values() if isinstance(sets, dict) else ():
        if isinstance(group, dict) and (kind := str(group.get("kind"))) not in SET_KINDS and is_own(kind, SETS):
            group.setdefault("size", values["data"]["size"])


def _defaults(config: DictConfig) -> dict[str, Any]:
    """The schema's defaults that interpolations such as ``${data.size}`` may refer to."""
    default = Config()
    groups = {name: asdict(getattr(default, name)) for name in ("encoder", "augment", "train", "probe")}
    data = _data_defaults(str(config.data.get("kind")))
    return {"out": default.out, "cache": default.cache, "name": default.name, "root": None, "data": data, **groups}


def _data_defaults(kind: str) -> dict[str, Any]:
    """Name and size of pre-training data; an unknown kind is refused by the schema."""
    if kind not in DATA_KINDS and is_own(kind, SOURCES):
        try:
            own = SOURCES.get(kind)
        except PluginError as error:
            raise UsageError(f"data.kind: {error}") from error
        return {"name": own.name, "size": own.size}
    schema = DATA_KINDS.get(kind, SyntheticData)
    return {"name": schema.name, "size": schema.size}


def _find_own_preset(preset: str, config_dir: str | None) -> Path | None:
    """The file of a preset that is a path, or that lies in the user's folder; None for one that is shipped.

    Raises:
        UsageError: a path without a file.
    """
    if preset.endswith((".yaml", ".yml")):
        if not Path(preset).is_file():
            raise UsageError(f"no such preset file: {preset}")
        return Path(preset)
    if config_dir is not None and (path := Path(config_dir, "preset", f"{preset}.yaml")).is_file():
        return path
    return None


def _store_preset(path: Path) -> None:
    """Adds a file of the user's to the group `preset`, as ``OWN_PRESET``.

    Its base is the preset ``default`` unless its ``defaults`` list names another. It may choose `data` and `launcher`
    by name, ``data: videos``, as well as by ``override /data: videos`` in that list. A source of the user's own is
    chosen likewise, or by ``data: {kind: FILE.py, ...}``.

    Raises:
        UsageError: it is not YAML, holds no keys, or its ``defaults`` are no list of presets and overrides.
    """
    content = _read_keys(path)
    defaults = content.setdefault("defaults", [])
    if not isinstance(defaults, list):
        raise UsageError(f"{path}: defaults must be a list, such as [default, override /data: videos]")
    for entry in defaults:
        if isinstance(entry, dict) and (group := next(iter(entry), None)) in GROUPS:
            raise UsageError(f"{path}: defaults: write `override /{group}: {entry[group]}`, not `{group}: ...`")
    if not any(isinstance(entry, str) and entry != "_self_" for entry in defaults):
        defaults.insert(0, "default")
    for group in ("data", "launcher"):
        if isinstance(content.get(group), str):
            defaults.append({f"override /{group}": content.pop(group)})
    overridden = [entry for entry in defaults if isinstance(entry, dict) and "override /data" in entry]
    if not overridden and (choice := _choice_of_kind(content.get("data"))):
        defaults.append({"override /data": choice})
    for entry in defaults:
        if isinstance(entry, dict) and _is_own_source(source := str(entry.get("override /data", ""))):
            entry["override /data"] = _store_source(source)
    content.setdefault("name", path.stem)
    content["preset"] = str(path)
    ConfigStore.instance().store(OWN_PRESET, content, group="preset", package="_global_")


def _choice_of_kind(data: object) -> str | None:
    """The choice of the group `data` that a preset's keys of it ask for by ``kind``, so that the base's has no effect.

    None for built-in faces, of which the base may choose another number.
    """
    kind = str(data.get("kind", "")) if isinstance(data, dict) else ""
    files_read = kind in group_names("data") and kind != SyntheticData.kind
    return kind if files_read or _is_own_source(kind) else None


def _is_own_source(name: str) -> bool:
    """Whether a choice of ``data`` is a source of the user's own, rather than a file of the group."""
    return name not in group_names("data") and is_own(name, SOURCES)


def _store_source(kind: str) -> str:
    """Adds a source of the user's own to the group `data`; returns its name there."""
    ConfigStore.instance().store(OWN_SOURCE, {"kind": kind}, group="data")
    return OWN_SOURCE


def _read_keys(path: Path) -> dict[Any, Any]:
    """The keys and values of a YAML file, interpolations as written.

    Raises:
        UsageError: it is not YAML, or holds no keys.
    """
    try:
        content = OmegaConf.load(path)
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not readable YAML: {_yaml_problem(error)}") from error
    except RecursionError as error:
        raise UsageError(f"{path} is not readable YAML: nested too deeply, or an alias that holds itself") from error
    except OSError as error:
        if error.errno is not None:
            raise
        content = None  # a number, say: OmegaConf raises an OSError without a number
    if not isinstance(content, DictConfig):
        raise UsageError(f"{path} must hold `key: value` lines")
    return cast(dict[Any, Any], OmegaConf.to_container(content, resolve=False))


def _yaml_problem(error: Exception) -> str:
    """Line and cause of a fault in a YAML file."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {first_line(Exception(error.problem or error.context))}"
    return first_line(error)


def _unknown_choice(group: str, name: str, config_dir: str | None) -> str:
    return f"unknown {group} {name!r}{nearest(name, group_names(group, config_dir))}"


def _message(error: Exception, own_preset: Path | None, config_dir: str | None) -> str:
    """One line on what Hydra or OmegaConf refused."""
    where = f"{own_preset}: " if own_preset else ""
    if absent := re.search(r"Could not (?:find|load) '(\w+)/([^']+)'", str(error)):
        return where + _unknown_choice(absent[1], absent[2], config_dir)
    if absent := re.search(r"Could not delete from config\. '(.+)' does not exist", str(error)):
        return f"~{absent[1]}: no preset sets {absent[1]}, so there is nothing to remove; it has its default"
    if setting := re.match(r"Error merging override \+*([^=]+)=(.*)", str(error)):
        mixed = "Cannot merge" in str(error.__cause__)
        reason = "a list cannot replace keys, nor keys a list" if mixed else first_line(error.__cause__ or error)
        return f"{setting[1]}={setting[2]}: {reason}"
    if "Cannot merge DictConfig with ListConfig" in str(error):
        return f"{where}a list stands where keys belong"
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        return f"{error.full_key}: {first_line(error)}"
    return where + re.sub(rf"^In '?(config|preset/{OWN_PRESET})'?: ", "", first_line(error))

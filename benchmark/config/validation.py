"""Validation of plain values against the schema, with one-line messages that name the key."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from benchmark.config.base import check_keys
from benchmark.config.data import DATA_KINDS, RENAMED
from benchmark.config.own import SETS, SOURCES, is_own
from benchmark.config.schema import Config
from benchmark.config.sets import SET_KINDS
from benchmark.errors import UsageError, suggestion
from plugins import PluginError, Registry

NO_SWEEPS = "there are no sweeps; give several seeds= and methods=, or compare settings as variants"
_CONFIG = TypeAdapter(Config)
JSON_TYPES = (str, int, float, bool, list, dict, type(None))


def validate(values: Mapping[str, Any]) -> Config:
    """The configuration of these values.

    Raises:
        UsageError: an unknown key or choice, or a value of the wrong type or out of range; the first of them.
    """
    values = dict(values)
    if isinstance(data := values.get("data"), Mapping):
        values["data"] = _own(data, ("data",), SOURCES, DATA_KINDS)
    if isinstance(sets := values.get("sets"), Mapping):
        values["sets"] = {name: _own(group, ("sets", name), SETS, SET_KINDS) for name, group in sets.items()}
    config: Config = _validated(_CONFIG, values)
    return config


def _validated(adapter: TypeAdapter[Any], values: Mapping[str, Any]) -> Any:
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        raise UsageError(_message(error.errors(include_url=False)[0], values)) from error


def _own(group: Any, path: tuple[str, ...], registry: Registry[Any], built_in: Iterable[str]) -> Any:
    """An instance of the user's class that a group of keys configures, or the group as it is if its kind is built in.

    Raises:
        UsageError: the kind is unknown, its file is broken, or a key or value is wrong.
    """
    kind, key = (group.get("kind") if isinstance(group, Mapping) else None), ".".join(path)
    if not isinstance(kind, str) or kind in built_in:
        return group
    if not is_own(kind, registry):
        raise UsageError(f"unknown {key}.kind={kind}{nearest(kind, [*built_in, *registry.names()])}")
    try:
        cls = registry.get(kind)
    except PluginError as error:
        raise UsageError(f"{key}.kind: {error}") from error
    nested: dict[str, Any] = {**group}
    adapter: Any = Annotated[cls, BeforeValidator(partial(check_keys, cls))]
    for part in reversed(path):
        nested, adapter = {part: nested}, dict[str, adapter]
    found = _validated(TypeAdapter(adapter), nested)
    for part in path:
        found = found[part]
    for item in fields(found):
        if not isinstance(getattr(found, item.name), JSON_TYPES):
            raise UsageError(
                f"{key}.{item.name}: {kind} makes it a {type(getattr(found, item.name)).__name__}; a setting is a str, "
                "int, float, bool, list, dict or None"
            )
    return found


def nearest(word: str, known: Iterable[str]) -> str:
    """End of a message about an unknown word: its new name if it was renamed, else the nearest known word."""
    return f"; it is called {RENAMED[word]!r} now" if word in RENAMED else suggestion(word, known)


def _message(problem: ErrorDetails, values: Any) -> str:
    key, value, context = _key(problem, values), problem["input"], problem.get("ctx", {})
    match problem["type"]:
        case "unknown_key":
            prefix = f"{key}." if key else ""
            unknown, known = prefix + context["key"], [prefix + name for name in context["known"]]
            return f"unknown key {unknown}{suggestion(unknown, known)}"
        case "not_a_group":
            return f"{key} holds keys of its own, such as {key}.{context['known'][0]}=, not the value {value!r}"
        case "model_attributes_type":
            return f"{key} holds keys of its own, such as {key}.kind=, not the value {value!r}"
        case "dict_type":
            return f"{key} holds keys of its own, such as {key}.NAME=, not the value {value!r}"
        case "list_type":
            return f"{key} is a list, such as {key}=[a,b], not the value {value!r}"
        case "missing":
            return f"{key} is missing"
        case "literal_error":
            return f"unknown {key}={value}{nearest(str(value), _choices(context['expected']))}"
        case "union_tag_invalid":
            return f"unknown {key}.kind={context['tag']}{nearest(context['tag'], _choices(context['expected_tags']))}"
        case "union_tag_not_found":
            return f"{key}.kind is missing"
        case "value_error":
            return f"{key}: {context['error']}"
        case "out_of_range":  # of one key of a checked group
            return f"{key}.{context['key']}={context['value']} {problem['msg']}"
        case "int_parsing" | "float_parsing" if "," in value:
            return f"{key}={value} must be one number: {NO_SWEEPS}"
    return f"{key}={value} {re.sub('^(Input|List) should', 'must', problem['msg'])}"


def _choices(quoted: str) -> list[str]:
    """The names in pydantic's list of choices, ``'auto', 'cpu' or 'cuda'``."""
    return quoted.replace(" or ", ", ").replace("'", "").split(", ")


def _key(problem: ErrorDetails, values: Any) -> str:
    """The dotted key of an error, without the names of union members that pydantic puts into its location."""
    key, tagged = "", False
    for part in problem["loc"]:
        if values is problem["input"] and problem["type"] != "missing":
            break
        if isinstance(values, Mapping):
            if part == values.get("kind") and not tagged:
                tagged = True
                continue
            key += f".{part}" if key else str(part)
            values, tagged = values.get(part), False
        elif isinstance(values, list) and isinstance(part, int):
            key += f"[{part}]"
            values = values[part]
    return key

"""Command-line settings in Hydra's override grammar, and what users may leave unquoted beyond it."""

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString, ValueType
from hydra.errors import HydraException

from benchmark.config.validation import NO_SWEEPS
from benchmark.errors import UsageError

LISTS = ("methods", "tasks", "seeds")  # take words between commas as a list
OPENING = ("[", "{", "'", '"')  # a text that begins so follows Hydra's grammar, or is refused
_PARSER = OverridesParser.create()


class Setting(NamedTuple):
    """One ``key=value``; ``sign`` is Hydra's prefix: ``+`` adds a key, ``~`` removes one."""

    sign: str
    key: str
    text: str

    def __str__(self) -> str:
        """The setting as an override of Hydra's; ``++`` lets it set a key whether or not a file has it."""
        if self.sign == "~":
            return f"~{self.key}={self.text}" if self.text else f"~{self.key}"
        return f"{self.sign or '++'}{self.key}={self.text}"

    @property
    def value(self) -> object:
        """The value that the text stands for."""
        return _PARSER.parse_override(f"{self.key}={self.text}").value()


def parse(words: Iterable[str]) -> list[Setting]:
    """Settings in Hydra's grammar from what was typed.

    Beyond that grammar, ``methods``, ``tasks`` and ``seeds`` take ``a,b`` as a list, an empty value is null, and a
    text with characters that Hydra wants quoted, such as a path with ``=`` or ``,``, is taken as written.

    Raises:
        UsageError: not ``key=value``, a value that cannot be read, or a sweep.
    """
    return [_parse(word) for word in words]


def parse_value(key: str, text: str) -> object:
    """The value of one setting, such as a method's option.

    Raises:
        UsageError: it cannot be read.
    """
    return Setting("", key, _value_text(key, text)).value


def setting_of(key: str, value: object) -> str:
    """The setting, as typed on the command line, that gives a key a value.

    A text is what stands behind the equals sign, so that ``"a,b"`` may be a list of methods.

    Raises:
        UsageError: a value that no setting can have.
    """
    return f"{key}={value if isinstance(value, str) else _text(key, value)}"


def _text(key: str, value: object) -> str:
    """A value in Hydra's grammar, texts in quotes."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str() | os.PathLike():
            return quote(os.fspath(value))
        case Mapping():
            return f"{{{','.join(f'{name}:{_text(key, item)}' for name, item in value.items())}}}"
        case list() | tuple():
            return f"[{','.join(_text(key, item) for item in value)}]"
    raise UsageError(f"{key}: a {type(value).__name__} is no value of a setting")


def quote(text: str) -> str:
    """A text in quotes, as Hydra reads them."""
    quoted: str = QuotedString(text, Quote.single).with_quotes()
    return quoted


def _parse(word: str) -> Setting:
    sign = next((sign for sign in ("++", "+", "~") if word.startswith(sign)), "")
    key, equals, text = word.removeprefix(sign).partition("=")
    key = key.strip()
    if not key or not (equals or sign == "~"):
        raise UsageError(f"expected key=value, got {word!r}")
    group, _, inner = key.partition(".")
    if not _is_key(key):
        remedy = f"; give other names as {group}={{NAME: {{...}}}}" if inner else ""
        raise UsageError(f"{key} is not a key: letters, digits, - and _ between full stops{remedy}")
    if group == "hydra":
        raise UsageError(f"unknown key {key}")
    if group in LISTS and inner:
        raise UsageError(f"{key}: {group} is a list; give all of it, such as {group}=[a,b]")
    if sign == "~":
        return Setting(sign, key, text)
    return Setting(sign, key, _list_text(key, text) if key in LISTS else _value_text(key, text))


def _is_key(key: str) -> bool:
    """Whether Hydra reads a text as a dotted key, rather than as a group or not at all."""
    try:
        _PARSER.parse_override(f"{key}=1")
    except HydraException:
        return False
    return not {"/", "@"} & set(key)


def _list_text(key: str, text: str) -> str:
    """Text of a list in Hydra's grammar; brackets may be left out. A number of seeds stays a number."""
    if text.lstrip().startswith(OPENING) or (key == "seeds" and text and "," not in text):
        return _value_text(key, text)
    return f"[{','.join(_value_text(key, word) for word in text.split(',') if word.strip())}]"


def _value_text(key: str, text: str) -> str:
    """Text of a value in Hydra's grammar: in quotes if Hydra would refuse it, or read it as a sweep."""
    if not text.strip():
        return "null"
    try:
        parsed = _PARSER.parse_override(f"{key}={text}")
    except HydraException as error:
        if text.lstrip().startswith(OPENING):
            raise UsageError(
                f"{key}: {text!r} cannot be read; close brackets and quotes, and put what has other characters than "
                "letters, digits and ./:-_ into quotes, as in ['--exclude=n3']"
            ) from error
        return quote(text)
    if parsed.value_type == ValueType.SIMPLE_CHOICE_SWEEP:
        return quote(text)  # a comma in a path
    if parsed.is_sweep_override():
        raise UsageError(f"{key}={text}: {NO_SWEEPS}")
    if isinstance(parsed.value(), int) and "_" in text:
        return quote(text)  # name=2024_01, which Hydra reads as 202401
    return text

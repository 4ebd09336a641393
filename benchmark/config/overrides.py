"""Command-line settings in Hydra's override grammar, and what users may leave unquoted beyond it."""

from collections.abc import Iterable
from typing import NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString, ValueType
from hydra.errors import HydraException

from benchmark.errors import UsageError

LISTS = ("methods", "tasks", "seeds")  # take words between commas as a list
NO_SWEEPS = "there are no sweeps: give several seeds= and methods=, and settings to compare as variants"
_PARSER = OverridesParser.create()


class Setting(NamedTuple):
    """One ``key=value``; ``sign`` is Hydra's prefix: ``+`` adds a key, ``~`` removes one."""

    sign: str
    key: str
    text: str

    def __str__(self) -> str:
        """The setting as an override of Hydra's; ``++`` lets it set a key whether or not a file has it."""
        return f"~{self.key}" if self.sign == "~" else f"{self.sign or '++'}{self.key}={self.text}"

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
    return Setting("", key, _quoted(key, text)).value


def _parse(word: str) -> Setting:
    if word in ("-m", "--multirun"):
        raise UsageError(f"{word}: {NO_SWEEPS}")
    sign = next((sign for sign in ("++", "+", "~") if word.startswith(sign)), "")
    key, equals, text = word.removeprefix(sign).partition("=")
    key = key.strip()
    if not key or not (equals or sign == "~"):
        raise UsageError(f"expected key=value, got {word!r}")
    try:
        _PARSER.parse_override(f"{key}=1")
    except HydraException as error:
        group, _, inner = key.partition(".")
        remedy = f"; give other names as {group}={{NAME: {{...}}}}" if inner else ""
        raise UsageError(f"{key} is not a key: letters, digits, - and _ between full stops{remedy}") from error
    group, _, inner = key.partition(".")
    if group == "hydra":
        raise UsageError(f"unknown key {key}")
    if group in LISTS and inner:
        raise UsageError(f"{key}: {group} is a list; give all of it, such as {group}=[a,b]")
    return Setting(sign, key, "" if sign == "~" else _listed(key, text) if key in LISTS else _quoted(key, text))


def _listed(key: str, text: str) -> str:
    """A list's text, its brackets added where a user leaves them out; one number of seeds stays a number."""
    if text.lstrip().startswith(("[", "{")) or (key == "seeds" and text and "," not in text):
        return _quoted(key, text)
    return f"[{','.join(_quoted(key, word) for word in text.split(',') if text)}]"


def _quoted(key: str, text: str) -> str:
    """A value's text, in quotes if Hydra would refuse it or read it as a sweep."""
    if not text.strip():
        return "null"
    try:
        parsed = _PARSER.parse_override(f"{key}={text}")
    except HydraException as error:
        if text.lstrip().startswith(("[", "{", "'", '"')):
            raise UsageError(
                f"{key}: {text!r} cannot be read; close brackets and quotes, and put what has other characters than "
                "letters, digits and ./:-_ into quotes, as in ['--exclude=n3']"
            ) from error
        return QuotedString(text, Quote.single).with_quotes()
    if parsed.value_type == ValueType.SIMPLE_CHOICE_SWEEP:
        return QuotedString(text, Quote.single).with_quotes()
    if parsed.is_sweep_override():
        raise UsageError(f"{key}={text}: {NO_SWEEPS}")
    return text

"""The exception of this package, and the ending of its messages about unknown words."""

import difflib
from collections.abc import Iterable


class PluginError(ValueError):
    """A plugin that cannot be found or loaded, or is invalid; the message is one line with the remedy."""


def first_line(error: BaseException) -> str:
    """An exception's type and the first line of its message."""
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """End of a message about an unknown word: the nearest known word, if there is one, and all known words."""
    known = sorted(known)
    nearest = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"{hint}known: {', '.join(known) or 'none'}"

"""What is told to a user whose method name, file, option or encoder size is wrong."""

import difflib
from collections.abc import Iterable


class MethodError(ValueError):
    """A method's name, file, option or encoder size is wrong; the message is one line with the remedy."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ends a message about an unknown ``word``: the nearest known one if there is any, then all of them."""
    known = sorted(known)
    nearest = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"{hint}known: {', '.join(known) or 'none'}"

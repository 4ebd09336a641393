"""Errors that the command line reports in one line, and the exit code of each."""

import difflib
from collections.abc import Iterable

LISTED = 20  # most names that a message lists


class FabbenchError(Exception):
    """A problem the user can fix; the command line prints the message without a traceback."""

    exit_code = 1


class UsageError(FabbenchError):
    """The command, a key or a name is wrong (exit code 2)."""

    exit_code = 2


class DataError(FabbenchError):
    """A file, folder or data set is missing, broken or unusable (exit code 1)."""


class ClusterError(FabbenchError):
    """Slurm refused something, or cannot be reached (exit code 1)."""


def first_line(error: BaseException) -> str:
    """First line of an exception's message; its type where it has none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def suggestion(word: str, known: Iterable[str]) -> str:
    """End of a message about an unknown word: `; did you mean 'x'?` or, where nothing is near, the known words.

    More than ``LISTED`` known words are not listed.
    """
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; available: {', '.join(known) or 'nothing'}" if len(known) <= LISTED else ""

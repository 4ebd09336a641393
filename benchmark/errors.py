"""The two kinds of mistake a user is told about in one line, and the exit code each ends with."""

import difflib
from collections.abc import Iterable

LISTED = 20  # names that an error lists at most


class FabbenchError(Exception):
    """A problem the user can mend; the command line prints the message alone, without a traceback."""

    exit_code = 1


class UsageError(FabbenchError):
    """The command, a key or a name is wrong (exit code 2)."""

    exit_code = 2


class DataError(FabbenchError):
    """A file, folder or data set is missing, broken or unusable (exit code 1)."""


class ClusterError(FabbenchError):
    """Slurm refused something, or cannot be reached (exit code 1)."""


def first_line(error: BaseException) -> str:
    """What an exception says, in one line; its kind where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` or, where nothing is near, what there is, if that is not too much to say."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there is: {', '.join(known) or 'nothing'}" if len(known) <= LISTED else ""

"""The two kinds of mistake a user is told about in one line, and the exit code each ends with."""


class FabbenchError(Exception):
    """A problem the user can mend; the command line prints the message alone, without a traceback."""

    exit_code = 1


class UsageError(FabbenchError):
    """The command, a key or a name is wrong (exit code 2)."""

    exit_code = 2


class DataError(FabbenchError):
    """A file, folder or data set is missing, broken or unusable (exit code 1)."""

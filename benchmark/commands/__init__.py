"""The commands of `fabbench`, one file each: a file added here is a command."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Protocol

from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config


class Command(Protocol):
    """What a file in this folder defines.

    `fabbench --help` imports all of them, so that libraries and `benchmark.pipeline`, `benchmark.data` and the like
    are imported in the functions that need them.

    Attributes:
        NAME: the word after `fabbench`.
        SUMMARY: one line for `fabbench --help`.
        EXAMPLES: command lines for `fabbench NAME --help`, one a line.
        WORDS: what it takes beside settings, as shown in its usage, such as ``RUN``; empty for nothing.
    """

    NAME: str
    SUMMARY: str
    EXAMPLES: str
    WORDS: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options that only this command has."""

    def main(self, arguments: Namespace, config: "Config") -> int:
        """Runs the command.

        Args:
            arguments: its options, and ``words``, the list of what stands on the command line beside settings.
            config: the configuration that the settings describe.

        Returns:
            The exit code.
        """


def only_word(arguments: Namespace, name: str) -> str:
    """The one word of a command that takes exactly one.

    Args:
        arguments: of the command.
        name: what the word is, for the message.

    Raises:
        UsageError: no word, or several.
    """
    if len(arguments.words) != 1:
        raise UsageError(f"`fabbench {arguments.command}` takes one {name}; see fabbench {arguments.command} --help")
    word: str = arguments.words[0]
    return word

"""The commands of `fabbench`, one file each: a file added here is a command."""

import importlib
import pkgutil
from argparse import ArgumentParser, Namespace
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

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
        SETTINGS: keys of the configuration that it uses, each with the keys below it; None: all. Settings of other
            keys are refused.
        FOR_LAUNCHED: whether it is about a benchmark that was launched. It then takes all settings of the launch, so
            that they can be repeated, and refuses those that have changed.
    """

    NAME: str
    SUMMARY: str
    EXAMPLES: str
    WORDS: str
    SETTINGS: tuple[str, ...] | None
    FOR_LAUNCHED: bool

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options that only this command has."""

    def main(self, arguments: Namespace, config: "Config") -> int:
        """Runs the command.

        Args:
            arguments: its options, ``settings`` as typed, and ``words``, what stands on the command line beside them.
            config: the configuration that the settings describe.

        Returns:
            The exit code.
        """


@cache
def find_commands() -> dict[str, Command]:
    """The commands by name: every module of this package whose name does not begin with an underscore."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    modules = [cast(Command, importlib.import_module(f"{__name__}.{name}")) for name in names]
    return {module.NAME: module for module in sorted(modules, key=lambda module: module.NAME)}


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

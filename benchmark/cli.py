"""`fabbench COMMAND [key=value ...]`: parses the command line, runs the command, reports an error in one line."""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import NoReturn

from benchmark import __version__
from benchmark.commands import Command, find_commands
from benchmark.commands._settings import check_settings
from benchmark.errors import ClusterError, FabbenchError, UsageError, suggestion
from slurm.commands import SlurmError

SETTINGS = """\
key=value sets one key of the configuration; the most used are
  preset=quick|paper|FILE.yaml     the benchmark to start from        methods=fabnet,./mine.py  the rows
  data=synthetic|videos|frames|voxceleb|concat  to pre-train on         tasks=synthetic-pose,...  what to probe
  data.root=DIR  data.store=DIR    raw files; the packed store        seeds=3 or seeds=[0,1,5]  repetitions
  train.steps=N  train.lr=X        the budget, the same for all       launcher=inline|local|slurm  where it runs
  out=DIR                          run folders (results/runs)         name=NAME                 of the benchmark
  cache=DIR                        stores and labelled sets made from raw data (results/cache)
`fabbench run --cfg` prints every key with its value."""

SETTINGS_OF_FILES = {"encoders": "encoder.name={}", "probes": "probe.heads=[{}]", "run": "methods={}"}  # by command


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments))
    except FabbenchError as error:
        print(f"fabbench: {error}", file=sys.stderr)
        return error.exit_code
    except SlurmError as error:
        print(f"fabbench: {error}", file=sys.stderr)
        return ClusterError.exit_code
    except KeyboardInterrupt:
        print("fabbench: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as head, has closed it
        sys.stderr.close()
        return 0
    except OSError as error:  # a full disk, a file where a folder is expected, no permission
        print(f"fabbench: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1


def _run(words: list[str]) -> int:
    commands = find_commands()
    parser = _parser(commands)
    if not words:
        parser.print_help()
        return 2
    if words[0] not in (*commands, "-h", "--help", "--version"):
        raise UsageError(f"unknown command {words[0]!r}{suggestion(words[0], commands)}")
    arguments = _parse(parser, words)
    command = commands[arguments.command]
    if arguments.multirun:
        raise UsageError("--multirun: there are no sweeps; give several seeds= and methods=, or settings as variants")
    if arguments.words and not command.WORDS:
        word = arguments.words[0]
        setting = SETTINGS_OF_FILES.get(command.NAME, "").format(word) if word.endswith(".py") else ""
        raise UsageError(f"expected key=value, got {word!r}" + (f"; write {setting}" if setting else ""))

    from benchmark.config.load import load, to_yaml

    config = load(arguments.settings, config_dir=arguments.config_dir)
    if arguments.cfg:
        print(to_yaml(config), end="")
        return 0
    check_settings(command, arguments.settings, config)
    return command.main(arguments, config)


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Parses a command line.

    Words, settings and options may be given in any order. ``settings`` of the result are the words of the form
    ``key=value`` or ``~key``, and ``words`` the others.
    """
    arguments, rest = parser.parse_known_args(words)
    if unknown := [word for word in rest if word.startswith("-")]:
        raise UsageError(
            f"unknown option {unknown[0]!r} for `{arguments.command}`; see fabbench {arguments.command} --help"
        )
    positional = [*arguments.words, *rest]  # argparse leaves those after an option in the rest
    arguments.settings = [word for word in positional if _is_setting(word)]
    arguments.words = [word for word in positional if not _is_setting(word)]
    return arguments


def _is_setting(word: str) -> bool:
    return "=" in word or (word.startswith("~") and "/" not in word)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are reported as all others are."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    parser = _Parser(
        "fabbench",
        description="Compares self-supervised face embeddings on one encoder, one data stream and one budget.",
        epilog=f"{SETTINGS}\n\n`fabbench COMMAND --help` shows examples. Begin with `fabbench run preset=quick`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fabbench {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in commands.items():
        subparser = subparsers.add_parser(
            name,
            usage=" ".join(filter(None, [f"fabbench {name} [options]", command.WORDS, "[key=value ...]"])),
            help=command.SUMMARY,
            description=command.SUMMARY,
            epilog=f"examples:{command.EXAMPLES}\n{_describe_settings(command)}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        subparser.add_argument("words", nargs="*", metavar="key=value", help="settings, see below")
        subparser.add_argument("--cfg", action="store_true", help="print the resolved configuration and stop")
        subparser.add_argument("--config-dir", metavar="DIR", help="folder of your own groups: preset/NAME.yaml")
        subparser.add_argument("-m", "--multirun", action="store_true", help=argparse.SUPPRESS)
        command.add_arguments(subparser)
    return parser


def _describe_settings(command: Command) -> str:
    """The settings that a command takes, for its help."""
    if command.SETTINGS is None:
        return SETTINGS
    lines = textwrap.wrap(f"settings, key=value: preset, root, {', '.join(command.SETTINGS)}", 100)
    if command.FOR_LAUNCHED:
        lines.append("Other settings of the launch may be repeated; they must be the same.")
    return "\n".join([*lines, "`fabbench run --help` lists the most used settings."])


if __name__ == "__main__":
    sys.exit(main())

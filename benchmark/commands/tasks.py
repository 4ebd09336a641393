"""`fabbench tasks`: list the tasks that encoders can be probed on."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "tasks"
SUMMARY = "list the tasks that encoders can be probed on"
EXAMPLES = """
  fabbench tasks
"""
WORDS = ""
SETTINGS = ("task",)
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    for name, task in sorted(config.task.items()):
        print(f"{name:<24} {task.summary or f'{task.target} of {task.set}'}")
    return 0

"""`fabbench pictures`: draw what a run makes of faces."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from benchmark.commands import only_word

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "pictures"
SUMMARY = "draw what a run makes of faces: generated frames, flows, landmarks, nearest faces, training curves"
EXAMPLES = """
  fabbench pictures fabnet/seed0                    of the default benchmark
  fabbench pictures fabnet-3source/seed0 preset=quick
  fabbench pictures results/imported/fabnet-released
"""
WORDS = "RUN"
SETTINGS = ("name", "out", "cache", "data", "sets", "task", "tasks", "probe.table_head", "train.device")
FOR_LAUNCHED = True


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    run = only_word(arguments, WORDS)

    from benchmark.pipeline.pictures import draw

    for path in draw(run, config):
        print(path)
    return 0

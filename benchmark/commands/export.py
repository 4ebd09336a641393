"""`fabbench export`: write the encoder of a finished run as ONNX and safetensors, with a card."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands import only_word
from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "export"
SUMMARY = "write a finished run's encoder as ONNX and safetensors, with a card that says how to feed it"
EXAMPLES = """
  fabbench export fabnet/seed0 --to encoder         of the default benchmark
  fabbench export fabnet/seed0 preset=quick --to encoder --format safetensors
  fabbench export results/imported/fabnet-released --to released
"""
WORDS = "RUN"
SETTINGS = ("name", "out")
FOR_LAUNCHED = True


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--to", metavar="DIR", help="folder to be made for the files")
    parser.add_argument("--format", choices=["onnx", "safetensors"], action="append", help="default: both")


def main(arguments: Namespace, config: "Config") -> int:
    run = only_word(arguments, WORDS)
    if not arguments.to:
        raise UsageError("--to DIR is missing: the folder to be made for the files")

    from benchmark.pipeline.export import FORMATS, export
    from benchmark.pipeline.saved_method import run_folders

    folder, *others = [Path(run)] if Path(run).is_dir() else run_folders(run, config)
    if others:
        raise UsageError(f"{run} is a ceiling, which predicts the labels of its task and has no embedding")
    exported = export(folder, Path(arguments.to), arguments.format or list(FORMATS))
    for path in exported.files:
        print(path)
    if exported.difference is not None:
        print(f"ONNX Runtime's embeddings differ from PyTorch's by {exported.difference:.1e} of the largest, at most")
    return 0

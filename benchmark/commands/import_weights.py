"""`fabbench import`: make a pretrained row of released weights."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands import only_word
from benchmark.errors import UsageError

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "import"
SUMMARY = "make a pretrained row of released weights: FAb-Net's checkpoints, or VGG-Face"
EXAMPLES = """
  fabbench import 300w_4views.pt                    the row fabnet-released
  fabbench import aflwpose_nv4.pth --as fabnet-aflw
  fabbench import vgg_face_caffe.pth --option channels=bgr
"""
WORDS = "FILE"
SETTINGS = ("imported",)
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--as", dest="row", metavar="NAME", help="the row's name (default: by the method)")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the method")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.config.checks import check_folder_name
    from benchmark.config.overrides import parse_value

    file = only_word(arguments, WORDS)
    if arguments.row is not None:
        check_folder_name("--as", arguments.row)
    options = {}
    for setting in arguments.option:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--option {setting}: expected KEY=VALUE")
        options[key] = parse_value(key, text)

    from benchmark.pipeline.import_weights import import_weights

    imported = import_weights(Path(file), Path(config.imported), arguments.row, options)
    probe = f", and a probe of {imported.probe_outputs} outputs" if imported.probe_outputs else ""
    millions = f"{imported.parameters / 1e6:.2f} M"
    print(f"{imported.folder}: {imported.method}, {millions} parameters, options {imported.options}{probe}")
    print(f"a row of any benchmark: fabbench run methods=...,{imported.folder.name}")
    return 0

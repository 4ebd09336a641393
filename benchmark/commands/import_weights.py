"""`fabbench import`: make a pretrained row of an encoder from elsewhere."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands import only_word
from benchmark.errors import UsageError, suggestion

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "import"
SUMMARY = "make a pretrained row of any frozen encoder, or of FAb-Net's or VGG-Face's released weights"
EXAMPLES = """
  fabbench import 300w_4views.pt                    the row fabnet-released
  fabbench import vgg_face_caffe.pth --option channels=bgr
  fabbench import arcface.onnx --option mean=0.5 --option std=0.5 --trained-on 'faces with identities'
  fabbench import encoder.pt2 --option mean=0 --option std=1
  fabbench import models/dinov2-small               a folder of Hugging Face transformers
  fabbench import timm:resnet50 --weights model.safetensors
  fabbench import net.py:Net --weights net.safetensors --option size=112 --option mean=0.5 --option std=0.5
"""
WORDS = "FILE"
SETTINGS = ("imported",)
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--as", dest="row", metavar="NAME", help="the row's name (default: by the method or file)")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the method")
    parser.add_argument("--weights", metavar="FILE", help="safetensors file of a class or timm network")
    parser.add_argument("--trained-on", metavar="TEXT", help="what it has seen, for the tables (docs/methods.md)")


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.config.checks import check_folder_name
    from benchmark.config.overrides import parse_value
    from methods.pretrained import TRAINED_ON

    source = only_word(arguments, WORDS)
    if arguments.row is not None:
        check_folder_name("--as", arguments.row)
    trained_on = arguments.trained_on
    if trained_on is not None and trained_on not in TRAINED_ON:
        raise UsageError(f"unknown --trained-on {trained_on!r}{suggestion(trained_on, TRAINED_ON)}")
    options = {}
    for setting in arguments.option:
        key, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--option {setting}: expected KEY=VALUE")
        options[key] = parse_value(key, text)

    from benchmark.pipeline.import_encoder import import_encoder, is_encoder
    from benchmark.pipeline.import_weights import import_weights

    parent, weights = Path(config.imported), arguments.weights
    if is_encoder(source):
        file = Path(weights) if weights else None
        imported = import_encoder(source, parent, arguments.row, options, file, trained_on)
    elif weights:
        raise UsageError(f"--weights goes with FILE.py:CLASS, MODULE:CLASS or timm:NAME, not with {source}")
    else:
        imported = import_weights(Path(source), parent, arguments.row, options, trained_on)
    probe = f", and a probe of {imported.probe_outputs} outputs" if imported.probe_outputs else ""
    millions = f"{imported.parameters / 1e6:.2f} M"
    about = f"{millions} parameters, trained on: {imported.trained_on}, options {imported.options}{probe}"
    print(f"{imported.folder}: {imported.method}, {about}")
    print(f"a row of any benchmark: fabbench run methods=...,{imported.folder.name}")
    return 0

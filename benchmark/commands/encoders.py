"""`fabbench encoders`: list the encoders that a benchmark can have."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.config.schema import Config

NAME = "encoders"
SUMMARY = "list the encoders that a benchmark can have: encoder.name=NAME"
EXAMPLES = """
  fabbench encoders
  fabbench encoders data.size=224                        parameters and feature maps at this size
  fabbench encoders encoder.name=./mine.py               your own among them
"""
WORDS = ""
SETTINGS = ("data.size", "encoder")
FOR_LAUNCHED = False


def add_arguments(parser: ArgumentParser) -> None:
    pass


def main(arguments: Namespace, config: "Config") -> int:
    from benchmark.config.variants import encoder_spec
    from methods.encoders import ENCODERS

    names = ENCODERS.names()
    chosen = config.encoder.name
    if chosen not in names:
        encoder_spec(config.encoder, config.data.size)  # refused here if it cannot be used
        names.append(chosen)
    print(f"encoders (as published, at data.size={config.data.size} encoder.dim={config.encoder.dim}):")
    for name in names:
        print(_describe(name, config))
    return 0


def _describe(name: str, config: "Config") -> str:
    """Name, published width, parameters, feature map, summary and source in a line."""
    import torch

    from methods.encoder import EncoderSpec
    from methods.encoders import ENCODERS, get_encoder, has_feature_map
    from methods.errors import MethodError

    encoder = get_encoder(name)
    try:
        with torch.device("meta"):
            built = EncoderSpec(config.data.size, encoder.width, config.encoder.dim, name).build()
        parameters = f"{sum(weight.numel() for weight in built.parameters()) / 1e6:.2f} M"
    except MethodError:  # of another size
        parameters = "-"
    maps = "map" if has_feature_map(encoder) else "no map"
    source = encoder.paper or ENCODERS.origin(encoder.name)
    return f"  {name:<14} width {encoder.width:<4} {parameters:>9}  {maps:<7} {encoder.summary}  [{source}]"

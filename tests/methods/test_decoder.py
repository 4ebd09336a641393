"""The common decoder."""

import torch
from torch import nn

from methods.decoder import Decoder
from methods.encoder import EncoderSpec
from tests.methods.test_encoder import count


def test_decoder_of_the_paper_at_256_pixels() -> None:
    decoder = Decoder(EncoderSpec(size=256, width=32, dim=256), in_dim=512, out_channels=2)
    assert count(decoder) == 3_340_514
    convolutions = [layer for layer in decoder.layers if isinstance(layer, nn.Conv2d)]
    assert [layer.in_channels for layer in convolutions] == [512, 256, 256, 256, 256, 128, 64, 32]
    assert isinstance(decoder.layers[0], nn.ReLU)
    assert isinstance(decoder.layers[-1], nn.Conv2d), "no norm after the last convolution"


def test_output_has_the_size_of_the_image() -> None:
    decoder = Decoder(EncoderSpec(size=64, width=2, dim=6), in_dim=6, out_channels=3)
    assert decoder(torch.rand(2, 6)).shape == (2, 3, 64, 64)


def test_input_is_not_modified() -> None:
    vectors = torch.randn(2, 6)
    before = vectors.clone()
    Decoder(EncoderSpec(size=16, width=2, dim=6), in_dim=6, out_channels=1)(vectors)
    assert torch.equal(vectors, before)

"""FAb-Net's encoder, and the specification that all encoders share."""

import pytest
import torch
from torch import nn

from methods.encoder import Encoder, EncoderSpec
from methods.encoders.fabnet import FabNetEncoder
from methods.errors import MethodError


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_encoder_of_the_paper_at_256_pixels() -> None:
    encoder = FabNetEncoder(EncoderSpec(size=256, width=32, dim=256))
    assert count(encoder) == 4_887_904
    convolutions = [layer for layer in encoder.layers if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [32, 64, 128, 256, 256, 256, 256, 256]
    assert all(layer.bias is not None for layer in convolutions)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in encoder.layers) == 6
    assert isinstance(encoder.layers[1], nn.LeakyReLU), "no norm after the first convolution"
    assert isinstance(encoder.layers[-1], nn.Conv2d), "the last convolution is linear"
    assert {layer.negative_slope for layer in encoder.layers if isinstance(layer, nn.LeakyReLU)} == {0.2}


@pytest.mark.parametrize(("size", "blocks"), [(16, 4), (64, 6), (128, 7), (256, 8)])
def test_number_of_convolutions_follows_the_input_size(size: int, blocks: int) -> None:
    encoder = FabNetEncoder(EncoderSpec(size=size, width=2, dim=10)).eval()
    assert sum(isinstance(layer, nn.Conv2d) for layer in encoder.layers) == blocks
    assert encoder(torch.rand(2, 3, size, size)).shape == (2, 10)


def test_number_of_input_channels_can_be_set() -> None:
    assert FabNetEncoder(EncoderSpec(16, 2, 4), in_channels=2)(torch.rand(2, 2, 16, 16)).shape == (2, 4)


@pytest.mark.parametrize("size", [8, 48, 100])
def test_size_must_halve_to_one_pixel(size: int) -> None:
    with pytest.raises(MethodError, match="power of two"):
        EncoderSpec(size=size).build()


@pytest.mark.parametrize("values", [(64, 0, 256), (0, 32, 256), (-64, 32, 256), (64, 32, 0)])
def test_dimensions_must_be_positive(values: tuple[int, int, int]) -> None:
    with pytest.raises(MethodError, match="must be positive"):
        EncoderSpec(*values)


def test_base_class_says_how_to_build_an_encoder() -> None:
    with pytest.raises(MethodError, match=r"write `encoder\.build\(\)`"):
        Encoder(EncoderSpec())


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(MethodError, match="takes 16 x 16 images, not 32 x 64"):
        FabNetEncoder(EncoderSpec(16, 2, 4))(torch.rand(2, 3, 32, 64))


def test_halved_spec() -> None:
    assert EncoderSpec(64, 16, 256).halved() == EncoderSpec(64, 8, 128)
    with pytest.raises(MethodError, match="must be even"):
        EncoderSpec(64, 15, 256).halved()

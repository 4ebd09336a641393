"""Split-brain autoencoder: colour space and loss against independent computations."""

import numpy as np
import pytest
import torch

from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.split_brain import SplitBrain, to_lab, to_rgb
from tests.methods.conftest import tracks
from tests.methods.test_encoder import count

# CIE Lab of sRGB colours under D65, to two decimals, from the standard's definition
KNOWN = {
    (0, 0, 0): (0, 0, 0),
    (1, 1, 1): (100, 0, 0),
    (1, 0, 0): (53.24, 80.09, 67.20),
    (0, 1, 0): (87.73, -86.18, 83.18),
    (0, 0, 1): (32.30, 79.19, -107.86),
}


@pytest.mark.parametrize(("rgb", "lab"), KNOWN.items())
def test_lab_of_known_colours(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    image = torch.tensor(rgb, dtype=torch.float32)[None, :, None, None]
    scaled = to_lab(image).flatten()
    expected = [lab[0] / 50 - 1, lab[1] / 25, lab[2] / 25]
    np.testing.assert_allclose(scaled.numpy(), expected, atol=0.005)
    torch.testing.assert_close(to_rgb(to_lab(image)), image, rtol=0, atol=1e-3)


def test_lab_keeps_its_precision_under_autocast() -> None:
    images = torch.rand(2, 3, 16, 16)
    expected = to_lab(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lab = to_lab(images)
    assert torch.equal(lab, expected)


def test_each_half_sees_its_own_channels() -> None:
    method = SplitBrain(EncoderSpec(size=16, width=4, dim=8)).eval()
    lab = to_lab(tracks(3, 1, size=16)[:, 0])
    other_colour, other_lightness = lab.clone(), lab.clone()
    other_colour[:, 1:] += 1
    other_lightness[:, :1] += 1
    first = method.encoder.encode_lab(lab)
    for changed, same, different in ((other_colour, 0, 1), (other_lightness, 1, 0)):
        code = method.encoder.encode_lab(changed)
        assert torch.equal(code.chunk(2, dim=1)[same], first.chunk(2, dim=1)[same])
        assert not torch.equal(code.chunk(2, dim=1)[different], first.chunk(2, dim=1)[different])


def test_loss_equals_its_formula() -> None:
    method = SplitBrain(EncoderSpec(size=16, width=4, dim=8)).eval()
    frames = tracks(3, 1, size=16)
    with torch.no_grad():
        output = method(frames)
        lab = to_lab(frames[:, 0])
        embedding = method.embed(frames[:, 0])
        predicted_colour = method.to_colour(embedding[:, :4]).double().numpy()
        predicted_lightness = method.to_lightness(embedding[:, 4:]).double().numpy()
    truth = lab.double().numpy()
    for index in range(3):
        expected = ((predicted_colour[index] - truth[index, 1:]) ** 2).mean()
        expected += ((predicted_lightness[index] - truth[index, :1]) ** 2).mean()
        assert output.losses[index].item() == pytest.approx(expected, rel=1e-4)
    total = output.scalars["colour_l2"] + output.scalars["lightness_l2"]
    torch.testing.assert_close(total, output.losses.mean())


def test_encoder_has_fewer_parameters_than_the_common_one() -> None:
    spec = EncoderSpec()
    assert count(SplitBrain(spec).encoder) < count(spec.build())


def test_at_full_width_each_half_has_the_common_encoders_capacity() -> None:
    spec = EncoderSpec(size=32, width=8, dim=16)
    full, half = SplitBrain(spec, {"width": "full"}), SplitBrain(spec)
    assert count(full.encoder.lightness.get_submodule("layers.2")) == count(spec.build().get_submodule("layers.2"))
    assert full.embed(tracks(2, 1)[:, 0]).shape == half.embed(tracks(2, 1)[:, 0]).shape == (2, 16)
    with pytest.raises(MethodError, match="width=whole must be half or full"):
        SplitBrain(spec, {"width": "whole"})


def test_encoder_must_have_an_even_width() -> None:
    with pytest.raises(MethodError, match="must be even"):
        SplitBrain(EncoderSpec(size=16, width=3, dim=8))

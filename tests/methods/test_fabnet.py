"""FAb-Net: warping, losses and options against independent computations."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.encoder import EncoderSpec
from methods.errors import MethodError
from methods.fabnet import FabNet, flow_to_rgb, warp
from tests.methods.conftest import tracks


def warped_by_loops(source: NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """One image (3, H, W) sampled at each pixel plus its offset (2, H, W), written from the formula."""
    channels, height, width = source.shape
    result = np.zeros_like(source)
    for row in range(height):
        for column in range(width):
            x = np.clip(2 * column / (width - 1) - 1 + offset[0, row, column], -1, 1)
            y = np.clip(2 * row / (height - 1) - 1 + offset[1, row, column], -1, 1)
            across, down = (x + 1) / 2 * (width - 1), (y + 1) / 2 * (height - 1)
            left, top = min(int(across), width - 2), min(int(down), height - 2)
            right_weight, low_weight = across - left, down - top
            for channel in range(channels):
                near = source[channel, top : top + 2, left : left + 2]
                high = near[0, 0] * (1 - right_weight) + near[0, 1] * right_weight
                low = near[1, 0] * (1 - right_weight) + near[1, 1] * right_weight
                result[channel, row, column] = high * (1 - low_weight) + low * low_weight
    return result


@pytest.mark.parametrize("size", [16, 64, 256])
def test_zero_offset_gives_the_source(size: int) -> None:
    source = torch.rand(2, 3, size, size)
    torch.testing.assert_close(warp(source, torch.zeros(2, 2, size, size)), source, rtol=0, atol=1e-4)


def test_offset_is_x_then_y_of_where_to_sample() -> None:
    source = torch.rand(1, 3, 16, 16)
    one_pixel = 2 / 15
    right = torch.zeros(1, 2, 16, 16)
    right[:, 0] = one_pixel
    torch.testing.assert_close(warp(source, right)[..., :-1], source[..., 1:], rtol=0, atol=1e-5)
    down = right.flip(1)
    torch.testing.assert_close(warp(source, down)[..., :-1, :], source[..., 1:, :], rtol=0, atol=1e-5)


def test_coordinates_are_clamped_to_the_image() -> None:
    source = torch.rand(1, 3, 16, 16)
    warped = warp(source, torch.ones(1, 2, 16, 16) * torch.tensor([-5.0, 0.0])[None, :, None, None])
    torch.testing.assert_close(warped, source[..., :1].expand_as(warped), rtol=0, atol=1e-5)


def test_loss_equals_its_formula() -> None:
    method = FabNet(EncoderSpec(size=16, width=2, dim=4)).eval()
    with torch.no_grad():
        for parameter in method.decoder.layers[-1].parameters():
            parameter.mul_(10)  # offsets of several pixels
    frames = tracks(3, 2, size=16)
    with torch.no_grad():
        output = method(frames)
        for index in range(3):
            source, target = frames[index]
            vector = torch.cat([method.embed(source[None]), method.embed(target[None])], dim=1)
            offset = np.tanh(method.decoder(vector)[0].double().numpy())
            assert np.abs(offset).max() > 0.1
            generated = warped_by_loops(source.double().numpy(), offset)
            expected = np.abs(generated - target.double().numpy()).mean()
            assert output.losses[index].item() == pytest.approx(expected, abs=1e-5)
            np.testing.assert_allclose(output.pictures["generated"][index].numpy(), generated, atol=1e-4)


def test_loss_of_copying_is_logged() -> None:
    method = FabNet(EncoderSpec(size=16, width=2, dim=4))
    frames = tracks(3, 2, size=16)
    expected = (frames[:, 0] - frames[:, 1]).abs().mean()
    torch.testing.assert_close(method(frames).scalars["copy_l1"], expected)


def test_no_gradient_flows_into_the_sampled_source() -> None:
    method = FabNet(EncoderSpec(size=16, width=2, dim=4)).eval()
    with torch.no_grad():
        for parameter in method.decoder.layers[-1].parameters():
            parameter.zero_()  # leaves the sampler and the target as the only paths to the frames
    frames = tracks(2, 2, size=16).requires_grad_()
    method(frames).losses.sum().backward()
    assert frames.grad is not None
    assert frames.grad[:, 0].abs().sum() == 0
    assert frames.grad[:, 1].abs().sum() > 0


def test_flow_colours_show_direction_and_length() -> None:
    offset = torch.zeros(1, 2, 1, 4)
    offset[0, :, 0] = torch.tensor([[0.0, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.25]])
    still, right, left, down = flow_to_rgb(offset)[0, :, 0].T
    torch.testing.assert_close(still, torch.ones(3))
    torch.testing.assert_close(right, torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(left, torch.tensor([0.0, 1.0, 1.0]))
    half_way = torch.tensor([0.75, 1.0, 0.5])  # hue of a quarter turn, half saturated
    torch.testing.assert_close(down, half_way, rtol=0, atol=1e-4)
    assert math.isclose(still.sum().item(), 3)


SMALL = EncoderSpec(size=16, width=4, dim=8)


def several_sources(sources: int = 3, **options: object) -> FabNet:
    """FAb-Net with several sources, in eval mode, whose flows and confidences differ between frames."""
    method = FabNet(SMALL, {"sources": sources, **options})
    for module in method.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        method.train()(tracks(16, sources + 1, size=16))  # sets the batch-norm statistics
    return method.eval()


@pytest.mark.parametrize("confidence", ["tanh", "linear"])
@pytest.mark.parametrize("sources", [2, 3])
def test_loss_of_several_sources_equals_its_formula(sources: int, confidence: str) -> None:
    method, frames = several_sources(sources, confidence=confidence), tracks(2, sources + 1, size=16)
    with torch.no_grad():
        output = method(frames)
        for index in range(2):
            target = frames[index, -1]
            moved, maps = [], []
            for source in frames[index, :-1]:
                vector = torch.cat([method.embed(source[None]), method.embed(target[None])], dim=1)
                offset = np.tanh(method.decoder(vector)[0].double().numpy())
                moved.append(warped_by_loops(source.double().numpy(), offset))
                score = method.confidence(vector)[0].double().numpy()
                maps.append(np.exp(np.tanh(score) if confidence == "tanh" else score))
            weights = np.array(maps) / np.sum(maps, axis=0)
            assert np.ptp(weights) > 0.05, "the confidences should differ"
            blend = (np.array(moved) * weights).sum(0)
            expected = np.abs(blend - target.double().numpy()).mean()
            assert output.losses[index].item() == pytest.approx(expected, abs=1e-5)
            np.testing.assert_allclose(output.pictures["generated"][index].numpy(), blend, atol=1e-4)
            shown = output.pictures[f"confidence {sources}"][index]
            np.testing.assert_allclose(shown.numpy(), np.repeat(weights[-1], 3, 0), atol=1e-5)


def test_tanh_bounds_the_weight_of_a_source() -> None:
    """With three sources a weight is at most e^2 / (e^2 + 2), about 0.79."""
    method = several_sources()
    with torch.no_grad():
        for parameter in method.confidence.layers[-1].parameters():
            parameter.mul_(1e3)
    pictures = method(tracks(4, 4, size=16)).pictures
    weights = torch.stack([pictures[f"confidence {i}"] for i in (1, 2, 3)])
    torch.testing.assert_close(weights.sum(0), torch.ones_like(weights[0]))
    assert weights.max().item() == pytest.approx(math.e**2 / (math.e**2 + 2), abs=1e-4)


def test_order_of_sources_does_not_matter() -> None:
    method, frames = several_sources(), tracks(3, 4, size=16)
    losses = method(frames).losses
    torch.testing.assert_close(method(frames[:, [2, 0, 1, 3]]).losses, losses, rtol=0, atol=1e-6)
    assert not torch.allclose(method(frames[:, [3, 0, 1, 2]]).losses, losses), "which frame is the target does matter"


def test_all_frames_are_encoded_in_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    method = several_sources()
    batch_sizes: list[int] = []

    def forward(images: Tensor) -> Tensor:
        batch_sizes.append(len(images))
        return torch.zeros(len(images), SMALL.dim)

    monkeypatch.setattr(method.encoder, "forward", forward)
    method(tracks(5, 4, size=16))
    assert batch_sizes == [20]


def test_frozen_flow_decoder_keeps_its_weights_and_moves_its_statistics() -> None:
    method = FabNet(SMALL, {"sources": 2}).train()
    before = {key: value.clone() for key, value in method.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in method.parameters() if p.requires_grad], lr=0.1)
    method(tracks(8, 3, size=16)).losses.mean().backward()
    optimiser.step()
    moved = {key for key, value in method.state_dict().items() if not torch.equal(value, before[key])}
    parameters = {key for key, _ in method.named_parameters()}
    assert not {key for key in moved & parameters if key.startswith("decoder.")}
    assert {key for key in moved - parameters if key.startswith("decoder.") and key.endswith("running_mean")}
    assert {key.partition(".")[0] for key in moved & parameters} == {"encoder", "confidence"}


def test_frozen_flow_decoder_needs_initial_weights() -> None:
    assert FabNet(SMALL, {"sources": 2}).needs_initial_weights
    assert not FabNet(SMALL, {"sources": 2, "freeze_flow": False}).needs_initial_weights
    assert not FabNet(SMALL).needs_initial_weights


@pytest.mark.parametrize("options", [{"sources": 0}, {"confidence": "none"}])
def test_invalid_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(MethodError, match="fabnet: "):
        FabNet(SMALL, options)

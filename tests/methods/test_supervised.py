"""The supervised ceiling."""

import torch
from torch import Tensor

from methods.encoder import EncoderSpec
from methods.supervised import Supervised
from tests.methods.conftest import tracks


def absolute(outputs: Tensor, values: Tensor, known: Tensor) -> Tensor:
    return (outputs - values).abs().mean(1) * known


def test_given_loss_is_used() -> None:
    method = Supervised(EncoderSpec(size=16, width=2, dim=4), outputs=3, loss=absolute).eval()
    frames, values = tracks(4, 1, size=16), torch.rand(4, 3)
    known = torch.tensor([True, True, False, True])
    losses = method(frames, values, known).losses
    torch.testing.assert_close(losses, absolute(method.embed(frames[:, 0]), values, known))
    assert losses[2] == 0
    assert torch.equal(method(frames[:, 0], values, known).losses, losses)


def test_embedding_is_the_output_of_the_head() -> None:
    method = Supervised(EncoderSpec(size=16, width=2, dim=4), outputs=7, loss=absolute).eval()
    assert method.embed(tracks(2, 1, size=16)[:, 0]).shape == (2, 7)


def test_class_labels_are_supported() -> None:
    def cross_entropy(outputs: Tensor, values: Tensor, known: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(outputs, values, reduction="none") * known

    method = Supervised(EncoderSpec(size=16, width=2, dim=4), outputs=8, loss=cross_entropy)
    losses = method(tracks(4, 1, size=16), torch.arange(4), torch.ones(4, dtype=torch.bool)).losses
    assert losses.shape == (4,)

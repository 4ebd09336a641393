"""Autoencoder: the loss against an independent computation."""

import numpy as np
import torch

from methods.autoencoder import Autoencoder
from methods.encoder import EncoderSpec
from tests.methods.conftest import tracks


def test_loss_equals_its_formula() -> None:
    method = Autoencoder(EncoderSpec(size=16, width=2, dim=4)).eval()
    frames = tracks(3, 1, size=16)
    with torch.no_grad():
        output = method(frames)
        decoded = method.decoder(method.embed(frames[:, 0])).double().numpy()
    reconstruction = 1 / (1 + np.exp(-decoded))
    expected = np.abs(reconstruction - frames[:, 0].double().numpy()).reshape(3, -1).mean(1)
    np.testing.assert_allclose(output.losses.numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(output.pictures["reconstruction"].numpy(), reconstruction, atol=1e-6)

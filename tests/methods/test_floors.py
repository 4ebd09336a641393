"""The floors: mean, pixels, random."""

import numpy as np
import torch

from methods.encoder import EncoderSpec
from methods.mean import Mean
from methods.pixels import Pixels
from methods.random_encoder import RandomEncoder
from tests.methods.conftest import tracks


def test_mean_is_constant() -> None:
    embedding = Mean(EncoderSpec()).embed(tracks(4, 1)[:, 0])
    assert torch.equal(embedding, torch.ones(4, 1))


def test_pixels_are_means_over_areas() -> None:
    images = tracks(2, 1, size=64)[:, 0]
    embedding = Pixels(EncoderSpec()).embed(images)
    assert embedding.shape == (2, 768)
    expected = images.numpy().reshape(2, 3, 16, 4, 16, 4).mean(axis=(3, 5)).reshape(2, 768)
    np.testing.assert_allclose(embedding.numpy(), expected, atol=1e-6)


def test_random_is_the_common_encoder() -> None:
    spec = EncoderSpec(size=16, width=2, dim=4)
    method = RandomEncoder(spec)
    shapes = {key: value.shape for key, value in spec.build().state_dict().items()}
    assert {key: value.shape for key, value in method.encoder.state_dict().items()} == shapes


def test_random_embeds_alike_in_train_and_eval_mode_once_statistics_are_set() -> None:
    method = RandomEncoder(EncoderSpec(size=16, width=2, dim=4)).train()
    images = tracks(32, 1, size=16)[:, 0]
    with torch.no_grad():
        for _ in range(100):
            expected = method.embed(images)
        torch.testing.assert_close(method.eval().embed(images), expected, rtol=0.1, atol=0.02)

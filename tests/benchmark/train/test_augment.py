"""Crop jitter of frames and their landmarks."""

import pytest
import torch
from torch import Tensor

from benchmark.config.schema import AugmentConfig
from benchmark.train.augment import CropJitter, scale_to_unit

SIDE = 64


def blob(points: Tensor, side: int = SIDE) -> Tensor:
    """Images, uint8 (B, 1, 3, S, S), of a Gaussian spot at each point (B, 2), x then y, in units of the side."""
    centres = (torch.arange(side) + 0.5) / side
    x, y = points[:, 0, None, None], points[:, 1, None, None]
    spot = torch.exp(-((centres[None, None] - x) ** 2 + (centres[None, :, None] - y) ** 2) / (2 * 0.05**2))
    return (255 * spot).round().to(torch.uint8)[:, None, None].expand(-1, 1, 3, -1, -1)


def centroid(images: Tensor) -> Tensor:
    """Centres of mass (B, 2), in units of the side, of images (B, 1, 3, S, S)."""
    mass = images[:, 0, 0]
    centres = (torch.arange(mass.shape[-1]) + 0.5) / mass.shape[-1]
    total = mass.sum((1, 2))
    return torch.stack([(mass * centres).sum((1, 2)) / total, (mass * centres[:, None]).sum((1, 2)) / total], 1)


@pytest.mark.parametrize("side", [32, 64, 65])
@pytest.mark.parametrize(("translate", "scale"), [(0.05, 0.0), (0.0, 0.1), (0.1, 0.2)])
def test_points_move_with_the_pixels(translate: float, scale: float, side: int) -> None:
    torch.manual_seed(0)
    points = torch.rand(40, 2) * 0.3 + 0.35
    frames = blob(points, side)
    images, moved = CropJitter(AugmentConfig(translate=translate, scale=scale))(frames, points[:, None])
    assert moved is not None
    error = (centroid(images) - moved[:, 0]).abs().max()
    assert error < 0.05 / side, f"the points are {float(error) * side:.2f} pixels off"
    assert (moved[:, 0] - points).abs().max() > 0.01, "nothing moved"


def test_shift_and_zoom_are_uniform_about_the_centre() -> None:
    """Shifts are within +- translate of the side, zooms within 1 +- scale."""
    torch.manual_seed(0)
    corners = torch.tensor([[0.25, 0.25], [0.75, 0.75]]).expand(4000, 2, 2)
    _, moved = CropJitter(AugmentConfig(translate=0.05, scale=0.1))(torch.zeros(4000, 1, 3, 8, 8).byte(), corners)
    assert moved is not None
    zoom = (moved[:, 1] - moved[:, 0]) / 0.5
    shift = moved.mean(1) - 0.5
    assert torch.allclose(zoom[:, 0], zoom[:, 1], atol=1e-5), "the zoom should be the same in x and y"
    for values, low, high in ((zoom[:, 0], 0.9, 1.1), (shift[:, 0], -0.05, 0.05), (shift[:, 1], -0.05, 0.05)):
        assert values.min() >= low - 1e-4
        assert values.max() <= high + 1e-4
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.003)
        assert values.std() == pytest.approx((high - low) / 12**0.5, rel=0.05)


def test_without_jitter_values_are_scaled_only() -> None:
    frames = torch.randint(0, 256, (2, 2, 3, 16, 16), dtype=torch.uint8)
    images, points = CropJitter(AugmentConfig(translate=0, scale=0))(frames)
    assert points is None
    assert torch.equal(images, frames.float() / 255)
    assert torch.equal(scale_to_unit(frames), images)


def test_each_frame_has_its_own_jitter() -> None:
    torch.manual_seed(0)
    frames = torch.randint(0, 256, (1, 1, 3, 32, 32), dtype=torch.uint8).expand(3, 2, -1, -1, -1)
    images, _ = CropJitter(AugmentConfig())(frames)
    flat = images.flatten(0, 1)
    same = [torch.equal(flat[i], flat[j]) for i in range(len(flat)) for j in range(i)]
    assert not any(same)


def test_values_stay_between_0_and_1_and_the_border_is_repeated() -> None:
    torch.manual_seed(0)
    frames = torch.full((8, 2, 3, 32, 32), 255, dtype=torch.uint8)
    images, _ = CropJitter(AugmentConfig(translate=0.2, scale=0.3))(frames)
    assert images.dtype == torch.float32
    assert images.shape == frames.shape
    assert torch.allclose(images, torch.ones(()), atol=1e-5), "there should be no black border"
    noise = torch.randint(0, 256, frames.shape, dtype=torch.uint8)
    images, _ = CropJitter(AugmentConfig())(noise)
    assert images.min() >= 0
    assert images.max() <= 1 + 1e-6


def test_jitter_follows_the_seed_of_torch() -> None:
    frames = torch.randint(0, 256, (4, 2, 3, 32, 32), dtype=torch.uint8)
    jitter = CropJitter(AugmentConfig())

    def draw(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return jitter(frames)[0]

    first = draw(1)
    assert torch.equal(first, draw(1))
    assert not torch.equal(first, draw(2))
    torch.manual_seed(1)
    assert torch.equal(first, CropJitter(AugmentConfig())(frames)[0]), "a new object should draw the same"

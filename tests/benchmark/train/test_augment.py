"""Crop jitter of frames and their landmarks."""

from typing import Literal

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


def sources(config: AugmentConfig, k: int, n: int = 1000) -> tuple[Tensor, Tensor]:
    """Size (n, k, 2) and centre (n, k, 2) of the window that each frame was cut from, in sides; x then y.

    The frames hold coordinates: each pixel of the crop says where it was read.
    """
    side = 17
    axis = torch.arange(side)[None] * 15  # 0 to 240: steps that uint8 holds exactly
    x, y = axis.expand(side, -1), axis.T.expand(-1, side)
    frames = torch.stack([x, y, x]).to(torch.uint8).expand(n, k, -1, -1, -1)
    images, _ = CropJitter(config)(frames)
    places = images * 255 / 15  # pixels
    middle, one = side // 2, side // 4
    centre = places[:, :, :2, middle, middle]
    across = places[:, :, 0, middle, middle + one] - places[:, :, 0, middle, middle - one]
    down = places[:, :, 1, middle + one, middle] - places[:, :, 1, middle - one, middle]
    size = torch.stack([across, down], 2) / (2 * one)
    return size, (centre - middle) / side


def test_a_shared_scale_is_one_for_the_frames_of_a_sample_and_shifts_stay_their_own() -> None:
    torch.manual_seed(0)
    size, centre = sources(AugmentConfig(translate=0.02, scale=0.1, shared_scale=True), k=3)
    assert torch.allclose(size, size[:, :1].expand_as(size), atol=1e-3)
    assert size.std() > 0.03
    assert (centre[:, 0] - centre[:, 1]).abs().mean() > 0.005
    own, _ = sources(AugmentConfig(translate=0.02, scale=0.1), k=3)
    assert (own[:, 0] - own[:, 1]).abs().mean() > 0.03


def test_a_square_resized_crop_is_the_released_codes() -> None:
    """Crops of side 170 to 189 from a window of 190, at any place within it."""
    torch.manual_seed(0)
    low, high = 170 / 190, 189 / 190
    size, centre = sources(
        AugmentConfig(kind="resized_crop", area=[low**2, high**2], stretch=1, shared_scale=True), k=2
    )
    assert torch.allclose(size[..., 0], size[..., 1], atol=1e-3)
    assert torch.allclose(size[:, 0], size[:, 1], atol=1e-3)
    assert size.min() >= low - 1e-3
    assert size.max() <= high + 1e-3
    assert size.mean() == pytest.approx((low + high) / 2, abs=0.003)
    assert (centre.abs() <= (1 - size) / 2 + 1e-3).all(), "the window lies within the frame"
    assert centre.std() == pytest.approx(0.017, abs=0.002), "about 2 % of the side"


def test_a_resized_crop_has_the_area_and_shape_of_torchvisions() -> None:
    torch.manual_seed(0)
    size, centre = sources(AugmentConfig(kind="resized_crop", area=[0.2, 1.0]), k=1, n=4000)
    area, ratio = size.prod(2).flatten(), (size[..., 0] / size[..., 1]).flatten()
    assert area.min() > 0.19
    assert area.median() == pytest.approx(0.57, abs=0.03), "a little below the middle: large windows may not fit"
    assert ratio.min() > 0.74
    assert ratio.max() < 1.35
    assert ratio.log().mean() == pytest.approx(0, abs=0.01)
    assert (centre.abs() <= (1 - size) / 2 + 2e-3).all()


@pytest.mark.parametrize("kind", ["jitter", "resized_crop"])
def test_a_flip_mirrors_half_of_the_samples_with_all_their_frames(kind: Literal["jitter", "resized_crop"]) -> None:
    torch.manual_seed(0)
    size, _ = sources(AugmentConfig(kind=kind, flip=True), k=2)
    mirrored = size[..., 0] < 0
    assert (mirrored[:, 0] == mirrored[:, 1]).all()
    assert mirrored.float().mean() == pytest.approx(0.5, abs=0.04)
    assert (size[..., 1] > 0).all()


@pytest.mark.parametrize(
    "config",
    [AugmentConfig(kind="resized_crop", area=[0.5, 0.8]), AugmentConfig(shared_scale=True), AugmentConfig(flip=True)],
)
def test_points_move_with_every_kind_of_crop(config: AugmentConfig) -> None:
    torch.manual_seed(0)
    points = torch.rand(40, 2) * 0.2 + 0.4
    images, moved = CropJitter(config)(blob(points), points[:, None])
    assert moved is not None
    inside = ((moved[:, 0] - 0.5).abs() < 0.25).all(1)
    assert (centroid(images) - moved[:, 0])[inside].abs().max() < 0.3 / SIDE


@pytest.mark.parametrize(
    "config",
    [
        AugmentConfig(),
        AugmentConfig(shared_scale=True, flip=True),
        AugmentConfig(kind="resized_crop", shared_scale=True),
        AugmentConfig(kind="resized_crop"),
    ],
)
def test_a_shard_is_cropped_as_within_the_whole_batch(config: AugmentConfig) -> None:
    frames = torch.randint(0, 256, (6, 2, 3, 16, 16), dtype=torch.uint8)
    torch.manual_seed(0)
    whole, _ = CropJitter(config)(frames)
    torch.manual_seed(0)
    part, _ = CropJitter(config)(frames[2:4], shard=slice(2, 4), batch_size=6)
    torch.testing.assert_close(part, whole[2:4])


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

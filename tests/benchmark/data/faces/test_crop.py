"""Crops show what their square covers, to a fraction of a pixel; images of all kinds become RGB."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.faces.crop import (
    Square,
    UnusableImage,
    around_box,
    around_landmarks,
    centre_square,
    crop,
    decode,
)


def encode(image: Image.Image, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, **({"format": "PNG"} | options))
    return buffer.getvalue()


def blob(height: int, width: int, x: float, y: float, spread: float) -> NDArray[np.uint8]:
    """A bright blob centred at (x, y), pixels from the outer corner of the first pixel."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    value = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
    return np.repeat(value.round().astype(np.uint8)[..., None], 3, axis=2)


def centre_of_mass(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Position (x, y) of the centre of mass, in sides of the frame."""
    weight = frame[..., 0].astype(float)
    rows, columns = np.mgrid[: len(frame), : len(frame)] + 0.5
    x, y = (weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()
    return np.array([x, y]) / len(frame)


@pytest.mark.parametrize("size", [16, 64, 200])
@pytest.mark.parametrize("square", [Square(20, 30, 64), Square(13.3, 22.7, 81.9), Square(-30.25, -14.5, 150.5)])
def test_points_map_between_image_and_crop(square: Square, size: int) -> None:
    x, y = 55.3, 63.9
    frame = crop(blob(120, 140, x, y, spread=6), square, size)
    assert frame.shape == (size, size, 3)
    back = np.array([square.left, square.top]) + centre_of_mass(frame) * square.side
    np.testing.assert_allclose(back, [x, y], atol=0.1)


def test_an_aligned_crop_of_the_same_size_is_the_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop(pixels, Square(7, 3, 32), 32), pixels[3:35, 7:39])


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(crop(stripes, Square(0, 0, 128), 16).astype(int) - 127).max() < 20


def test_the_border_is_repeated_beyond_the_image() -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:, 0], pixels[:, -1] = (200, 0, 0), (0, 90, 0)
    frame = crop(pixels, Square(-20, -10, 60), 60)
    assert (frame[:, :17] == (200, 0, 0)).all()
    assert (frame[:, 43:] == (0, 90, 0)).all()


@pytest.mark.parametrize(
    ("square", "reason"),
    [
        (Square(0, 0, 0), "without extent"),
        (Square(0, np.nan, 5), "without extent"),
        (Square(40, 0, 5), "outside"),
        (Square(0, -6, 5), "outside"),
        (Square(-100, -100, 1e6), "times its image"),
    ],
)
def test_impossible_squares_are_refused(square: Square, reason: str) -> None:
    with pytest.raises(UnusableImage, match=reason):
        crop(np.zeros((20, 40, 3), np.uint8), square, 8)


def test_squares_from_boxes_landmarks_and_images() -> None:
    assert around_box(10, 20, 30, 60, 1.5) == Square(-10, 10, 60)
    points = np.array([[10, 20], [30, 60], [12, 40]], np.float32)
    assert around_landmarks(points, 1.5) == around_box(10, 20, 30, 60, 1.5)
    assert centre_square(100, 60) == Square(0, 20, 60)
    assert centre_square(61, 100) == Square(19.5, 0, 61)


def test_images_of_all_modes_become_rgb_with_a_note() -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    colours = Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180)))
    assert decode(encode(colours)).notes == ()
    np.testing.assert_array_equal(decode(encode(colours)).pixels, np.asarray(colours))
    assert decode(encode(colours, format="JPEG")).notes == ()
    grey = decode(encode(ramp))
    assert grey.notes == ("grey to RGB",)
    np.testing.assert_array_equal(grey.pixels, np.repeat(np.asarray(ramp)[..., None], 3, axis=2))
    assert decode(encode(colours.convert("CMYK"), format="JPEG")).notes == ("CMYK to RGB",)
    assert decode(encode(colours.convert("P"))).notes == ("P to RGB",)


def test_sixteen_bits_keep_the_upper_eight() -> None:
    deep = np.array([[0, 256, 257], [65535, 32768, 511]], np.uint16)
    decoded = decode(encode(Image.fromarray(deep)))
    assert decoded.notes == ("grey to RGB",)
    np.testing.assert_array_equal(decoded.pixels[..., 0], deep >> 8)


def test_transparent_pixels_become_black() -> None:
    image = Image.new("RGBA", (4, 4), (200, 100, 50, 255))
    image.putpixel((0, 0), (200, 100, 50, 0))
    decoded = decode(encode(image))
    assert decoded.notes == ("alpha to RGB",)
    assert decoded.pixels[0, 0].tolist() == [0, 0, 0]
    assert decoded.pixels[1, 1].tolist() == [200, 100, 50]


def test_an_orientation_tag_is_noted_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    decoded = decode(encode(Image.new("RGB", (6, 4)), format="JPEG", exif=exif))
    assert decoded.notes == ("EXIF orientation ignored",)
    assert decoded.pixels.shape == (4, 6, 3)


def test_an_image_with_a_broken_exif_tag_is_decoded() -> None:
    content = encode(Image.new("RGB", (6, 4)), format="JPEG", exif=b"Exif\0\0nonsense")
    assert decode(content).pixels.shape == (4, 6, 3)


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_an_undecodable_image_is_refused(damage: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = encode(Image.fromarray(noise), format="JPEG")
    broken = {"cut": content[: len(content) // 2], "text": b"not an image", "empty": b""}[damage]
    with pytest.raises(UnusableImage, match="undecodable"):
        decode(broken)

"""PNG sheets of images in rows, with captions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmark.files import atomic

# Pixels.
TILE = 160  # minimum side of a drawn face
GAP = 6  # between tiles
LINE = 14  # height of a line of text
PAPER, INK, FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)


def enlarged(frame: NDArray[np.uint8]) -> Image.Image:
    """A frame (S, S, 3) as an image with a side of at least ``TILE`` pixels."""
    side = max(TILE, len(frame))
    return Image.fromarray(frame).resize((side, side), Image.Resampling.BICUBIC)


def tile(image: Image.Image, captions: Sequence[str]) -> Image.Image:
    """An image with captions below it, the first one in a fainter colour."""
    canvas = Image.new("RGB", (image.width, image.height + LINE * len(captions)), PAPER)
    canvas.paste(image)
    for number, caption in enumerate(captions):
        position = (1, image.height + number * LINE)
        write_line(canvas, position, caption, image.width, INK if number else FAINT)
    return canvas


def write_line(
    image: Image.Image, position: tuple[int, int], text: str, width: float, colour: tuple[int, int, int] = INK
) -> None:
    """Draws a line of text into an image.

    Args:
        image: to draw into.
        position: of the text's upper left corner, pixels.
        text: its middle is left out where it is too wide, since file names differ in their ends.
        width: maximum width in pixels.
        colour: RGB.
    """
    font = ImageFont.load_default(LINE - 3)
    start, end = text[: len(text) // 2], text[len(text) // 2 :]
    while start and font.getlength(text) > width:
        start, end = (start[:-1], end) if len(start) >= len(end) else (start, end[1:])
        text = f"{start}…{end}"
    ImageDraw.Draw(image).text(position, text, fill=colour, font=font)


def save_sheet(path: Path, header: Sequence[str], rows: Sequence[Sequence[Image.Image]]) -> None:
    """Writes lines of text and below them rows of tiles as a PNG, atomically."""
    width = max(sum(image.width + GAP for image in row) for row in rows) + GAP
    top = GAP + LINE * len(header) + GAP
    heights = [max(image.height for image in row) + GAP for row in rows]
    sheet = Image.new("RGB", (width, top + sum(heights)), PAPER)
    for number, line in enumerate(header):
        write_line(sheet, (GAP, GAP + number * LINE), line, width - 2 * GAP)
    y = top
    for row, height in zip(rows, heights, strict=True):
        x = GAP
        for image in row:
            sheet.paste(image, (x, y))
            x += image.width + GAP
        y += height
    with atomic(path) as temporary:
        sheet.save(temporary, format="PNG")

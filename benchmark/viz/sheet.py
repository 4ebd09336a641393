"""Sheets of small pictures with lines of text, as PNG."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmark.files import atomic

TILE = 160  # least side of a drawn face, pixels
GAP = 6
LINE = 14  # height of a line of text, pixels
PAPER, INK, FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)


def enlarged(frame: NDArray[np.uint8]) -> Image.Image:
    """A frame (S, S, 3) at no less than TILE pixels a side."""
    side = max(TILE, len(frame))
    return Image.fromarray(frame).resize((side, side), Image.Resampling.BICUBIC)


def tile(image: Image.Image, captions: Sequence[str]) -> Image.Image:
    """A picture with lines of text below."""
    made = Image.new("RGB", (image.width, image.height + LINE * len(captions)), PAPER)
    made.paste(image)
    for number, caption in enumerate(captions):
        place = (1, image.height + number * LINE)
        write_line(made, place, caption, image.width, INK if number else FAINT)
    return made


def write_line(
    image: Image.Image, place: tuple[int, int], text: str, width: float, colour: tuple[int, int, int] = INK
) -> None:
    """One line of text, its middle cut out where it is wider than ``width`` pixels: names differ at their ends."""
    font = ImageFont.load_default(LINE - 3)
    start, end = text[: len(text) // 2], text[len(text) // 2 :]
    while start and font.getlength(text) > width:
        start, end = (start[:-1], end) if len(start) >= len(end) else (start, end[1:])
        text = f"{start}…{end}"
    ImageDraw.Draw(image).text(place, text, fill=colour, font=font)


def save_sheet(path: Path, header: Sequence[str], rows: Sequence[Sequence[Image.Image]]) -> None:
    """Writes lines of text and rows of equally large tiles below as a PNG."""
    width = max(sum(each.width + GAP for each in row) for row in rows) + GAP
    top = GAP + LINE * len(header) + GAP
    heights = [max(each.height for each in row) + GAP for row in rows]
    sheet = Image.new("RGB", (width, top + sum(heights)), PAPER)
    for number, line in enumerate(header):
        write_line(sheet, (GAP, GAP + number * LINE), line, width - 2 * GAP)
    y = top
    for row, height in zip(rows, heights, strict=True):
        x = GAP
        for each in row:
            sheet.paste(each, (x, y))
            x += each.width + GAP
        y += height
    with atomic(path) as temporary:
        sheet.save(temporary, format="PNG")

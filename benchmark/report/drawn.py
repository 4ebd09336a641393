"""What each method draws: the pictures that its runs have left, made smaller and embedded."""

import base64
import io
from pathlib import Path

from PIL import Image as Pillow

from benchmark.layout import PICTURES
from benchmark.pipeline.left_out import listed
from benchmark.report.lines import MOST_ROWS
from benchmark.report.parts import Gallery, Image, Section, Text
from benchmark.report.source import Row, Source, address

TRAINING = "training.png"  # its curves are drawn by `training`
MOST_HEIGHT = 760  # pixels of an embedded picture
QUALITY = 72  # of JPEG
MOST_BYTES = 900_000  # of all of them together, so that a report can be sent by mail


def section(source: Source) -> Section | None:
    """The section; None without a method."""
    rows = [row for row in source.rows if row.kind in ("method", "pretrained")]
    if not rows:
        return None
    images: list[Image] = []
    without, large, size = [], [], 0
    for row in rows:
        paths = _pictures(source, row)
        if not paths:
            without.append(row.variant)
        for path in paths:
            image = _embedded(source, row, path)
            if image is None:
                without.append(f"{row.variant} ({path.name} is broken)")
            elif size + len(image.uri) > MOST_BYTES or len(images) >= 2 * MOST_ROWS:
                large.append(f"{row.variant} ({path.name})")
            else:
                images.append(image)
                size += len(image.uri)
    text = Text(
        "Pictures of the first seed that has any: what the method makes of held-out tracks at its last such step, and "
        "what “fabbench pictures RUN” has drawn since. Each leads to the original."
    )
    notes = [f"no pictures: {listed(without)}. “fabbench pictures RUN” draws what a run has."] if without else []
    notes += [f"left out for their size: {listed(large)}"] if large else []
    return Section("drawn", "What each method draws", [text, Gallery(images)], notes)


def _pictures(source: Source, row: Row) -> list[Path]:
    """The pictures of the first run of a row that has any: of its last step, and those that a command has drawn."""
    for run in row.runs:
        found = sorted((source.run_folder(run) / PICTURES).glob("*.png"))
        of_steps = [path for path in found if path.name.startswith("step")]
        others = [path for path in found if path not in of_steps and path.name != TRAINING]
        if of_steps or others:
            return [*of_steps[-1:], *others]
    return []


def _embedded(source: Source, row: Row, path: Path) -> Image | None:
    """A picture as JPEG in a data address; None if it is broken."""
    try:
        picture = Pillow.open(path).convert("RGB")
    except OSError:
        return None
    picture.thumbnail((MOST_HEIGHT, MOST_HEIGHT), Pillow.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=QUALITY)
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    link = address(source, path)
    return Image(uri, f"{row.variant}: {path.stem}", picture.width, picture.height, link)

"""Schema of a labelled set made of CSV files and a folder of images."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from benchmark.config.base import AsWritten, Count, Schema, Whole


@dataclass(frozen=True)
class Crop(Schema):
    """The square cut round a face.

    ``kind`` is ``box`` (four columns in ``form`` xywh or ltrb: left, top, then width, height or right, bottom),
    ``landmarks`` (the box round the landmarks) or ``whole`` (the image's middle square). The side is ``factor``
    x the larger side of the box, or the image's shorter side. ``jitter`` shifts and scales each square once,
    from the set's seed: the standard deviation of its centre, in sides, and of the logarithm of its side.
    """

    kind: Literal["box", "landmarks", "whole"] = "whole"
    columns: list[str] = Field(default_factory=list)
    form: Literal["", "xywh", "ltrb"] = ""
    factor: Annotated[AsWritten, Field(gt=0)] = 1.0
    jitter: Annotated[AsWritten, Field(ge=0)] = 0.0

    def __post_init__(self) -> None:
        if self.kind == "box" and not self.form:
            raise ValueError("kind box needs form: xywh or ltrb")
        if self.kind == "box" and len(self.columns) != 4:
            raise ValueError(f"kind box needs columns: four names, not {self.columns}")
        if self.kind == "whole" and self.factor != 1:
            raise ValueError("factor has no meaning for a crop of the whole image")


@dataclass(frozen=True)
class Landmarks(Schema):
    """Columns of ``count`` points in image pixels: a pattern such as "x{i},y{i}", i from 0, or a list x, y, x, y...

    ``eyes`` are the two points whose distance is the unit of error.
    """

    columns: str | list[str] = "x{i},y{i}"
    count: Count = 68
    eyes: list[Whole] = Field(default_factory=lambda: [36, 45])

    def __post_init__(self) -> None:
        if len(self.names()) != 2 * self.count:
            raise ValueError(f"columns name {len(self.names())} columns, not 2 x {self.count}")
        if len(self.eyes) != 2 or not all(0 <= eye < self.count for eye in self.eyes):
            raise ValueError(f"eyes must be two indices below {self.count}, not {self.eyes}")

    def names(self) -> list[str]:
        """The columns, x before y, point by point."""
        if not isinstance(self.columns, str):
            return self.columns
        pattern = self.columns.split(",")
        return [part.strip().replace("{i}", str(i)) for i in range(self.count) for part in pattern]


@dataclass(frozen=True)
class Pose(Schema):
    """Columns of head pose."""

    roll: str
    pitch: str
    yaw: str
    unit: Literal["deg", "rad"] = "deg"


@dataclass(frozen=True)
class Classes(Schema):
    """A column of class names. ``names`` fixes which count, in order; default: all, sorted."""

    column: str
    names: list[str] | None = None


@dataclass(frozen=True)
class Aus(Schema):
    """Columns by action unit.

    ``threshold`` null means that the cells are 0 or 1; a number, or ``{quantile: q}`` of the known values of
    the training split, that what lies above it is 1. Cells in ``unknown`` are not known, nor are blank ones.
    """

    columns: dict[str, str]
    threshold: int | float | dict[str, AsWritten] | None = None
    unknown: list[int | float | str] = Field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.threshold, Mapping) and set(self.threshold) != {"quantile"}:
            raise ValueError(f"threshold is a number or {{quantile: q}}, not {self.threshold}")


@dataclass(frozen=True)
class CsvFaces(Schema):
    """Your own tables: CSV files and a folder of images.

    Attributes:
        csv: path of a CSV file, or several to be joined on the image column; the first lists the images.
        images: folder that the image column's names start from.
        image: column of image file names.
        identity: column of the person's name.
        split: column of train, val or test. Without one, identities (images, where there are none) are split
            75/15/10; without val, ``val_fraction`` of train's identities become val.
        group: column of a sub-set of the source, or ``colour``: grey or colour, read off the pixels.
        size: side of the frames, pixels.
        encoding: of the CSV files; default UTF-8, or UTF-16 with a mark.
        separator: of the CSV files; default: detected.
    """

    csv: str | list[str]
    images: str
    kind: Literal["csv"] = "csv"
    image: str = "image"
    identity: str | None = None
    split: str | None = None
    group: str | None = None
    size: Count = 64
    crop: Crop = Field(default_factory=Crop)
    landmarks: Landmarks | None = None
    pose: Pose | None = None
    classes: Classes | None = None
    aus: Aus | None = None
    seed: Whole = 0
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.15
    encoding: str | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        if not any((self.landmarks, self.pose, self.classes, self.aus)):
            raise ValueError("no target; give landmarks, pose, classes or aus")
        if self.crop.kind == "landmarks" and self.landmarks is None:
            raise ValueError("a crop by landmarks needs the landmarks' columns")

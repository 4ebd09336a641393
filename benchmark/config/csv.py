"""Schema of a labelled set made of CSV files and a folder of images."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from benchmark.config.base import AsWritten, Count, Schema, Whole


@dataclass(frozen=True)
class Crop(Schema):
    """The square that is cut out around a face.

    Attributes:
        kind: ``box``: given in columns; ``landmarks``: the bounding box of the landmarks; ``whole``: the centre square
            of the image.
        columns: for ``box``, the four columns, in pixels.
        form: of the columns: xywh (left, top, width, height) or ltrb (left, top, right, bottom).
        factor: side of the square in larger sides of the box.
        jitter: standard deviation of a random shift, in sides, and of the logarithm of a random scale. Each face has
            one draw, from the set's seed.
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
    """Columns of landmarks, in image pixels.

    Attributes:
        columns: a pattern such as "x{i},y{i}", i from 0, or the list of columns x, y, x, y...
        count: number of points.
        eyes: the two points whose distance is the unit of error.
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
    """A column of class names.

    Attributes:
        column: the column.
        names: the classes to use, in order; default: all, sorted.
    """

    column: str
    names: list[str] | None = None


@dataclass(frozen=True)
class Aus(Schema):
    """Columns of action units.

    Attributes:
        columns: column of each action unit, by the unit's name.
        threshold: intensity above which a unit is active: a number, or ``{quantile: q}`` of the known values of the
            training split; default: cells are 0 or 1.
        unknown: cells, besides blank ones, that mean an unknown value.
    """

    columns: dict[str, str]
    threshold: int | float | dict[str, AsWritten] | None = None
    unknown: list[int | float | str] = Field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.threshold, Mapping) and set(self.threshold) != {"quantile"}:
            raise ValueError(f"threshold is a number or {{quantile: q}}, not {self.threshold}")


@dataclass(frozen=True)
class Numbers(Schema):
    """Columns of numbers in any units, such as valence, arousal or age.

    Attributes:
        columns: column of each number, by its name.
        unknown: cells, besides blank ones, that mean an unknown value.
    """

    columns: dict[str, str]
    unknown: list[int | float | str] = Field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("columns is empty; give a name and a column, such as {age: age_years}")


@dataclass(frozen=True)
class CsvFaces(Schema):
    """Your own tables: CSV files and a folder of images.

    Attributes:
        csv: path of a CSV file, or of several, which are joined on the image column; the first lists the images.
        images: folder of the images.
        image: column of file names, relative to ``images``.
        identity: column of the person's name.
        split: column of train, val or test. Without one, identities (images, where there are none) are split
            75/15/10; without val, ``val_fraction`` of train's identities become val.
        group: column of groups to score separately as well, or ``colour``: grey or colour, by the pixels.
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
    regression: Numbers | None = None
    seed: Whole = 0
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.15
    encoding: str | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        if not any((self.landmarks, self.pose, self.classes, self.aus, self.regression)):
            raise ValueError("no target; give landmarks, pose, classes, aus or regression")
        if self.crop.kind == "landmarks" and self.landmarks is None:
            raise ValueError("a crop by landmarks needs the landmarks' columns")

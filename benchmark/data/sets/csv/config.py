"""How a CSV and a folder of images become a labelled set: every key, its default and its meaning."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from benchmark.errors import UsageError, suggestion

T = TypeVar("T")


def _one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{key} is {value!r}; one of {', '.join(known)}")


@dataclass(frozen=True)
class Crop:
    """The square cut round a face.

    ``kind`` is ``box`` (four columns in ``form`` xywh or ltrb: left, top, then width, height or right, bottom),
    ``landmarks`` (the box round the landmarks) or ``whole`` (the image's middle square). The side is ``factor``
    x the larger side of the box, or the image's shorter side. ``jitter`` shifts and scales each square once,
    from the set's seed: the standard deviation of its centre, in sides, and of the logarithm of its side.
    """

    kind: str = "whole"
    columns: Sequence[str] = ()
    form: str = ""
    factor: float = 1.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        _one_of("crop.kind", self.kind, ("box", "landmarks", "whole"))
        if self.kind == "box":
            _one_of("crop.form", self.form, ("xywh", "ltrb"))
            if len(self.columns) != 4:
                raise UsageError(f"crop.columns must name four columns, not {list(self.columns)}")
        if self.kind == "whole" and self.factor != 1:
            raise UsageError("crop.factor has no meaning for a crop of the whole image")
        if not self.factor > 0 or not self.jitter >= 0:
            raise UsageError("crop.factor must be above 0 and crop.jitter not below 0")


@dataclass(frozen=True)
class Landmarks:
    """Columns of ``count`` points in image pixels: a pattern such as "x{i},y{i}", i from 0, or a list x, y, x, y...

    ``eyes`` are the two points whose distance is the unit of error.
    """

    columns: str | Sequence[str] = "x{i},y{i}"
    count: int = 68
    eyes: Sequence[int] = (36, 45)

    def __post_init__(self) -> None:
        if len(self.names()) != 2 * self.count:
            raise UsageError(f"landmarks.columns name {len(self.names())} columns, not 2 x {self.count}")
        if len(self.eyes) != 2 or not all(0 <= eye < self.count for eye in self.eyes):
            raise UsageError(f"landmarks.eyes must be two indices below {self.count}, not {list(self.eyes)}")

    def names(self) -> list[str]:
        """The columns, x before y, point by point."""
        if not isinstance(self.columns, str):
            return list(self.columns)
        pattern = self.columns.split(",")
        return [part.strip().replace("{i}", str(i)) for i in range(self.count) for part in pattern]


@dataclass(frozen=True)
class Pose:
    """Columns of head pose; ``unit`` is deg or rad."""

    roll: str
    pitch: str
    yaw: str
    unit: str = "deg"

    def __post_init__(self) -> None:
        _one_of("pose.unit", self.unit, ("deg", "rad"))


@dataclass(frozen=True)
class Classes:
    """A column of class names. ``names`` fixes which count, in order; default: all, sorted."""

    column: str
    names: Sequence[str] | None = None


@dataclass(frozen=True)
class Aus:
    """Columns by action unit.

    ``threshold`` null means that the cells are 0 or 1; a number, or ``{quantile: q}`` of the known values of
    the training split, that what lies above it is 1. Cells in ``unknown`` are not known, nor are blank ones.
    """

    columns: Mapping[str, str]
    threshold: float | Mapping[str, float] | None = None
    unknown: Sequence[float | str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.threshold, Mapping) and set(self.threshold) != {"quantile"}:
            raise UsageError(f"aus.threshold is a number or {{quantile: q}}, not {dict(self.threshold)}")


@dataclass(frozen=True)
class CsvFaces:
    """A labelled set made of CSV files and a folder of images.

    Attributes:
        name: of the set, in tables.
        csv: path of a CSV file, or several to be joined on the image column; the first lists the images.
        images: folder that the image column's names start from.
        image: column of image file names.
        identity: column of the person's name.
        split: column of train, val or test. Without one, identities (images, where there are none) are split
            75/15/10; without val, ``val_fraction`` of train's identities become val.
        group: column of a sub-set of the source, or ``colour``: grey or colour, read off the pixels.
        size: side of the frames, pixels.
        encoding: of the CSV files; default UTF-8, or UTF-16 with a mark.
        separator: of the CSV files; default: found out.
    """

    name: str
    csv: str | Sequence[str]
    images: str
    image: str = "image"
    identity: str | None = None
    split: str | None = None
    group: str | None = None
    size: int = 64
    crop: Crop = Crop()
    landmarks: Landmarks | None = None
    pose: Pose | None = None
    classes: Classes | None = None
    aus: Aus | None = None
    seed: int = 0
    val_fraction: float = 0.15
    encoding: str | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        if not any((self.landmarks, self.pose, self.classes, self.aus)):
            raise UsageError(f"set {self.name}: no target; state landmarks, pose, classes or aus")
        if self.crop.kind == "landmarks" and self.landmarks is None:
            raise UsageError(f"set {self.name}: a crop by landmarks needs the landmarks' columns")
        if not 0 < self.val_fraction < 1 or self.size < 1:
            raise UsageError(f"set {self.name}: val_fraction must lie between 0 and 1, size above 0")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "CsvFaces":
        """Reads the keys of a plain mapping, such as a YAML file's.

        Raises:
            UsageError: an unknown or missing key, or a value out of range.
        """
        sections = {"crop": Crop, "landmarks": Landmarks, "pose": Pose, "classes": Classes, "aus": Aus}
        made = {
            key: _build(sections[key], value, f"{key}.") if key in sections and value is not None else value
            for key, value in values.items()
        }
        return _build(cls, made, "")


def _build(cls: type[T], values: Any, prefix: str) -> T:
    """A dataclass from a mapping."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{prefix.rstrip('.')} must be a mapping of keys, not {values!r}")
    known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise UsageError(f"unknown key {prefix}{key}{suggestion(str(key), known)}")
    for key, item in known.items():
        if key not in values and item.default is MISSING:
            raise UsageError(f"key {prefix}{key} is missing")
    return cls(**values)

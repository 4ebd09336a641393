"""What a section of the report consists of; `templates/parts.html` says how each part looks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from markupsafe import Markup


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar = "text"
    text: str


@dataclass(frozen=True)
class Points:
    """A list of sentences, each with an anchor on this page to follow, or ""."""

    kind: ClassVar = "points"
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Warnings:
    """What a reader must know first; as `Points`."""

    kind: ClassVar = "warnings"
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Figure:
    """A drawing."""

    kind: ClassVar = "figure"
    svg: Markup
    title: str


@dataclass(frozen=True)
class Gallery:
    """Figures, charts or images, side by side where there is room."""

    kind: ClassVar = "gallery"
    figures: Sequence["Figure | Chart | Image"]
    wide: bool = False


@dataclass(frozen=True)
class Legend:
    """Names of rows, each with a sample of its line."""

    kind: ClassVar = "legend"
    entries: Sequence[tuple[str, Markup]]


@dataclass(frozen=True)
class Cell:
    """An entry of a table.

    Attributes:
        text: as shown.
        value: that the column is sorted by; None: by the text, after all values.
        anchor: on this page, where the number comes from; "": nowhere.
        strong: whether it is set in bold.
    """

    text: str
    value: float | None = None
    anchor: str = ""
    strong: bool = False


@dataclass(frozen=True)
class DataTable:
    """A table that can be sorted by each column."""

    kind: ClassVar = "table"
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite chart of the points of `Data`."""

    kind: ClassVar = "chart"
    spec: dict[str, Any]
    data: str  # name of its `Data`
    title: str


@dataclass(frozen=True)
class Data:
    """Points that charts of one section share."""

    kind: ClassVar = "data"
    name: str
    points: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Image:
    """A picture, embedded."""

    kind: ClassVar = "image"
    uri: str
    title: str
    width: int
    height: int
    link: str = ""  # to the original, relative to the report; "": nowhere


@dataclass(frozen=True)
class Listing:
    """A text of a file, such as a configuration."""

    kind: ClassVar = "listing"
    title: str
    text: str


@dataclass(frozen=True)
class Links:
    """Files beside the report."""

    kind: ClassVar = "links"
    files: Sequence[tuple[str, str]]  # shown, relative path


@dataclass(frozen=True)
class Folded:
    """Parts that are shown on a click, under an anchor."""

    kind: ClassVar = "folded"
    title: str
    parts: Sequence[Any]
    anchor: str = ""


Part = (
    Text | Points | Warnings | Figure | Gallery | Legend | DataTable | Chart | Data | Image | Listing | Links | Folded
)


@dataclass(frozen=True)
class Section:
    """A section of the page; ``notes`` say what is not shown in it, and why."""

    anchor: str
    title: str
    parts: Sequence[Part]
    notes: Sequence[str] = field(default=())

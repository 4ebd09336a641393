"""Which rows a figure shows, and their colours and dashes: the same in every figure of a report."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from benchmark.pipeline.left_out import listed
from benchmark.report.figures import INK
from benchmark.report.parts import Legend
from benchmark.report.source import Row, Source

MOST_ROWS = 12  # in one figure, so that lines can be told apart

# Readable on white and on dark paper, and told apart with the common kinds of colour blindness (after Okabe and Ito).
COLOURS = ("#3b82c4", "#d9822b", "#2f9e62", "#c94f6d", "#8a6cc2", "#a27b45", "#2a9d9d", "#c46fb0")
FLOOR, CEILING = "#8b9099", INK
DASHES = ("-", "--", "-.", ":")
SVG_DASHES = {"-": "none", "--": "6 3", "-.": "7 2 1.5 2", ":": "1.5 2.5"}


@dataclass(frozen=True)
class Line:
    """How a row is drawn."""

    colour: str
    dash: str

    @property
    def style(self) -> dict[str, Any]:
        """Arguments of matplotlib."""
        return {"color": self.colour, "linestyle": self.dash}

    @property
    def sample(self) -> Markup:
        """A piece of the line, as SVG."""
        return Markup(
            '<svg class="sample" width="28" height="10" aria-hidden="true"><line x1="1" y1="5" x2="27" y2="5" '
            'stroke="{}" stroke-width="2" stroke-dasharray="{}"/></svg>'
        ).format(self.colour.replace(INK, "currentColor"), SVG_DASHES[self.dash])


def lines_of(source: Source) -> dict[str, Line]:
    """The line of each row, by the row's anchor."""
    found = {}
    counts: dict[str, int] = {}
    for row in source.rows:
        group = row.kind if row.kind in ("floor", "ceiling") else "method"
        number = counts[group] = counts.get(group, -1) + 1
        if group == "method":
            line = Line(COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)])
        else:
            line = Line(FLOOR if group == "floor" else CEILING, DASHES[(number + 1) % len(DASHES)])
        found[row.anchor] = line
    return found


def legend(source: Source, rows: list[Row]) -> Legend:
    """The legend of figures that show these rows."""
    lines = lines_of(source)
    return Legend([(row.variant, lines[row.anchor].sample) for row in rows])


def rows_shown(source: Source, rows: list[Row]) -> tuple[list[Row], list[str]]:
    """At most `MOST_ROWS` of these rows, and a note that names those left out.

    Methods come before pretrained rows, ceilings and floors, in the order of the tables.
    """
    order = ("method", "pretrained", "ceiling", "floor")
    ranked = sorted(rows, key=lambda row: order.index(row.kind))
    kept, left = ranked[:MOST_ROWS], ranked[MOST_ROWS:]
    if not left:
        return rows, []
    names = listed(row.variant for row in left)
    note = f"{len(kept)} of {len(rows)} rows are drawn; left out are {names}. methods= chooses which are reported."
    return [row for row in source.rows if row in kept], [note]

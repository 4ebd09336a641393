"""Figures as inline SVG: drawn by matplotlib, the same bytes each time, in the text colour of the page."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

INK = "#010203"  # stands for the text colour of the page, which is dark on light paper and light on dark paper
SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and is set in the font of the page
    "svg.hashsalt": "fab-bench",
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), INK
    ),
    "grid.color": INK,
}
SMALL = (3.3, 2.5)  # inches; fits a phone


@dataclass
class Drawing:
    """A figure being drawn, and its SVG once `drawing` has ended."""

    axes: Axes
    svg: Markup = field(default_factory=Markup)


@contextmanager
def drawing(name: str, size: tuple[float, float] = SMALL) -> Iterator[Drawing]:
    """Yields axes to draw into; afterwards the drawing has its SVG.

    Args:
        name: of the figure, unique on the page: the SVG's own anchors begin with it.
        size: width and height in inches.
    """
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        drawn = Drawing(figure.subplots())
        drawn.axes.patch.set_alpha(0)
        yield drawn
        buffer = io.StringIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})  # savefig would draw twice
    drawn.svg = _inline(buffer.getvalue(), name)


def logarithmic(axes: Axes) -> None:
    """Gives the horizontal axis a logarithmic scale with plain numbers such as 2e11."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}".replace("e+", "e"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _inline(svg: str, name: str) -> Markup:
    """An SVG document as an element of a page: without header and metadata, with anchors of its own."""
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(
        r"<!--.*?-->|\n\s*", lambda found: "" if found[0][0] == "<" else "\n", svg.replace(INK, "currentColor")
    )
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))

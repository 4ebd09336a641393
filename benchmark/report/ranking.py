"""Methods ranked over labelled sets where the data carry it, and the probability that one beats another on a task."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.pipeline.left_out import listed
from benchmark.pipeline.results import sets_of_tasks
from benchmark.report.confusion import SHADES
from benchmark.report.figures import INK, drawing
from benchmark.report.lines import rows_shown
from benchmark.report.parts import Cell, DataTable, Figure, Gallery, Part, Section, Text
from benchmark.report.source import Source
from probes.statistics import LEVEL
from probes.tables.columns import NEITHER
from probes.tables.ranking import Ranking, probabilities, ranking_of, ranking_sentence

WIDE = 6  # methods above which matrices are shown larger
CHARACTER = 0.065  # inches of a name, at most
MEANING = (
    "The probability that the method of a line has a better true mean than that of a column, given their scores on the "
    "same test faces and seeds, if nothing was known of them before: half the p-value of their paired difference, or 1 "
    "minus that. It is of one pair alone; what can be claimed of all methods together is said at the top."
)


def section(source: Source) -> Section | None:
    """The section; None with less than two methods that have scores."""
    if not source.probes:
        return None
    ranking = ranking_of(source.overview, sets_of_tasks(source.benchmark))
    figures, notes = _matrices(source)
    if ranking is None and not figures:
        return None
    parts = _of_ranking(source, ranking) if ranking is not None else []
    if ranking is not None and ranking.left_out:
        notes.append(f"not ranked, since they have no score on some task: {listed(ranking.left_out)}")
    if figures:
        methods = [row for row in source.rows if row.kind == "method"]
        one_seed = any(len(row.runs) == 1 for row in methods)
        of_networks = " With one seed it is of these networks, and not of the methods." if one_seed else ""
        parts += [Text(MEANING + of_networks), Gallery(figures, wide=len(methods) > WIDE)]
    return Section("ranking", "Ranking", parts, notes)


def _of_ranking(source: Source, ranking: Ranking) -> list[Part]:
    """What is shown over all sets and, where anything is, mean ranks and the critical-difference diagram."""
    sentence = Text(ranking_sentence(ranking))
    if not ranking.shown or ranking.test is None:
        return [sentence]
    about = Text(
        "Ranks are means over labelled sets; a set with several tasks counts once. Methods under one bar are not shown "
        "to differ: their mean ranks do by no more than the critical difference, "
        f"{ranking.test.critical_difference:.2f} ({100 * (1 - LEVEL):.0f} % for all pairs together). A rank does not "
        "tell how large a difference is, and holds for these trained networks."
    )
    anchors = {row.variant: row.anchor for row in source.rows if row.kind == "method"}
    rows = [
        [Cell(name, anchor=anchors.get(name, "")), Cell(f"{rank:.2f}", float(rank))]
        for name, rank in zip(ranking.methods, ranking.mean_ranks, strict=True)
    ]
    title = f"Mean rank over {ranking.sets} labelled sets"
    return [
        sentence,
        about,
        Gallery([_diagram(ranking, title)], wide=True),
        DataTable("Mean ranks", ["method", "rank"], rows),
    ]


def _diagram(ranking: Ranking, title: str) -> Figure:
    """The critical-difference diagram (Demsar 2006, figure 1)."""
    import pandas as pd
    import scikit_posthocs  # takes seconds to import

    assert ranking.test is not None
    names = [*ranking.methods]
    pairs = pd.DataFrame(ranking.test.pairs, names, names)
    ink: dict[str, Any] = {"color": INK}
    width = max(4.2, 2.4 + 2 * CHARACTER * max(map(len, names)))
    with drawing("critical-difference", (width, 1.2 + 0.16 * len(names))) as drawn:
        drawn.axes.grid(visible=False)
        drawn.axes.set_xlim(0.9, len(names) + 0.1)
        drawn.axes.set_xticks(range(1, len(names) + 1))
        artists = scikit_posthocs.critical_difference_diagram(
            pd.Series(ranking.mean_ranks, names),
            pairs,
            alpha=1 - LEVEL,
            ax=drawn.axes,
            marker_props=ink | {"s": 14},
            elbow_props=ink | {"linewidth": 0.8},
            crossbar_props=ink,
            text_h_margin=0.03 * len(names),
        )
        for (bar,) in artists["crossbars"]:
            bar.set_xdata(sorted(bar.get_xdata()))  # the order is that of a set of names, which differs by process
    return Figure(drawn.svg, f"{title}; 1 is the best")


def _matrices(source: Source) -> tuple[list[Figure], list[str]]:
    """A matrix for each task on which two methods can be compared, and what is left out."""
    methods, notes = rows_shown(source, [row for row in source.rows if row.kind == "method"])
    names = [row.variant for row in methods]
    figures = []
    for number, each in enumerate(source.overview.columns):
        if each.column.better == NEITHER:
            continue
        found = probabilities(each.column, source.series, names)
        if np.isnan(found).all():
            if len(names) > 1:
                notes.append(f"{each.title}: no two methods can be compared on the same test faces and seeds")
            continue
        figures.append(_matrix(each.title, f"beats{number}", found, names))
    return figures, notes


def _matrix(title: str, name: str, values: NDArray[np.float64], names: list[str]) -> Figure:
    """Probabilities as shaded cells, the deeper the higher; columns have the numbers of the methods."""
    n = len(names)
    labels = [f"{each}  {number}" for number, each in enumerate(names, 1)]
    with drawing(name, (max(3.3, 0.4 + CHARACTER * max(map(len, labels)) + 0.28 * n), 0.7 + 0.24 * n)) as drawn:
        drawn.axes.pcolormesh(range(n), range(n), values, cmap=SHADES, vmin=0.5, vmax=1, shading="nearest")
        for y, x in np.argwhere(~np.isnan(values)):
            drawn.axes.text(x, y, _shown(values[y, x]), ha="center", va="center", fontsize=7)
        drawn.axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xlabel="beats method")
        drawn.axes.set_xticks(range(n), [*map(str, range(1, n + 1))], fontsize=7.5)
        drawn.axes.set_yticks(range(n), labels, fontsize=7.5)
        drawn.axes.grid(visible=False)
    return Figure(drawn.svg, title)


def _shown(probability: float) -> str:
    """Two digits as .87; what would be rounded to 0 or 1 as a bound."""
    if probability >= 0.995:
        return ">.99"
    if probability < 0.005:
        return "<.01"
    return f"{probability:.2f}".removeprefix("0")

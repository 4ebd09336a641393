"""Embeddings of test faces by their first two principal components, coloured by head pose and by expression."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.errors import DataError, first_line
from benchmark.report.lines import rows_shown
from benchmark.report.parts import Chart, Data, Gallery, Part, Section, Text
from benchmark.report.source import Row, Source, evenly

MOST_FACES = 300  # of a set
COLOUR = {"classes": "expression", "pose": "angle"}


def section(source: Source) -> Section | None:
    """The section; None where no set has a head pose or an expression for each face."""
    names = dict.fromkeys(source.set_of(task) for task in source.tasks_of("pose", "classes"))
    parts: list[Part] = []
    notes: list[str] = []
    for number, name in enumerate(names):
        try:
            faces = source.labels(name)
        except DataError as error:
            notes.append(f"set {name}: not drawn ({first_line(error)})")
            continue
        shown, missing = _of_set(source, name, faces, f"faces{number}")
        parts += shown
        notes += missing
    if not parts and not notes:
        return None
    text = Text(
        "Each point is a test face, at the first two principal components of a row's embeddings (first seed that is "
        "done), each divided by its standard deviation. Choose a row and an angle below a chart; point at a face for "
        "its labels; click an expression in the legend to see it alone."
    )
    return Section("embeddings", "Embeddings", [text, *parts], notes)


def _of_set(source: Source, name: str, faces: LabelledSet, data: str) -> tuple[list[Part], list[str]]:
    """The charts of one set with their points, and what is missing."""
    rows = faces.indices("test")
    rows = rows[evenly(len(rows), MOST_FACES)]
    labels = _labels(faces, rows)
    shown, notes = rows_shown(source, [row for row in source.rows if _is_embedded(source, row, name)])
    points: list[dict[str, Any]] = []
    drawn: list[str] = []
    for row in shown:
        features = source.features(row, name)
        if features is None or len(features) != len(faces.frames):
            notes.append(f"{row.variant}: no embeddings of set {name} that can be read")
            continue
        xy = principal_components(features[rows])
        label = f"{row.variant} ({row.kind})"
        drawn.append(label)
        points += [
            {"row": label, "x": round(float(x), 2), "y": round(float(y), 2), **values}
            for (x, y), values in zip(xy, labels, strict=True)
        ]
    if not points:
        return [], notes
    first = next((f"{row.variant} ({row.kind})" for row in shown if row.kind == "method"), drawn[0])
    kinds = {target.kind: target.names for target in faces.targets.values() if target.kind in COLOUR}
    charts = []
    if "pose" in kinds:
        charts.append(Chart(_by_angle(data, drawn, first, kinds["pose"]), data, f"{name}: head pose"))
    if "classes" in kinds:
        charts.append(Chart(_by_class(data, drawn, first), data, f"{name}: expression"))
    return [Data(data, points), Gallery(charts, wide=True)], notes


def _is_embedded(source: Source, row: Row, name: str) -> bool:
    """Whether a row is one embedding for all tasks: a ceiling is trained on each task by itself."""
    return row.kind != "ceiling" and row.variant != "mean" and any(name in run.sets for run in row.runs)


def principal_components(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The first two principal components (n, 2) of features (n, D), each of variance 1; 0 where there is none.

    The sign of each is such that its largest coordinate is positive.
    """
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    squares, vectors = np.linalg.eigh(centred @ centred.T)
    vectors = vectors[:, ::-1][:, :2] * (squares[::-1][:2] > 1e-9 * max(squares[-1], 1e-30))
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0)[None], 0)
    components: NDArray[np.float64] = vectors * np.where(largest < 0, -1, 1) * np.sqrt(len(features))
    return np.pad(components, ((0, 0), (0, 2 - components.shape[1])))


def _labels(faces: LabelledSet, rows: NDArray[np.intp]) -> list[dict[str, Any]]:
    """Name, angles and expression of each of these faces, where known."""
    found: list[dict[str, Any]] = [{"face": str(faces.image_ids[row])} for row in rows]
    for target in faces.targets.values():
        for entry, row in zip(found, rows, strict=True):
            if not target.known[row].all():
                continue
            if target.kind == "pose":
                entry |= {f"angle{i}": round(float(value), 1) for i, value in enumerate(target.values[row])}
            elif target.kind == "classes":
                entry["expression"] = target.names[target.values[row]]
    return found


def _by_angle(data: str, rows: list[str], first: str, angles: tuple[str, ...]) -> dict[str, Any]:
    import altair as alt

    fields = [f"angle{i}" for i in range(len(angles))]
    choice = alt.param(
        "angle", value=fields[-1], bind=alt.binding_select(options=fields, labels=[*angles], name="Angle ")
    )
    colour = alt.Color("degrees:Q", title="degrees", scale=alt.Scale(scheme="viridis"))
    base = _scatter(data, rows, first, colour).add_params(choice)
    return _plain(base.transform_calculate(degrees="datum[angle]").transform_filter("isValid(datum.degrees)"))


def _by_class(data: str, rows: list[str], first: str) -> dict[str, Any]:
    import altair as alt

    picked = alt.selection_point("picked", fields=["expression"], bind="legend")
    colour = alt.Color("expression:N", title=None, scale=alt.Scale(scheme="tableau10"))
    base = _scatter(data, rows, first, colour).add_params(picked)
    return _plain(
        base.transform_filter("isValid(datum.expression)").encode(
            opacity=alt.condition(picked, alt.value(0.85), alt.value(0.08))
        )
    )


def _scatter(data: str, rows: list[str], first: str, colour: Any) -> Any:
    """The points of one row, chosen below the chart."""
    import altair as alt

    choice = alt.param("row", value=first, bind=alt.binding_select(options=rows, name="Row "))
    labels = [alt.Tooltip("face:N"), alt.Tooltip("expression:N")]
    return (
        alt.Chart(alt.NamedData(name=data))
        .mark_circle(size=36, opacity=0.85)
        .encode(
            x=alt.X("x:Q", title="first component", axis=alt.Axis(tickCount=6)),
            y=alt.Y("y:Q", title="second component", axis=alt.Axis(tickCount=6)),
            color=colour,
            tooltip=labels,
        )
        .add_params(choice)
        .transform_filter("datum.row == row")
        .properties(width="container", height=300)
    )


def _plain(chart: Any) -> dict[str, Any]:
    """A chart as Vega-Lite, in the colours and font of the page."""
    ink = dict.fromkeys(("labelColor", "titleColor", "domainColor", "tickColor", "gridColor"), "currentColor")
    configured = (
        chart.configure(background="transparent", font="inherit")
        .configure_axis(**ink, gridOpacity=0.15)
        .configure_view(stroke=None)
        .configure_legend(labelColor="currentColor", titleColor="currentColor", orient="bottom", columns=4)
    )
    spec: dict[str, Any] = configured.to_dict()
    return spec

"""Retrieval tasks: scores beside chance, and the faces of other people that each row puts next to a face."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.errors import DataError, first_line
from benchmark.pipeline.series import read_series
from benchmark.report.drawn import QUALITY
from benchmark.report.lines import rows_shown
from benchmark.report.parts import Cell, DataTable, Gallery, Image, Part, Section, Text
from benchmark.report.source import Record, Row, Source, evenly
from probes.neighbours import fewest_others, nearest
from probes.statistics import LEVEL
from probes.tables.claims import AllSeries
from probes.tables.columns import Column, task_columns
from probes.target import RETRIEVAL

QUERIES, NEIGHBOURS = 6, 5  # lines of a picture, and faces beside each query
TILE, GAP = 52, 8  # pixels of a face's side, and between a query and its neighbours
GREY = 139  # of the gap: seen on light and on dark paper


def section(source: Source) -> Section | None:
    """The section; None without a retrieval task."""
    parts: list[Part] = []
    notes: list[str] = []
    for task in source.tasks_of(RETRIEVAL):
        parts.append(_scores(source, task))
        images, missing = _pictures(source, task)
        notes += missing
        if images:
            text = (
                f"{task}: on the left of each line a test face, beside it the {NEIGHBOURS} nearest faces of other "
                "people by the embedding of the first seed that is done, the nearest first. All rows are asked about "
                "the same faces, which are evenly spread over the test split and not picked."
            )
            parts += [Text(text), Gallery(images)]
    return Section("retrieval", "Retrieval", parts, notes) if parts else None


def _scores(source: Source, task: str) -> DataTable:
    """Every measure of a task, with its interval, below what chance gives."""
    records = [record for record in source.probes if record["task"] == task]
    columns = task_columns(records, False)
    series = read_series(
        source.folder.parent, records, source.head, {(column.task, column.metric) for column in columns}
    )
    rows = [[Cell("chance"), Cell("–"), *(_chance(records[0], column) for column in columns)]]
    for row in source.rows:
        scored = source.of_row(row, task)
        if scored:
            cells = [_cell(row, scored, column, series) for column in columns]
            rows.append([Cell(row.kind), Cell(row.variant, anchor=row.anchor), *cells])
    caption = (
        f"Mean over seeds ± half the width of its {100 * LEVEL:.0f} % interval over seeds and the people who are asked "
        "about; those who may be retrieved stay the same. The nearest face, or the first five, are compared with the "
        "face: in head pose by the mean absolute difference of the angles, else by the share of labels that agree. "
        "Chance is any face of another person. Methods are tested against each other at the top, by the first measure."
    )
    measures = [column.heading().replace(" ↓", "\u00a0↓").replace(" ↑", "\u00a0↑") for column in columns]
    return DataTable(task, ["kind", "row", *measures], rows, caption)


def _chance(record: Record, column: Column) -> Cell:
    name = f"{column.metric.rpartition('_')[0]}_chance"
    return _number(record["heads"][RETRIEVAL]["metrics"][name]["value"], column)


def _cell(row: Row, records: list[Record], column: Column, series: AllSeries) -> Cell:
    values = [record["heads"][RETRIEVAL]["metrics"].get(column.metric, {}).get("value") for record in records]
    known = [value for value in values if value is not None]
    found = series.get((row.kind, row.variant, column.task, column.metric))
    half_width = found.estimate.half_width() if found is not None and found.estimate.known else None
    return _number(float(np.mean(known)) if known else None, column, half_width, row.anchor)


def _number(mean: float | None, column: Column, half_width: float | None = None, anchor: str = "") -> Cell:
    if mean is None:
        return Cell("–")
    spread = "" if half_width is None else f" ± {column.show(half_width)}"
    return Cell(column.show(mean) + spread, mean, anchor)


def _pictures(source: Source, task: str) -> tuple[list[Image], list[str]]:
    """A picture for each row that has embeddings of a task's set, and what is left out."""
    name = source.set_of(task)
    try:
        faces = source.labels(name)
    except DataError as error:
        return [], [f"{task}: no pictures, since its faces cannot be read ({first_line(error)})"]
    rows = faces.indices("test")
    people = None if faces.identity is None else faces.identity[rows]
    if fewest_others(people, len(rows)) < NEIGHBOURS:
        return [], [f"{task}: no pictures, since a test face has less than {NEIGHBOURS} faces of other people"]
    queries = evenly(len(rows), QUERIES)
    shown, notes = rows_shown(source, [row for row in source.rows if source.of_row(row, task)])
    images = []
    for row in shown:
        features = source.features(row, name)
        if features is None or len(features) != len(faces.frames):
            notes.append(f"{row.variant}: no pictures, since it has no embeddings of set {name} that can be read")
            continue
        of_test = features[rows]
        if (of_test == of_test[0]).all():
            notes.append(f"{row.variant}: no pictures, since all faces are equally near")
            continue
        found, _ = nearest(of_test, people, queries, NEIGHBOURS)
        images.append(_picture(faces, rows[queries], rows[found], row.variant))
    return images, notes


def _picture(faces: LabelledSet, queries: NDArray[np.intp], found: NDArray[np.intp], variant: str) -> Image:
    """Queries (Q,), each with its neighbours (Q, K), as one JPEG in a data address."""
    width, height = (1 + found.shape[1]) * TILE + GAP, len(queries) * TILE
    sheet = Pillow.new("RGB", (width, height), (GREY, GREY, GREY))
    for line, (query, neighbours) in enumerate(zip(queries, found, strict=True)):
        for column, face in enumerate((query, *neighbours)):
            tile = Pillow.fromarray(faces.frames[face]).resize((TILE, TILE), Pillow.Resampling.LANCZOS)
            sheet.paste(tile, (column * TILE + GAP * (column > 0), line * TILE))
    buffer = io.BytesIO()
    sheet.save(buffer, format="JPEG", quality=QUALITY)
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return Image(uri, variant, width, height)

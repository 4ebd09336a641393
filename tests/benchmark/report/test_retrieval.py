"""The section of retrieval tasks."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from safetensors.numpy import load_file, save_file

from benchmark.layout import features_file
from benchmark.pipeline.benchmark_record import BenchmarkRecord
from benchmark.report.parts import DataTable, Gallery, Image, Section
from benchmark.report.retrieval import GAP, NEIGHBOURS, QUERIES, TILE, section
from benchmark.report.source import Source
from probes.neighbours import nearest
from probes.statistics import estimate
from tests.benchmark.report.made import labelled_set, make
from tests.benchmark.report.retrieved import TASK, with_retrieval

ROWS = {"pixels": "floor", "fabnet": "method", "rotation": "method", "supervised": "ceiling"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return with_retrieval(make(tmp_path, ROWS, tasks=["angles"]))


def source(folder: Path) -> Source:
    return Source(folder, BenchmarkRecord.read(folder), "exact")


def found(folder: Path) -> Section:
    made = section(source(folder))
    assert made is not None
    return made


def images_of(made: Section) -> list[Image]:
    return [
        each for part in made.parts if isinstance(part, Gallery) for each in part.figures if isinstance(each, Image)
    ]


def test_scores_stand_beside_chance_with_their_intervals(folder: Path) -> None:
    made = found(folder)
    (table,) = [part for part in made.parts if isinstance(part, DataTable)]
    assert [row[0].text for row in table.rows] == ["chance", "floor", "method", "method"]  # a ceiling retrieves nothing
    assert table.headings[2] == "pose, nearest (deg\u00a0↓)"
    assert len(table.headings) == 2 + 3 * 2
    opened = source(folder)
    fabnet = next(row for row in opened.rows if row.variant == "fabnet")
    records = opened.of_row(fabnet, TASK)
    metrics = [record["heads"]["retrieval"]["metrics"] for record in records]
    chance, of_fabnet = table.rows[0][2], next(row for row in table.rows if row[1].text == "fabnet")[2]
    assert chance.value == pytest.approx(metrics[0]["pose_chance"]["value"])
    values = np.array([each["pose_1"]["value"] for each in metrics])
    paths = [folder.parent / record["run"] / "probes" for record in records]
    without = np.stack(
        [load_file(next(path.glob(f"{TASK}*.safetensors")))["retrieval.pose_1.without"] for path in paths]
    )
    assert of_fabnet.value == pytest.approx(values.mean())
    assert of_fabnet.text == f"{values.mean():.2f} ± {estimate(values, without).half_width():.2f}"


def test_pictures_show_queries_with_their_nearest_faces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = labelled_set()
    for number, frame in enumerate(faces.frames):
        frame[:] = 2 * number  # so that a tile tells which face it shows
    opened = source(folder)
    monkeypatch.setattr(opened, "labels", lambda name: faces)
    made = section(opened)
    assert made is not None
    images = images_of(made)
    assert [image.title for image in images] == ["pixels", "fabnet", "rotation"]
    picture = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(images[1].uri.partition(",")[2]))))
    assert picture.shape == (QUERIES * TILE, (1 + NEIGHBOURS) * TILE + GAP, 3)
    rows = faces.indices("test")
    queries = np.linspace(0, len(rows) - 1, QUERIES).round().astype(int)
    features = load_file(features_file(folder / "made" / "1" / "seed0-0123456789", "made"))["features"][rows]
    expected, _ = nearest(features, None, queries.tolist(), NEIGHBOURS)
    for line, (query, neighbours) in enumerate(zip(rows[queries], rows[expected], strict=True)):
        middles = [column * TILE + GAP * (column > 0) + TILE // 2 for column in range(1 + NEIGHBOURS)]
        tiles = picture[line * TILE + TILE // 2, middles, 0]
        np.testing.assert_allclose(tiles / 2, [query, *neighbours], atol=1.5)


def test_what_cannot_be_shown_is_named(folder: Path) -> None:
    for number, seeds in ((0, (0,)), (1, (0, 1))):
        for seed in seeds:
            path = features_file(folder / "made" / str(number) / f"seed{seed}-0123456789", "made")
            if number:
                path.unlink()
            else:
                save_file({"features": np.ones((90, 6), np.float32)}, path)
    made = found(folder)
    assert [image.title for image in images_of(made)] == ["rotation"]
    assert made.notes == [
        "pixels: no pictures, since all faces are equally near",
        "fabnet: no pictures, since it has no embeddings of set made that can be read",
    ]
    (folder.parents[1] / "cache" / "made.arrow").unlink()
    without_faces = found(folder)
    assert not images_of(without_faces)
    assert without_faces.notes[0].startswith(f"{TASK}: no pictures, since its faces cannot be read")
    assert any(isinstance(part, DataTable) for part in without_faces.parts)


def test_without_a_retrieval_task_there_is_no_section(tmp_path: Path) -> None:
    assert section(source(make(tmp_path, ROWS, tasks=["angles"]))) is None

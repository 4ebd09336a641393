"""The tables of the FAb-Net paper in its shape, for measured rows with published ones below them."""

from typing import Any

import pytest

from probes.tables.formats import as_text
from probes.tables.latex import latex_tables
from probes.tables.paper_tables import paper_tables
from probes.tables.published import Published, load
from probes.tables.table import Table
from tests.probes.tables.test_published import ADAM, record


@pytest.fixture(scope="module")
def published() -> Published:
    return load()


def pose(task: str) -> dict[str, Any]:
    values = {"mae": 5.0, "roll": 4.0, "pitch": 5.0, "yaw": 6.0, "geodesic": 9.0}
    metrics = {name: {"value": value, "unit": "deg", "n": 200} for name, value in values.items()}
    heads = {"linear": {"metrics": metrics, **ADAM}}
    return record(task, "aflw", "pose", names=["roll", "pitch", "yaw"], heads=heads)


def units() -> dict[str, Any]:
    metrics = {name: {"value": 0.6, "unit": "auc", "n": 200} for name in ("auc", "auc_AU1", "auc_AU12")}
    return record(
        "emotionet-aus", "emotionet", "aus", names=["AU1", "AU12"], heads={"linear": {"metrics": metrics, **ADAM}}
    )


def headings(table: Table) -> list[str]:
    return [heading.split(" (")[0] for heading in table.headings]


def test_columns_are_those_of_the_paper_in_its_order(published: Published) -> None:
    records = [
        units(),
        pose("aflw-pose"),
        record("mafl-landmarks", "mafl"),
        record("w300-landmarks", "w300"),
        record("own-landmarks", "csv"),
    ]
    landmarks, poses, aus = paper_tables(records, published=published)
    assert landmarks.title.startswith("Table 2, landmarks of 300-W and MAFL (paper)")
    assert headings(landmarks) == ["300-W", "MAFL"]
    assert headings(poses) == ["roll", "pitch", "yaw", "MAE"]
    assert headings(aus) == ["AU1", "AU12", "average"]


def test_published_rows_stand_in_a_block_below_with_the_reason_for_no_gap(published: Published) -> None:
    (landmarks,) = paper_tables([record("w300-landmarks", "w300")], published=published)
    assert [row.kind for row in landmarks.rows][:2] == ["method", "published"]
    assert {row.kind for row in landmarks.rows[1:]} == {"published"}
    text = as_text([landmarks])
    assert "published ---" in text
    assert "5.71 (?)" in text
    assert "DVE hourglass 64-d: another head or other features" in landmarks.caption
    assert max(map(len, text.splitlines())) <= 120
    assert r"\begin{table}" in latex_tables([landmarks])


def test_tasks_on_other_targets_of_a_set_are_no_table_of_the_paper() -> None:
    identity = record("aflw-identity", "aflw", "identity")
    assert paper_tables([identity, record("own", "csv")]) == []

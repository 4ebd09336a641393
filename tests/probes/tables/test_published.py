"""Published figures: the file as it is shipped, rows beside measured ones, and gaps only where they are comparable."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from probes.tables.cells import cells
from probes.tables.formats import as_json, as_markdown
from probes.tables.full_tables import tables
from probes.tables.published import FILE, Published, PublishedError, load, refusal, with_published
from probes.tables.table import Table

COUNTS = {"w300": (2676, 472, 689), "mafl": (16150, 2850, 1000)}
ADAM = {"protocol": {"refit": True}, "choice": {}, "notes": []}


def record(task: str, reader: str, target: str = "landmarks", **change: Any) -> dict[str, Any]:
    metric, unit = ("error", "% inter-ocular") if target == "landmarks" else ("auc", "auc")
    n = dict(zip(("train", "val", "test"), COUNTS.get(reader, (800, 100, 200)), strict=True))
    metrics = {metric: {"value": 6.0, "unit": unit, "n": n["test"]}}
    return {
        "schema": 1,
        "benchmark": "paper",
        "variant": "fabnet",
        "kind": "method",
        "seed": 0,
        "task": task,
        "run": "paper/fabnet/seed0",
        "target": target,
        "target_kind": {"expression": "classes"}.get(target, target),
        "names": ["AU1"] if target == "aus" else [],
        "n": n,
        "set": {"name": reader, "hash": "0", "protocol": {"reader": reader, "crop": {"size": 256}}},
        "heads": {"linear": {"metrics": metrics, **ADAM}},
        **change,
    }


@pytest.fixture(scope="module")
def published() -> Published:
    return load()


def table(title: str, records: list[dict[str, Any]], published: Published) -> Table:
    return next(each for each in tables(records, published=published) if each.title.startswith(title))


def entries(found: Table, row: str) -> list[str]:
    return [entry.text for each in found.rows if each.variant == row for entry in each.entries]


def test_every_row_names_a_source_or_says_that_none_was_found() -> None:
    content = yaml.safe_load(FILE.read_text())
    rows = [row for table in content["tables"].values() for metric in table["metrics"].values() for row in metric]
    assert len(rows) > 60
    for row in rows:
        found = [value for value in row["values"].values() if value is not None]
        assert (row["source"] in content["sources"]) == bool(found) == (row["confidence"] != "not found")
        assert row["confidence"] != "unsure" or row["note"]


def test_the_repository_shows_the_file_among_its_results() -> None:
    assert (FILE.parents[2] / "results" / "published.yaml").resolve() == FILE


def test_published_rows_stand_below_the_measured_ones_with_source_and_doubt(published: Published) -> None:
    landmarks = table("Landmarks", [record("w300-landmarks", "w300"), record("mafl-landmarks", "mafl")], published)
    assert [row.kind for row in landmarks.rows] == sorted(row.kind for row in landmarks.rows)
    of_fabnet = entries(landmarks, "FAb-Net")
    assert [text for text in of_fabnet if text != "–"] == ["3.44", "5.71 (?)"]
    assert "aggregator page of the FAb-Net paper" in landmarks.caption
    assert "From 1 seed." in landmarks.caption


def test_what_was_not_found_is_a_gap_and_said(published: Published) -> None:
    units = table("Action units", [record("emotionet-aus", "emotionet", "aus")], published)
    assert set(entries(units, "FAb-Net")) == {"–"}
    assert "Not found: every action unit and every mean, all rows." in units.caption


def test_a_percentage_becomes_the_unit_of_the_table(published: Published) -> None:
    expression = table("Expression", [record("affectnet", "affectnet", "expression")], published)
    assert "0.764 (?)" in entries(expression, "FAb-Net")


def test_the_gap_is_measured_minus_published(published: Published) -> None:
    gaps = table("Gap to published", [record("w300-landmarks", "w300")], published)
    assert [entry.text for row in gaps.rows for entry in row.entries] == ["+0.29"]
    (cell,) = [
        cell
        for cell in json.loads(as_json(with_published(cells(_of_w300()), _of_w300(), published, "linear")[0]))
        if cell["metric"].startswith("gap to FAb-Net")
    ]
    assert cell["mean"] == pytest.approx(6.0 - 5.71)
    assert cell["variant"] == "fabnet"


def _of_w300() -> list[dict[str, Any]]:
    return [record("w300-landmarks", "w300")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"n": {"train": 700, "val": 100, "test": 689}}, "its train split has 3,148 faces, this one 800"),
        ({"n": {"train": 2676, "val": 472, "test": 554}}, "its test split has 689 faces, this one 554"),
        ({"set": {"protocol": {"reader": "w300", "crop": {"size": 64}}}}, "its faces are 256 px, these 64 px"),
        (
            {"set": {"protocol": {"reader": "w300", "crop": {"size": 256}, "miscounts": ["test has 9 faces"]}}},
            "test has 9 faces",
        ),
        ({"heads": {"exact": {"metrics": {}, **ADAM}}}, "its head is linear, this table's is exact"),
        ({"heads": {"linear": {"metrics": {}, "protocol": {}}}}, "probe.refit=true"),
    ],
)
def test_no_gap_across_protocols(change: dict[str, Any], reason: str, published: Published) -> None:
    measured = {**_of_w300()[0], **change}
    head = next(iter(measured["heads"]))
    figure = next(each for each in published.beside(measured) if each.row == "FAb-Net")
    assert reason in str(refusal(figure, measured, head))
    built = tables([measured], published=published, head=head)
    assert not [each for each in built if each.title.startswith("Gap")]
    assert reason in built[0].caption


def test_no_gap_to_figures_of_another_head(published: Published) -> None:
    landmarks = table("Landmarks", _of_w300(), published)
    assert "DVE hourglass 64-d: another head or other features (spatial features" in landmarks.caption


def test_tables_of_other_sets_stay_as_they_are(published: Published) -> None:
    records = [record("own", "csv")]
    assert as_markdown(tables(records, published=published)) == as_markdown(tables(records))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "version: 2", "version 2, this version reads 1"),
        ("version: 1", "version: [", "missing, or not a file of published figures"),
        ("values: {error: 5.71}", "values: {eror: 5.71}", "table landmarks_300w, row 1: 'eror' is missing or unknown"),
        ("values: {error: 5.71}", "values: {error: .nan}", "landmarks_300w, row 1: error is nan, not a finite number"),
        ("confidence: verified", "confidence: sure", "table landmarks_mafl, row 1: confidence is one of"),
        ("source: wizwand_fabnet", "source: paper", "row 1: 'paper' is missing or unknown"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "published.yaml"
    path.write_text(FILE.read_text().replace(old, new))
    with pytest.raises(PublishedError) as caught:
        load(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(PublishedError, match="missing"):
        load(tmp_path / "absent.yaml")

"""Records to cells, tables and formats."""

import csv
import io
import json
import statistics
from collections.abc import Sequence
from typing import Any

import pytest

from probes.scores import HEADLINE
from probes.tables.cells import Cell, RecordError, cells
from probes.tables.formats import as_csv, as_json, as_markdown, as_text
from probes.tables.full_tables import tables
from probes.tables.latex import escape, latex_tables
from probes.tables.marks import Mark
from probes.tables.table import GAP, Table
from tests.probes.tables.scored import first_table, people_of

ERRORS = {"fabnet": [5.0, 5.2, 5.7], "rotation": [6.0, 6.1, 6.2], "pixels": [7.0]}


def record(
    variant: str,
    seed: int,
    value: float,
    task: str = "w300",
    kind: str = "method",
    head: str = "linear",
    **change: Any,
) -> dict[str, Any]:
    metrics = {
        "error": {"value": value, "unit": "% inter-ocular", "n": 20},
        "failure_10": {"value": 10.0, "unit": "% of images", "n": 20},
    }
    return {
        "schema": 1,
        "benchmark": "quick",
        "variant": variant,
        "kind": kind,
        "seed": seed,
        "task": task,
        "target_kind": "landmarks",
        "names": [],
        "run": f"quick/{variant}/seed{seed}",
        "n": {"train": 1000, "val": 10, "test": 20},
        "heads": {head: {"metrics": metrics, "choice": {}, "protocol": {}, "notes": []}},
        **change,
    }


def test_classes_that_are_no_expressions_are_headed_by_their_target() -> None:
    (table,) = tables([auc_record("fabnet", 0, 0.7, 0.8, target="look")])
    assert table.title.startswith("Look: faces (quick)")


def auc_record(
    variant: str,
    seed: int,
    happy: float | None,
    sad: float | None,
    names: Sequence[str] = ("happy", "sad"),
    **change: Any,
) -> dict[str, Any]:
    values = {"auc": 0.75, "auc_happy": happy, "auc_sad": sad, "auc/grey": 0.6}
    metrics = {name: {"value": value, "unit": "auc", "n": 20} for name, value in values.items()}
    heads = {"linear": {"metrics": metrics, "choice": {}, "protocol": {}, "notes": []}}
    return record(variant, seed, 0, "faces", target_kind="classes", names=list(names), heads=heads, **change)


def records() -> list[dict[str, Any]]:
    made = [
        record(variant, seed, value, kind="floor" if variant == "pixels" else "method")
        for variant, values in ERRORS.items()
        for seed, value in enumerate(values)
    ]
    made.append(record("supervised", 0, 3.0, kind="ceiling", head="identity"))
    made.append(record("fabnet", 0, 4.0, task="mafl"))
    return made


def cost(variant: str, seed: int, **change: Any) -> dict[str, Any]:
    return {
        "benchmark": "quick",
        "variant": variant,
        "kind": "method",
        "seed": seed,
        "run": f"quick/{variant}/seed{seed}",
        "device": "CPU",
        "parameters": 4_887_904,
        "train_seconds": 10.0 + seed,
        **change,
    }


def find(found: list[Cell], variant: str, task: str = "w300", metric: str = "error") -> Cell:
    (cell,) = (each for each in found if (each["variant"], each["task"], each["metric"]) == (variant, task, metric))
    return cell


def test_a_cell_has_mean_and_sample_deviation() -> None:
    cell = find(cells(records()), "fabnet")
    assert cell["values"] == ERRORS["fabnet"]
    assert cell["mean"] == pytest.approx(statistics.fmean(ERRORS["fabnet"]))
    assert cell["std"] == pytest.approx(statistics.stdev(ERRORS["fabnet"]))
    assert (cell["n_seeds"], cell["seeds"]) == (3, [0, 1, 2])
    assert cell["runs"] == ["quick/fabnet/seed0", "quick/fabnet/seed1", "quick/fabnet/seed2"]
    assert (cell["unit"], cell["head"], cell["kind"]) == ("% inter-ocular", "linear", "method")


def test_one_seed_has_no_deviation() -> None:
    assert find(cells(records()), "pixels")["std"] is None


def test_a_gap_is_a_cell_without_values() -> None:
    cell = find(cells(records()), "rotation", "mafl")
    assert (cell["mean"], cell["std"], cell["values"], cell["n_seeds"]) == (None, None, [], 0)
    assert cell["unit"] == "% inter-ocular"


def test_an_undefined_metric_is_never_averaged() -> None:
    made = [auc_record("fabnet", 0, 0.8, None), auc_record("fabnet", 1, 0.9, 0.7)]
    cell = find(cells(made), "fabnet", "faces", "auc_sad")
    assert (cell["values"], cell["seeds"], cell["n_seeds"]) == ([0.7], [1], 1)


def test_order_does_not_depend_on_that_of_the_records() -> None:
    made = records()
    assert cells(made) == cells(made[::-1])
    variants = list(dict.fromkeys(cell["variant"] for cell in cells(made)))
    assert variants == ["pixels", "fabnet", "rotation", "supervised"]
    assert tables(made) == tables(made[::-1])


def test_stand_in_heads_are_named() -> None:
    assert find(cells(records()), "supervised")["head"] == "identity"
    assert "Head: linear, trained by Adam (supervised: its own outputs)." in tables(records())[0].caption


def test_another_head_gives_other_cells() -> None:
    made = records()
    made[0]["heads"]["exact"] = record("fabnet", 0, 1.5)["heads"]["linear"]
    cell = find(cells(made, head="exact"), "fabnet")
    assert (cell["values"], cell["head"]) == ([1.5], "exact")
    assert find(cells(made, head="exact"), "rotation")["values"] == []


def test_costs_are_cells_too() -> None:
    cell = find(cells(records(), [cost("fabnet", 0), cost("fabnet", 1)]), "fabnet", "cost", "train_seconds")
    assert (cell["mean"], cell["unit"], cell["head"]) == (10.5, "s", None)
    assert find(cells(records(), [cost("fabnet", 0)]), "fabnet", "cost", "steps")["mean"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "elsewhere"}, "two results for quick fabnet seed 0 w300: quick/fabnet/seed0 and elsewhere"),
        ({"seed": 9, "kind": "baseline"}, "unknown kind 'baseline'"),
        ({"seed": 9, "schema": 2}, "schema 2, this version reads 1"),
    ],
)
def test_records_that_do_not_fit_are_errors(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        cells([*records(), {**record("fabnet", 0, 1.0), **change}])


def test_one_metric_in_two_units_is_an_error() -> None:
    odd = record("odd", 0, 1.0)
    odd["heads"]["linear"]["metrics"]["error"]["unit"] = "px"
    with pytest.raises(RecordError, match="w300 error: in % inter-ocular and in px"):
        cells([*records(), odd])


def test_a_table_shows_spreads_and_gaps() -> None:
    (table,) = tables(records())
    assert table.title == "Landmarks (quick), % inter-ocular ↓"
    assert table.headings == [
        "mafl error",
        "mafl error > 10 % (% of images ↓)",
        "w300 error",
        "w300 error > 10 % (% of images ↓)",
    ]
    texts = {row.variant: row.entries[2].text for row in table.rows}
    assert texts == {
        "pixels": "7.00 (1)",
        "fabnet": "5.30 ± 0.36",
        "rotation": "6.10 ± 0.10",
        "supervised": "3.00 (1)",
    }
    assert {row.variant: row.entries[0].text for row in table.rows}["rotation"] == GAP
    assert [row.kind for row in table.rows] == ["floor", "method", "method", "ceiling"]
    assert {entry.mark for row in table.rows for entry in row.entries} == {Mark.NONE}, "nothing was tested"


def marks(table: Table, column: int) -> dict[str, Mark]:
    return {row.variant: row.entries[column].mark for row in table.rows}


def three_rows(**values: float) -> list[dict[str, Any]]:
    return [record(name, seed, value) for name, value in values.items() for seed in range(3)]


def test_methods_are_marked_by_what_is_shown() -> None:
    made = three_rows(best=5.0, close=5.001, worse=6.0)
    (table,) = tables(made, series=people_of(made))
    assert marks(table, 0) == {"best": Mark.BEST, "close": Mark.NOT_SHOWN, "worse": Mark.NONE}
    assert set(marks(table, 1).values()) == {Mark.NOT_SHOWN}, "10.0 each: no best mean where nothing is shown"
    assert "Bold: best mean of the methods; † not shown to differ from the best mean" in table.explained("Bold:")
    assert "5 % in all over 6 possible claims (Holm)" in table.explained("Bold:")


def test_methods_are_marked_beside_a_chosen_row() -> None:
    made = three_rows(best=5.0, close=6.001, own=6.0, worse=7.0)
    (table,) = tables(made, series=people_of(made), reference="own")
    assert marks(table, 0) == {"best": Mark.AHEAD, "close": Mark.NOT_SHOWN, "own": Mark.NONE, "worse": Mark.BEHIND}
    assert "+ ahead of own; - behind own; † not shown to differ from own" in table.explained("")


def test_rows_with_other_dimensions_are_told_apart() -> None:
    made = [record("a", 0, 5.0, dim=256), record("b", 0, 5.0, dim=128), record("pixels", 0, 9.0, kind="floor", dim=768)]
    for table in (tables(made)[0], first_table(made)):
        assert table.headings[0] == "Dimensions"
        assert {row.variant: row.entries[0].text for row in table.rows} == {"pixels": "768", "a": "256", "b": "128"}
    assert "Dimensions" not in tables([made[0], made[2]])[0].headings


def test_what_was_not_recorded_is_not_marked_as_worse() -> None:
    made = three_rows(best=5.0, worse=6.0)
    series = {key: each for key, each in people_of(made).items() if key[3] == "error"}
    (table,) = tables(made, series=series)
    assert set(marks(table, 1).values()) == {Mark.UNTESTED}
    assert "‡ could not be tested" in table.explained("")


def test_captions_state_head_seeds_and_sizes() -> None:
    caption = tables(records())[0].caption
    assert "w300: 1,000/10/20 train/val/test faces." in caption
    assert "Mean ± standard deviation over 3 seeds." in caption
    assert "In brackets: the number of seeds" in caption
    other = record("odd", 0, 1.0, n={"train": 900, "val": 10, "test": 20})
    assert "SIZES DIFFER BETWEEN ROWS" in tables([*records(), other])[0].caption


def test_expression_has_the_mean_the_groups_and_each_class() -> None:
    made = [auc_record("fabnet", 0, 0.8, None), auc_record("rotation", 0, 0.9, 0.7)]
    (table,) = tables(made)
    assert table.headings == ["average", "average in grey", "happy", "sad"]
    assert [entry.text for entry in table.rows[0].entries] == ["0.750", "0.600", "0.800", GAP]


def test_every_kind_of_task_has_its_table() -> None:
    made = [
        *records(),
        record("fabnet", 0, 1.0, "pose", target_kind="pose", names=["roll", "pitch", "yaw"]),
        auc_record("fabnet", 0, 0.5, 0.5),
        record("fabnet", 0, 1.0, "units", target_kind="aus", names=["AU1"]),
    ]
    titles = [table.title for table in tables(made, [cost("fabnet", 0)])]
    assert titles == [
        "Landmarks (quick), % inter-ocular ↓",
        "Head pose: pose (quick), deg ↓",
        "Expression: faces (quick), AUC ↑",
        "Action units: units (quick), AUC ↑",
        "Cost (quick)",
    ]
    assert tables(made)[1].headings == ["MAE", "roll", "pitch", "yaw"]


def test_the_cost_table_names_the_device() -> None:
    table = tables(records(), [cost("fabnet", 0), cost("fabnet", 1)])[-1]
    assert "on CPU." in table.caption
    row = next(row for row in table.rows if row.variant == "fabnet")
    shown = dict(zip(table.headings, (entry.text for entry in row.entries), strict=True))
    assert [shown["parameters (M)"], shown["training (s)"]] == ["4.89", "10.5 ± 0.7"]
    assert shown["steps before"] == "–", "nobody knows"


def test_benchmarks_are_not_mixed() -> None:
    made = [*records(), record("fabnet", 0, 1.0, benchmark="paper")]
    assert [table.title for table in tables(made)] == [
        "Landmarks (paper), % inter-ocular ↓",
        "Landmarks (quick), % inter-ocular ↓",
    ]
    assert len(tables(made)[0].rows) == 1


def test_markdown() -> None:
    made = three_rows(best=5.0, close=5.001, worse=6.0)
    text = as_markdown(tables(made, series=people_of(made)))
    assert "| method | best | **5.00 ± 0.00** |" in " ".join(text.split())
    assert "5.00 ± 0.00† |" in text
    assert "Bold: best mean of the methods" in text
    assert r"a\|b" in as_markdown(tables([record("a|b", 0, 1.0)]))


def test_text() -> None:
    made = three_rows(best=5.0, close=5.001, worse=6.0)
    text = as_text(tables(made, series=people_of(made)))
    assert "5.00 ± 0.00*" in text
    assert "* best mean of the methods; † not shown" in " ".join(text.split())


def test_wide_tables_are_broken_between_columns() -> None:
    names = [f"AU{number}" for number in range(30)]
    metrics = {f"auc_{name}": {"value": 0.5, "unit": "auc", "n": 20} for name in names}
    heads = {"linear": {"metrics": {"auc": {"value": 0.5, "unit": "auc", "n": 20}, **metrics}}}
    made = [record("fabnet", seed, 0, "units", target_kind="aus", names=names, heads=heads) for seed in range(2)]
    lines = as_text(tables(made)).splitlines()
    assert max(map(len, lines)) <= 120
    assert sum(line.startswith("fabnet ") for line in lines) == 4
    headings = " ".join(line for line in lines if "AU" in line)
    assert [name for name in names if name not in headings.split()] == []


def test_latex_escapes_and_uses_booktabs() -> None:
    made = three_rows(best=5.0, fabnet_3source=5.001, worse=6.0)
    text = latex_tables(tables([*made, record("pixels", 0, 9.0, kind="floor")], series=people_of(made)))
    assert r"best & \bfseries 5.00 & \bfseries\boldmath ${}\pm{}$0.00 &" in text
    assert r"fabnet\_3source & 5.00 & ${}\pm{}$0.00$^\dagger$ &" in text
    assert r"\begin{tabular}{lS[table-format=1.2]@{}lS[table-format=2.1]@{}l}" in text
    assert text.count(r"\midrule") == 2  # floors, methods
    assert text.count("{") == text.count("}")
    assert escape("\\ ~ ^ & $ # { }") == (r"\textbackslash{} \textasciitilde{} \textasciicircum{} \& \$ \# \{ \}")


def test_json_is_a_list_of_cells() -> None:
    loaded = json.loads(as_json(cells(records(), [cost("fabnet", 0)])))
    assert all(set(cell) == set(Cell.__annotations__) for cell in loaded)
    assert find(loaded, "rotation", "mafl")["mean"] is None


def test_csv_has_a_line_for_each_cell() -> None:
    found = cells(records())
    lines = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert len(lines) == len(found)
    line = next(each for each in lines if each["variant"] == "fabnet" and each["task"] == "w300")
    assert [float(value) for value in line["values"].split(";")] == ERRORS["fabnet"]
    gap = next(each for each in lines if each["variant"] == "rotation" and each["task"] == "mafl")
    assert (gap["mean"], gap["values"]) == ("", "")


def test_the_overview_has_a_column_for_each_task_with_its_headline_metric() -> None:
    probes = [
        *records(),
        record("fabnet", 0, 1.0, "units", target_kind="aus", names=["AU1"], heads=headline_heads("aus", 0.7)),
        record("fabnet", 0, 1.0, "pose", target_kind="pose", names=["yaw"], heads=headline_heads("pose", 3.0)),
        record("fabnet", 0, 1.0, "faces", target_kind="classes", names=["happy"], heads=headline_heads("classes", 0.8)),
    ]
    table = first_table(probes, [cost("fabnet", 0, flops=2.5e12)])
    assert table.headings == [
        "Landmarks, mafl (% ↓)",
        "Landmarks, w300 (% ↓)",
        "Head pose (deg ↓)",
        "Expression (AUC ↑)",
        "Action units (AUC ↑)",
        "Training (s)",
        "Work (TFLOP)",
    ]
    (fabnet,) = [row for row in table.rows if row.variant == "fabnet"]
    assert [entry.text for entry in fabnet.entries] == ["4.0", "5.3 ± 0.4", "3.00", ".800", ".700", "10", "2.5"]
    assert "No test was possible" in table.caption
    assert table.sentences == []


def test_the_overview_fits_a_terminal_of_80_columns() -> None:
    names = ["autoencoder", "fabnet_3source", "split_brain-full"]
    made = [
        record(name, seed, 5.0 + index, task)
        for index, name in enumerate(names)
        for seed in range(3)
        for task in "abcdef"
    ]
    table = first_table(made, [cost("fabnet_3source", 0)], series=people_of(made))
    text = as_text([table])
    assert max(map(len, text.splitlines())) <= 80
    assert "±" in text
    assert "Landmarks, a: autoencoder is ahead of every other method." in text
    assert "95 % interval over 3 seeds and 40 test people (20 images)" in " ".join(text.split())


def headline_heads(kind: str, value: float) -> dict[str, Any]:
    metric = {HEADLINE[kind][0]: {"value": value, "unit": "any", "n": 20}}
    return {"linear": {"metrics": metric, "choice": {}, "protocol": {}, "notes": []}}


def test_no_records_no_tables() -> None:
    assert (cells([]), tables([]), as_csv([]).count("\n"), as_json([])) == ([], [], 1, "[]\n")


def test_landmarks_have_the_error_within_each_group_where_there_are_any() -> None:
    one = record("fabnet", 0, 5.0)
    one["heads"]["linear"]["metrics"]["error/challenging"] = {"value": 8.5, "unit": "% inter-ocular", "n": 4}
    (table,) = tables([one])
    assert [heading.split(" (")[0] for heading in table.headings] == [
        "w300 error",
        "w300 error on challenging",
        "w300 error > 10 %",
    ]
    assert [entry.text for entry in table.rows[0].entries] == ["5.00", "8.50", "10.0"]

"""Few-shot scores in cells and in their table, and records without them."""

from statistics import fmean, stdev
from typing import Any

from probes.tables.cells import cells
from probes.tables.full_tables import tables

from .test_other_heads import record

NOTE = "1 of 3 fits had too few labels: fewer than 2 train faces"


def few_shot(values: list[float | None], fraction: float = 0.01, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    heads = {"exact": {"metrics": {"mae": {"values": values, "unit": "deg"}}, "notes": [*notes]}}
    return {"fraction": fraction, "draws": 3, "n": {"train": round(100 * fraction), "val": 1}, "heads": heads}


def records() -> list[dict[str, Any]]:
    made = [record("fabnet", 3.0, None, seed=seed) for seed in (0, 1)]
    for each in made:
        each["heads"] = {"exact": each["heads"].pop("identity")}
    made[0]["few_shot"] = [few_shot([8.0, 9.0, 10.0]), few_shot([5.0, 6.0, 7.0], 0.1)]
    made[1]["few_shot"] = [few_shot([9.0, None, 11.0], notes=(NOTE,)), few_shot([5.0, 6.0, 7.0], 0.1)]
    return [*made, record("supervised", 1.0, None, "ceiling")]


def test_a_cell_holds_every_draw_of_every_seed() -> None:
    found = {(cell["variant"], cell["metric"]): cell for cell in cells(records(), head="exact")}
    cell = found["fabnet", "mae@1%"]
    assert cell["values"] == [8, 9, 10, 9, 11]
    assert cell["seeds"] == [0, 0, 0, 1, 1]
    assert cell["n_seeds"] == 2
    assert (cell["mean"], cell["std"]) == (fmean(cell["values"]), stdev(cell["values"]))
    assert found["fabnet", "mae"]["values"] == [3.0, 3.0]
    assert found["supervised", "mae@1%"]["mean"] is None


def test_the_table_has_a_column_of_each_share_and_counts_fits_without_enough_labels() -> None:
    table = next(table for table in tables(records(), head="exact") if table.title.startswith("Few-shot"))
    assert table.headings == ["1 % (1 face)", "10 % (10 faces)", "100 % (100 faces)"]
    texts = {row.variant: [entry.text for entry in row.entries] for row in table.rows}
    assert texts == {"fabnet": ["9.40 ± 1.14", "6.00 ± 0.89", "3.00 ± 0.00"], "supervised": ["–", "–", "1.00"]}
    assert "over seeds and 3 draws" in table.caption
    assert f"1 % of the labels, fabnet: {NOTE}." in table.caption
    assert table.claims.claims == 0


def test_records_without_few_shot_scores_have_the_tables_of_before() -> None:
    made = [{key: value for key, value in each.items() if key != "few_shot"} for each in records()]
    assert not any("Few-shot" in table.title for table in tables(made, head="exact"))
    assert not any("@" in cell["metric"] for cell in cells(made, head="exact"))

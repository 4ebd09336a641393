"""Both heads stand in the tables, and captions say where they disagree or were stopped."""

from typing import Any

from probes.tables.cells import cells
from probes.tables.formats import as_json
from probes.tables.full_tables import tables
from probes.tables.table import Table
from tests.probes.tables.scored import first_table


def record(variant: str, exact: float, linear: float | None, kind: str = "method", seed: int = 0) -> dict[str, Any]:
    values = {"exact": exact, "linear": linear} if linear is not None else {"identity": exact}
    unit = {"unit": "deg", "n": 20}
    return {
        "schema": 1,
        "benchmark": "quick",
        "variant": variant,
        "kind": kind,
        "seed": seed,
        "task": "pose",
        "target_kind": "pose",
        "names": ["roll", "pitch", "yaw"],
        "run": f"quick/{variant}/seed{seed}",
        "n": {"train": 100, "val": 10, "test": 20},
        "heads": {head: {"metrics": {"mae": {"value": value, **unit}}} for head, value in values.items()},
    }


def column(table: Table, heading: str) -> list[str]:
    index = table.headings.index(heading)
    return [row.entries[index].text for row in table.rows]


def test_the_other_head_has_a_column_and_the_cells_stay_those_of_one() -> None:
    records = [record("fabnet", 3.0, 4.0), record("rotation", 5.0, 6.0), record("supervised", 1.0, None, "ceiling")]
    for head, other, values in (("exact", "linear", ["4.00", "6.00", "–"]), ("linear", "exact", ["3.00", "5.00", "–"])):
        (table,) = tables(records, head=head)
        assert column(table, f"MAE, {other} head") == values
        assert "disagree" not in table.caption
    assert " by " not in as_json(cells(records, head="exact"))


def test_a_metric_of_one_s_own_has_a_column_of_each_head() -> None:
    about = {"unit": "", "better": -1, "digits": 3, "label": "Brier score"}
    made = record("fabnet", 3.0, 4.0)
    for value, head in zip((0.1, 0.2), ("exact", "linear"), strict=True):
        made["heads"][head]["metrics"]["brier"] = {"value": value, **about}
    (table,) = tables([made], head="exact")
    columns = {heading: entry.text for heading, entry in zip(table.headings, table.rows[0].entries, strict=True)}
    found = [text for heading, text in columns.items() if heading.startswith("Brier score")]
    assert found == ["0.100", "0.200"]


def test_heads_that_disagree_about_an_order_are_named() -> None:
    records = [record("fabnet", 3.0, 7.0), record("rotation", 5.0, 6.0), record("autoencoder", 8.0, 9.0)]
    expected = "On pose the heads exact and linear disagree about the order of fabnet/rotation."
    assert expected in tables(records, head="exact")[0].caption
    assert expected in first_table(records, head="exact").caption


def test_what_prints_alike_and_what_is_no_method_is_no_disagreement() -> None:
    records = [record("fabnet", 3.001, 7.0), record("rotation", 3.002, 6.0), record("pixels", 9.0, 1.0, "floor")]
    assert "disagree" not in tables(records, head="exact")[0].caption


def test_many_disagreements_are_counted() -> None:
    records = [record(f"m{i}", float(i), float(9 - i)) for i in range(5)]
    assert "m0/m1, m0/m2, m0/m3, m0/m4 and 6 more pairs." in tables(records, head="exact")[0].caption


def test_fits_that_ended_at_the_cap_are_counted() -> None:
    records = [record("fabnet", 3.0, 4.0, seed=seed) for seed in range(3)]
    for each in records[:2]:
        each["heads"]["linear"]["choice"] = {"converged": False}
    records[2]["heads"]["linear"]["choice"] = {"converged": True}
    caption = tables(records, head="exact")[0].caption
    assert "On pose 2 fits of the head linear ended at the cap, before val stopped improving." in caption

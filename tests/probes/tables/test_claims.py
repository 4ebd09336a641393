"""What tables claim of their methods."""

from dataclasses import replace

import numpy as np
import pytest

from probes.statistics import holm
from probes.tables.cells import Cell
from probes.tables.claims import AllSeries, ColumnClaims, Verdict, claims_of
from probes.tables.comparison import paired_difference
from probes.tables.sentences import sentence
from tests.probes.tables.scored import FACES, POSE, row, scored

ROWS = {
    ("floor", "mean"): row(9.0, [0]),
    ("floor", "pixels"): row(5.0, [0]),
    ("method", "ahead"): row(3.0),
    ("method", "close"): row(3.001, key=1),
    ("method", "far"): row(4.0),
    ("ceiling", "supervised"): row(1.0),
}


def claims(cells: list[Cell], series: AllSeries, reference: str | None = None) -> ColumnClaims:
    return claims_of([POSE], cells, series, reference=reference, floors=True).columns[0]


def verdicts(column: ColumnClaims) -> dict[str, Verdict]:
    return {each.variant: each.verdict for each in column.methods}


def test_methods_are_tested_against_the_best_mean() -> None:
    column = claims(*scored(ROWS))
    assert column.reference == ("method", "ahead")
    assert verdicts(column) == {"close": Verdict.NOT_SHOWN, "far": Verdict.BEHIND}
    assert column.ahead_of_floors
    assert sentence("Pose", column) == (
        "Pose: ahead, the best mean, is ahead of far; close is not shown to differ from it. "
        "ahead is ahead of every floor."
    )


def test_higher_is_better_where_the_column_says_so() -> None:
    cells, series = scored(ROWS, FACES)
    column = claims_of([FACES], cells, series, floors=True).columns[0]
    assert column.reference == ("method", "far")
    assert verdicts(column) == {"ahead": Verdict.BEHIND, "close": Verdict.BEHIND}
    assert sentence("Faces", column) == (
        "Faces: far is ahead of every other method. far is not shown to be ahead of mean, whose mean is better."
    )


def test_the_best_mean_counts_a_claim_for_every_pair_and_a_chosen_row_one_for_every_method() -> None:
    cells, series = scored(ROWS)
    best = claims_of([POSE], cells, series, floors=True)
    chosen = claims_of([POSE], cells, series, reference="ahead", floors=True)
    assert (best.claims, chosen.claims) == (4, 3)
    of_best = series["method", "ahead", "pose", "mae"]
    others = [("method", "close"), ("method", "far"), ("floor", "pixels")]
    gaps = [paired_difference(series[*other, "pose", "mae"], of_best) for other in others]
    p_values = [gap.p_value for gap in gaps if gap is not None]
    assert [each.p for each in best.columns[0].methods] == pytest.approx(holm([*p_values, 1.0])[:2])
    assert [each.p for each in chosen.columns[0].methods] == pytest.approx(holm(p_values)[:2])


def test_every_column_of_the_table_counts() -> None:
    (cells, series), (other_cells, other_series) = scored(ROWS), scored(ROWS, FACES)
    both = claims_of([POSE, FACES], [*cells, *other_cells], {**series, **other_series}, floors=True)
    alone = claims_of([POSE], cells, series, floors=True)
    assert both.claims == 2 * alone.claims
    assert both.columns[0].methods[1].p > alone.columns[0].methods[1].p


def test_rows_may_be_ahead_of_a_chosen_one() -> None:
    cells, series = scored(ROWS)
    column = claims(cells, series, "far")
    assert verdicts(column) == {"ahead": Verdict.AHEAD, "close": Verdict.AHEAD}
    assert sentence("Pose", column) == "Pose: ahead and close are ahead of far. far is ahead of every floor."
    of_floor = claims(cells, series, "pixels")
    assert set(verdicts(of_floor).values()) == {Verdict.AHEAD}
    assert sentence("Pose", of_floor) == "Pose: ahead, close and far are ahead of pixels."


def test_nothing_shown_is_said_in_so_many_words() -> None:
    rows = {("method", name): row(3.0, noise=1.0, key=key) for key, name in enumerate("abc")}
    column = claims(*scored(rows))
    assert not column.differ
    assert sentence("Pose", column) == f"Pose: no method is shown to differ from {column.reference[1]}, the best mean."


def test_the_hardest_floor_is_named() -> None:
    rows = {**ROWS, ("floor", "random"): row(3.003, key=3), ("floor", "mean"): row(2.0, [0])}
    column = claims(*scored(rows))
    assert sentence("Pose", column).endswith("ahead is not shown to be ahead of mean, whose mean is better.")
    del rows["floor", "mean"]
    assert sentence("Pose", claims(*scored(rows))).endswith("ahead is not shown to be ahead of random.")


def test_what_cannot_be_tested_is_said() -> None:
    cells, series = scored(ROWS)
    series = {key: each for key, each in series.items() if key[1] not in ("close", "pixels")}
    column = claims(cells, series)
    assert verdicts(column) == {"close": Verdict.UNTESTED, "far": Verdict.BEHIND}
    assert sentence("Pose", column) == (
        "Pose: ahead, the best mean, is ahead of far. close could not be tested. "
        "ahead is ahead of the floors that could be tested; pixels could not."
    )
    assert claims_of([POSE], cells, series).claims == 1, "the pair that was tested"


def test_other_faces_are_not_compared() -> None:
    cells, series = scored(ROWS)
    key = ("method", "far", "pose", "mae")
    column = claims(cells, {**series, key: replace(series[key], faces="others")})
    assert verdicts(column)["far"] == Verdict.UNTESTED


def test_no_series_no_tests() -> None:
    cells, _ = scored(ROWS)
    assert claims_of([POSE], cells, {}).columns == {}
    assert sentence("Pose", None) == "Pose: no test was possible."


def test_a_difference_of_single_runs_is_one_of_networks() -> None:
    rows = {("method", "a"): row(3.0, [0]), ("method", "b"): row(4.0, [0])}
    assert claims_of([POSE], *scored(rows)).one_run
    assert not claims_of([POSE], *scored(ROWS)).one_run


def test_equal_methods_are_seldom_told_apart() -> None:
    """False claims among four equal methods, in a table of one column: at most 5 % of tables may have one."""
    random = np.random.default_rng(3)
    wrong = 0
    for _ in range(150):
        people = random.standard_normal(20)
        rows = {
            ("method", name): {s: people + random.normal(0, 0.5) + random.standard_normal(20) for s in range(5)}
            for name in "abcd"
        }
        wrong += claims_of([POSE], *scored(rows)).columns[0].differ
    assert wrong <= 14  # of 7.5 at most: more have a probability below 1 % (binomial)

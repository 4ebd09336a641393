"""The first table of a benchmark, as data."""

from typing import Any

import pytest

from probes.tables.claims import Verdict
from probes.tables.columns import headline_captions
from probes.tables.overview import overview_of
from tests.probes.tables.scored import FACES, row, scored

ROWS = {
    ("floor", "pixels"): row(5.0, [0]),
    ("method", "a"): row(3.0),
    ("method", "b"): row(4.0, [0, 1]),
    ("ceiling", "supervised"): row(1.0),
}


def record(task: str, kind: str) -> dict[str, Any]:
    return {"task": task, "target_kind": kind, "n": {"train": 9, "val": 9, "test": 80}}


def test_scores_marks_and_sentences() -> None:
    (cells, series), (of_faces, series_of_faces) = scored(ROWS), scored(ROWS, FACES)
    made = overview_of(
        "own",
        [record("faces", "classes"), record("pose", "pose")],
        [*cells, *of_faces],
        {**series, **series_of_faces},
    )
    assert [(column.title, column.people, column.faces) for column in made.columns] == [
        ("Head pose", 40, 80),
        ("Expression", 40, 80),
    ]
    looks = {**record("faces", "classes"), "target": "my_look"}
    of_looks = overview_of("own", [looks], of_faces, series_of_faces)
    assert [column.title for column in of_looks.columns] == ["My look"], "classes of another kind have their own title"
    assert headline_captions([looks]) == ["My look: ROC AUC, averaged over classes."]
    assert [(each.kind, each.variant) for each in made.rows] == list(ROWS)
    pixels, a, b, supervised = (each.scores[0] for each in made.rows)
    assert (a.is_reference, a.verdict, b.is_reference, b.verdict) == (True, None, False, Verdict.BEHIND)
    assert (pixels.verdict, supervised.verdict) == (None, None), "only methods are ranked"
    assert (a.seeds, b.seeds, made.seeds) == (3, 2, 3)
    of_a = series["method", "a", "pose", "mae"].estimate
    assert a.mean == pytest.approx(3.0, abs=0.01)
    assert a.half_width == of_a.half_width()
    assert made.sentences[0] == "Head pose: a is ahead of every other method. a is ahead of every floor."
    assert made.tested


def test_tasks_of_one_kind_are_named() -> None:
    made = overview_of("own", [record("pose", "pose"), record("biwi", "pose")], *scored(ROWS))
    assert [column.title for column in made.columns] == ["Head pose, biwi", "Head pose, pose"]
    assert made.rows[0].scores[0].mean is None, "no score is shown as none"


def test_records_of_before_have_deviations_and_no_tests() -> None:
    cells, _ = scored(ROWS)
    made = overview_of("own", [record("pose", "pose")], cells, {})
    assert (made.tested, made.claims) == (False, 0)
    score = made.rows[1].scores[0]
    assert (score.half_width, score.verdict) == (None, None)
    assert score.deviation is not None
    assert made.columns[0].people is None

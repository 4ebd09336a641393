"""Identity leakage in tables: beside expressions and action units, how well the same features tell people apart."""

from collections.abc import Iterable, Sequence
from typing import Any

from .cells import Record
from .columns import NEITHER, Column

LEAKING = ("classes", "aus")  # kinds of task that should not depend on who is shown


def leakage_columns(records: Sequence[Record], probes: Iterable[Record]) -> list[Column]:
    """The columns of the identity tasks on the set of an expression or action-unit task."""
    tasks = dict.fromkeys(record["task"] for record in _identity_records(records[0], probes))
    return [Column(task, "identified", "identity told", "fraction", NEITHER, "{:.3f}".format) for task in tasks]


def leakage_caption(records: Sequence[Record], probes: Iterable[Record]) -> list[str]:
    """What an identity task asks and its chance level, in its own table and beside others."""
    first = records[0]
    asked = [first] if first["target_kind"] == "identity" else _identity_records(first, probes)
    people = sorted({len(record["names"]) for record in asked})
    return [
        f"Identity told: share of faces whose person, one of {n}, a head on the same features names; the head has seen "
        f"other faces of each person. Chance is {1 / n:.3f}; the ceiling is an encoder trained to tell them."
        for n in people
    ]


def _identity_records(record: Record, probes: Iterable[Record]) -> list[Record]:
    """Records of identity tasks on the set of an expression or action-unit task."""
    if record["target_kind"] not in LEAKING:
        return []
    return [other for other in probes if other["target_kind"] == "identity" and _set_of(other) == _set_of(record)]


def _set_of(record: Record) -> Any:
    return record.get("set", {}).get("name")

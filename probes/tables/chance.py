"""What a retrieval task measures and its chance levels, for the captions of tables."""

from collections.abc import Iterable

from ..target import RETRIEVAL
from .cells import Record


def chance_caption(records: Iterable[Record]) -> list[str]:
    """A line on the retrieval tasks among records; none without one."""
    levels: dict[str, None] = {}
    for record in records:
        if record["target_kind"] == RETRIEVAL:
            metrics = record["heads"][RETRIEVAL]["metrics"]
            levels |= dict.fromkeys(f"{name} {_shown(metrics[f'{name}_chance'])}" for name in record["names"])
    if not levels:
        return []
    return [
        "Retrieval compares a test face with its nearest, or first five, of other people: mean absolute difference of "
        "head pose, agreement of classes and of action units. Chance, a random face of another person: "
        f"{', '.join(levels)}."
    ]


def _shown(entry: Record) -> str:
    value, unit = entry["value"], entry["unit"]
    if value is None:
        return "unknown"
    return f"{value:.2f} {unit}" if unit == "deg" else f"{value:.3f}"

"""Rows that were trained by another optimiser or with other rates than the rest, for captions.

A cost record says how a row was trained: ``"optimiser": {"name": str, "own": bool, "groups": [{"lr": float,
"weight_decay": float, ...}, ...]}``. ``own`` is true if the method brought the optimiser; ``lr`` is the highest of the
schedule.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .cells import Record

TRAINED = ("method", "ceiling")  # kinds of rows
SHOWN = 3  # different rates of one row that are listed; of more, the lowest and the highest


def optimiser_caption(costs: Iterable[Record]) -> list[str]:
    """The rows whose optimiser or rates differ from those of most rows.

    Records from before they were kept are left out.
    """
    texts: dict[str, str] = {}
    for record in costs:
        if record["kind"] in TRAINED and record.get("optimiser"):
            texts[record["variant"]] = _describe(record["optimiser"])
    if not texts:
        return []
    common = Counter(texts.values()).most_common(1)[0][0]
    others = [f"{row} ({text})" for row, text in sorted(texts.items()) if text != common]
    return [f"Optimiser: {common}, except {', '.join(others)}."] if others else []


def _describe(optimiser: Mapping[str, Any]) -> str:
    """Such as ``its own SGD, 2 groups, learning rate 0.05, weight decay 0 and 0.0001``."""
    groups: Sequence[Mapping[str, Any]] = optimiser["groups"]
    words = [f"its own {optimiser['name']}" if optimiser["own"] else optimiser["name"]]
    words += [f"{len(groups)} groups"] if len(groups) > 1 else []
    words.append(f"learning rate {_values(groups, 'lr')}")
    words += [f"momentum {_values(groups, 'momentum')}"] if any(group.get("momentum") for group in groups) else []
    words.append(f"weight decay {_values(groups, 'weight_decay')}")
    return ", ".join(words)


def _values(groups: Sequence[Mapping[str, Any]], key: str) -> str:
    numbers = sorted({float(group.get(key) or 0) for group in groups})
    shown = [f"{number:g}" for number in numbers]
    return " and ".join(shown) if len(shown) <= SHOWN else f"{shown[0]} to {shown[-1]}"

"""Captions that say what the rows of a benchmark were given the same amount of, and what they cost."""

from collections.abc import Sequence
from statistics import multimode

from .cells import Record
from .optimisers import optimiser_caption

MEASURES = {  # of a budget: its key in cost records, and how an amount of it is printed
    "steps": ("steps", "{:,.0f} training steps"),
    "samples": ("samples", "{:,.0f} samples"),
    "frames": ("frames_seen", "{:,.0f} frames"),
    "flops": ("flops", "{:.3g} floating-point operations"),
    "seconds": ("train_seconds", "{:,.0f} seconds of training"),
}
TOLERANCE = 0.01  # amounts this close are equal: a budget is spent in whole steps


def budget_sentence(budget: str, costs: Sequence[Record]) -> str:
    """What was equal for every trained row, and which rows had more or less of it; empty before any run has ended.

    Args:
        budget: a key of `MEASURES`.
        costs: cost records of one benchmark.
    """
    key, form = MEASURES[budget]
    amounts: dict[str, float] = {}
    for record in costs:
        if record["kind"] in ("method", "ceiling") and record.get(key) is not None:
            amounts[record["variant"]] = max(record[key], amounts.get(record["variant"], 0.0))
    if not amounts:
        return ""
    common = max(multimode(amounts.values()))
    others = {name: amount for name, amount in amounts.items() if abs(amount - common) > TOLERANCE * common}
    if not others:
        return f"Equal for every trained row: {form.format(common)}."
    number = form.split()[0]
    listed = ", ".join(f"{name} {number.format(amount)}" for name, amount in sorted(others.items()))
    return f"Equal for trained rows: {form.format(common)}, except {listed}."


def budget_caption(budget: str, costs: Sequence[Record]) -> list[str]:
    """`budget_sentence`, if there is one, and the rows that were trained by another optimiser."""
    sentence = budget_sentence(budget, costs)
    return [*filter(None, [sentence]), *optimiser_caption(costs)]


def cost_caption(costs: Sequence[Record], budget: str) -> list[str]:
    """Sentences of the cost table."""
    trained = [record for record in costs if record["kind"] != "pretrained"]
    devices = sorted({record.get("device") or "unknown" for record in trained}) or ["no device of ours"]
    caption = [
        f"Cost of one training run, on {' and '.join(devices)}. Speed counts sampled frames; work, the operations of "
        "convolutions and matrix products.",
        *budget_caption(budget, costs),
    ]
    if any(record["kind"] == "ceiling" for record in costs):
        caption.append("A ceiling is trained once for each task: its figures are over tasks and seeds.")
    return caption

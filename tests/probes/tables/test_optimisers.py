"""Optimisers named in captions."""

from typing import Any

from probes.tables.optimisers import optimiser_caption


def cost(variant: str, *groups: dict[str, float], name: str = "AdamW", own: bool = False) -> dict[str, Any]:
    optimiser = {"name": name, "own": own, "groups": [{"lr": 0.001, "weight_decay": 0, **group} for group in groups]}
    return {"variant": variant, "kind": "method", "optimiser": optimiser}


COMMON = [cost("fabnet", {}), cost("rotation", {}), cost("supervised", {})]


def test_a_common_optimiser_needs_no_words() -> None:
    assert optimiser_caption([]) == []
    assert optimiser_caption(COMMON) == []
    assert (
        optimiser_caption([*COMMON, {"variant": "old", "kind": "method"}, {"variant": "mean", "kind": "floor"}]) == []
    )


def test_rows_with_another_one_are_named_with_their_rates() -> None:
    byol = cost("byol", {"lr": 0.2, "momentum": 0.9, "weight_decay": 1e-6}, {"lr": 0.2}, name="SGD", own=True)
    layers = cost("layers", *({"lr": 0.001 / 2**depth} for depth in range(6)))
    assert optimiser_caption([*COMMON, byol, byol, layers]) == [
        "Optimiser: AdamW, learning rate 0.001, weight decay 0, except "
        "byol (its own SGD, 2 groups, learning rate 0.2, momentum 0 and 0.9, weight decay 0 and 1e-06), "
        "layers (AdamW, 6 groups, learning rate 3.125e-05 to 0.001, weight decay 0)."
    ]

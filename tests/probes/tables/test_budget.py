"""The sentence on what rows were given the same amount of."""

from typing import Any

from probes.tables.budget import budget_sentence


def cost(variant: str, kind: str = "method", **amounts: Any) -> dict[str, Any]:
    return {"benchmark": "b", "variant": variant, "kind": kind, "seed": 0, "run": variant, **amounts}


def test_what_was_equal_is_stated_with_its_amount() -> None:
    costs = [cost("fabnet", steps=800, frames_seen=51200), cost("rotation", steps=800, frames_seen=25600)]
    assert budget_sentence("steps", costs) == "Equal for every trained row: 800 training steps."
    assert budget_sentence("frames", [*costs, cost("split_brain", steps=1600, frames_seen=51200)]) == (
        "Equal for trained rows: 51,200 frames, except rotation 25,600."
    )


def test_rows_that_are_not_trained_do_not_count_and_ceilings_do() -> None:
    costs = [cost("random", "floor", steps=0), cost("vgg-face", "pretrained"), cost("fabnet", steps=10)]
    assert budget_sentence("steps", costs) == "Equal for every trained row: 10 training steps."
    assert budget_sentence("steps", [*costs, cost("supervised", "ceiling", steps=20)]) == (
        "Equal for trained rows: 20 training steps, except fabnet 10."
    )


def test_whole_steps_are_close_enough() -> None:
    costs = [cost("fabnet", flops=1.0e15), cost("rotation", flops=0.996e15)]
    assert budget_sentence("flops", costs) == "Equal for every trained row: 1e+15 floating-point operations."


def test_before_any_run_has_ended_nothing_is_said() -> None:
    assert budget_sentence("seconds", [cost("random", "floor", train_seconds=0.0)]) == ""
    assert budget_sentence("flops", [cost("own", flops=None)]) == ""

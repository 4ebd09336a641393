"""Encoders named in captions."""

from typing import Any

import pytest

from probes.tables.cells import cells
from probes.tables.encoders import encoder_caption


def record(variant: str, encoder: str | None, dim: int, kind: str = "method", width: int = 16) -> dict[str, Any]:
    about = {"name": encoder, "width": width, "size": 64} if encoder else None
    return {"variant": variant, "kind": kind, "encoder": about, "dim": dim}


FABNET = [record("fabnet", "fabnet", 256), record("rotation", "fabnet", 256)]


@pytest.mark.parametrize(
    ("records", "caption"),
    [
        (FABNET, []),
        ([], []),
        ([*FABNET, record("pixels", None, 768, "floor"), record("supervised", "fabnet", 3, "ceiling")], []),
        ([{"variant": "fabnet", "kind": "method"}], []),
        (
            [record("fabnet", "resnet18", 256), record("rotation", "resnet18", 256)],
            ["Encoder: resnet18, width 16, 256 numbers, 64 px."],
        ),
        (
            [*FABNET, record("vgg-face", None, 4096, "pretrained"), record("theirs", "fabnet", 256, "pretrained", 32)],
            [
                "Encoder: fabnet, width 16, 256 numbers, 64 px.",
                "Other encoders: theirs (fabnet, width 32, 256 numbers, 64 px); vgg-face (its own, 4096 numbers).",
            ],
        ),
        ([record("vgg-face", None, 4096, "pretrained")], ["Encoder: its own, 4096 numbers."]),
    ],
)
def test_a_caption_names_what_is_not_the_default(records: list[dict[str, Any]], caption: list[str]) -> None:
    assert encoder_caption(records) == caption


def test_cells_say_which_embedding_they_are_of() -> None:
    def scores(about: dict[str, Any], task: str) -> dict[str, Any]:
        metrics = {"mae": {"value": 1.0, "unit": "deg"}}
        owner = {"schema": 1, "benchmark": "b", "seed": 0, "run": about["variant"] + task, "task": task}
        return {**owner, **about, "heads": {"exact": {"metrics": metrics}}}

    rows = [record("fabnet", "fabnet", 256), record("theirs", None, 768), record("top", "fabnet", 3, "ceiling")]
    probed = [scores(row, "pose") for row in rows] + [scores(record("top", "fabnet", 8, "ceiling"), "classes")]
    cost = {"benchmark": "b", "variant": "top", "kind": "ceiling", "seed": 0, "run": "c", "steps": 4}
    found = {
        (cell["variant"], cell["task"]): (cell["encoder"], cell["width"], cell["size"], cell["dim"])
        for cell in cells(probed, [cost], head="exact", expected=[("b", "method", "missing")])
    }
    assert found["fabnet", "pose"] == ("fabnet", 16, 64, 256)
    assert found["theirs", "pose"] == (None, None, None, 768)
    assert found["top", "classes"] == ("fabnet", 16, 64, 8)
    assert found["top", "cost"] == ("fabnet", 16, 64, None), "it differs between its tasks"
    assert found["missing", "pose"] == (None, None, None, None)

"""Encoders named in captions."""

from typing import Any

import pytest

from probes.encoders import encoder_caption


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

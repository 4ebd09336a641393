"""Weights of one method in another."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmark.errors import DataError
from benchmark.files import write_json
from benchmark.train.warm_start import load_matching, steps_spent
from benchmark.train.weights import load_method, save_method
from methods.base import Method
from methods.encoder import EncoderSpec
from methods.registry import get

SPEC = EncoderSpec(size=32, width=4, dim=16)


def made(name: str, seed: int, spec: EncoderSpec = SPEC, **options: object) -> Method:
    torch.manual_seed(seed)
    return get(name)(spec, options)


def same(first: Method, second: Method) -> set[str]:
    """Which parts of the second have the weights of the first."""
    own, other = first.state_dict(), second.state_dict()
    parts = {key.partition(".")[0] for key in other}
    return {
        part
        for part in parts
        if all(key in own and torch.equal(own[key], other[key]) for key in other if key.startswith(f"{part}."))
    }


def test_more_sources_take_over_encoder_and_flow(tmp_path: Path) -> None:
    single, several = made("fabnet", 0), made("fabnet", 1, sources=3)
    save_method(single, tmp_path)
    assert load_matching(several, tmp_path) == ["encoder", "decoder"]
    assert same(single, several) == {"encoder", "decoder"}, "there was no confidence decoder to take over"


def test_of_another_method_the_encoder_is_taken(tmp_path: Path) -> None:
    rotation, fabnet = made("rotation", 0), made("fabnet", 1)
    untouched = made("fabnet", 1)
    save_method(rotation, tmp_path)
    assert load_matching(fabnet, tmp_path) == ["encoder"]
    assert same(rotation, fabnet) == {"encoder"}
    assert same(untouched, fabnet) == {"decoder"}


@pytest.mark.parametrize(
    "other", [("split_brain", SPEC), ("fabnet", EncoderSpec(size=32, width=8, dim=16)), ("pixels", SPEC)]
)
def test_another_encoder_is_refused(tmp_path: Path, other: tuple[str, EncoderSpec]) -> None:
    save_method(made(other[0], 0, other[1]), tmp_path)
    with pytest.raises(DataError, match="has another encoder than fabnet"):
        load_matching(made("fabnet", 1), tmp_path)


def test_all_weights_or_an_error(tmp_path: Path) -> None:
    several, other = made("fabnet", 0, sources=2), made("fabnet", 1, sources=2)
    save_method(several, tmp_path)
    load_method(other, tmp_path)
    assert same(several, other) == {"encoder", "decoder", "confidence"}
    with pytest.raises(DataError, match=r"method\.safetensors are not the weights of fabnet: .*confidence"):
        load_method(made("fabnet", 1), tmp_path)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "method.safetensors").write_bytes(content)
    for load in (load_matching, load_method):
        with pytest.raises(DataError, match=r"method\.safetensors cannot be read"):
            load(made("fabnet", 0), tmp_path)


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    save_file({"encoder.x": torch.rand(1000)}, tmp_path / "method.safetensors")
    whole = (tmp_path / "method.safetensors").read_bytes()
    (tmp_path / "method.safetensors").write_bytes(whole[:-100])
    with pytest.raises(DataError, match="cannot be read"):
        load_matching(made("fabnet", 0), tmp_path)


def test_steps_add_up(tmp_path: Path) -> None:
    assert steps_spent(tmp_path) == 0
    write_json(tmp_path / "cost.json", {"steps": 5, "steps_before": 7})
    assert steps_spent(tmp_path) == 12

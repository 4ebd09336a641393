"""Weights in files, and as initial weights of another method."""

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


def build(name: str, seed: int, spec: EncoderSpec = SPEC, **options: object) -> Method:
    torch.manual_seed(seed)
    return get(name)(spec, options)


def equal_parts(first: Method, second: Method) -> set[str]:
    """Names of the parts of the second method that have the weights of the first."""
    first_weights, second_weights = first.state_dict(), second.state_dict()
    parts = {key.partition(".")[0] for key in second_weights}
    different = {
        key.partition(".")[0]
        for key, value in second_weights.items()
        if key not in first_weights or not torch.equal(first_weights[key], value)
    }
    return parts - different


def test_more_sources_start_from_encoder_and_flow_decoder(tmp_path: Path) -> None:
    single, several = build("fabnet", 0), build("fabnet", 1, sources=3)
    save_method(single, tmp_path)
    assert load_matching(several, tmp_path) == ["encoder", "decoder"]
    assert equal_parts(single, several) == {"encoder", "decoder"}, "one source has no confidence decoder"


def test_only_the_encoder_is_loaded_from_another_method(tmp_path: Path) -> None:
    rotation, fabnet = build("rotation", 0), build("fabnet", 1)
    untouched = build("fabnet", 1)
    save_method(rotation, tmp_path)
    assert load_matching(fabnet, tmp_path) == ["encoder"]
    assert equal_parts(rotation, fabnet) == {"encoder"}
    assert equal_parts(untouched, fabnet) == {"decoder"}


@pytest.mark.parametrize(
    "other", [("split_brain", SPEC), ("fabnet", EncoderSpec(size=32, width=8, dim=16)), ("pixels", SPEC)]
)
def test_other_encoder_is_refused(tmp_path: Path, other: tuple[str, EncoderSpec]) -> None:
    save_method(build(other[0], 0, other[1]), tmp_path)
    with pytest.raises(DataError, match="has another encoder than fabnet"):
        load_matching(build("fabnet", 1), tmp_path)


def test_load_method_needs_all_weights(tmp_path: Path) -> None:
    several, other = build("fabnet", 0, sources=2), build("fabnet", 1, sources=2)
    save_method(several, tmp_path)
    load_method(other, tmp_path)
    assert equal_parts(several, other) == {"encoder", "decoder", "confidence"}
    with pytest.raises(DataError, match=r"method\.safetensors are not the weights of fabnet: .*confidence"):
        load_method(build("fabnet", 1), tmp_path)


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64])
def test_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "method.safetensors").write_bytes(content)
    for load in (load_matching, load_method):
        with pytest.raises(DataError, match=r"method\.safetensors cannot be read"):
            load(build("fabnet", 0), tmp_path)


def test_truncated_file_is_named(tmp_path: Path) -> None:
    save_file({"encoder.x": torch.rand(1000)}, tmp_path / "method.safetensors")
    content = (tmp_path / "method.safetensors").read_bytes()
    (tmp_path / "method.safetensors").write_bytes(content[:-100])
    with pytest.raises(DataError, match="cannot be read"):
        load_matching(build("fabnet", 0), tmp_path)


def test_steps_of_initial_weights_are_counted(tmp_path: Path) -> None:
    assert steps_spent(tmp_path) == 0
    write_json(tmp_path / "cost.json", {"steps": 5, "steps_before": 7})
    assert steps_spent(tmp_path) == 12

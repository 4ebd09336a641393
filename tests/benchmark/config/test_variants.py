"""Rows resolved: initial and given weights, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from benchmark.config.load import load
from benchmark.config.variants import Variant, resolve
from benchmark.errors import DataError, UsageError
from benchmark.pipeline.import_weights import import_weights
from benchmark.pipeline.preparation import check_track_length
from benchmark.train.weights import save_method
from methods.encoder import EncoderSpec
from methods.registry import get
from tests.benchmark import released
from tests.benchmark.tiny import SETTINGS

LARGE = "train.batch_size=10"  # enough for the curriculum


def resolved(*words: str) -> dict[str, Variant]:
    return resolve(load([*SETTINGS, LARGE, *words]))


def folder(path: Path, method: str = "fabnet", size: int = 32, width: int = 4, **options: Any) -> Path:
    """The weights and their description in a finished run's folder."""
    torch.manual_seed(0)
    instance = get(method)(EncoderSpec(size=size, width=width, dim=16), options)
    path.mkdir(parents=True)
    save_method(instance, path)
    description = {"method": method, "options": options, "encoder": {"width": width, "dim": 16}, "size": size}
    (path / "config.yaml").write_text(yaml.safe_dump(description))
    return path


def test_a_variant_that_gives_initial_weights_comes_first() -> None:
    variants = resolved("methods=fabnet-3source,random")
    assert list(variants) == ["fabnet-curriculum", "fabnet-3source", "random"]
    assert variants["fabnet-3source"].parent == "fabnet-curriculum"
    assert variants["fabnet-3source"].frames == 4
    assert variants["fabnet-curriculum"].train.curriculum
    assert variants["random"].parent is None


def test_a_registered_method_gives_initial_weights() -> None:
    variants = resolved("methods=own", "variants.own={method: fabnet, init_from: autoencoder}")
    assert list(variants) == ["autoencoder", "own"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["variants.own={method: fabnet, init_from: own}"], "init_from goes in a circle: own -> own"),
        (
            ["variants.own={method: fabnet, init_from: b}", "variants.b={method: fabnet, init_from: own}"],
            "own -> b -> own",
        ),
        (["variants.own={method: fabnet, init_from: nobody}"], "init_from=nobody is neither a variant nor a folder"),
        (["variants.own={method: fabnet, init_from: split_brain}"], "own has another encoder than split_brain: "),
        (["variants.own={method: fabnet, init_from: pixels}"], "own has another encoder than pixels: "),
        (["variants.own={method: fabnet, init_from: supervised}"], "init_from=supervised is trained once a task"),
        (["variants.own={method: random, init_from: fabnet}"], "own is a floor and takes no init_from"),
        (["variants.own={method: fabnet, options: {sources: 2}}"], "refines a trained model; name one"),
        (["variants.own={method: fabnet, options: {sources: 0}}"], "sources=0 must be 1 or more"),
        (["variants.own={method: fabnet, train: {curriculum: true, batch_size: 9}}"], "too small for the curriculum"),
        (["variants.own={method: fabnet, train: {curriculum_start: 5}}"], "curriculum_start=5 must be"),
        (["variants.own={method: fabnet, weights: a, init_from: random}"], "leave out init_from, train and augment"),
        (["variants.own={method: vgg-face}"], "own needs weights"),
        (["variants.own={method: split_brain}", "encoder.dim=15"], "must be even to be halved"),
    ],
)
def test_settings_that_cannot_work_are_refused(words: list[str], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved("methods=own", *words)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_gives_initial_weights(tmp_path: Path) -> None:
    variants = resolved("methods=own", f"variants.own={{method: fabnet, init_from: {folder(tmp_path / 'run')}}}")
    assert variants["own"].init_folder == tmp_path / "run"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"width": 8}, "another encoder than .*: encoder.layers.0.bias is \\(4,\\) and \\(8,\\)"),
        ({"size": 64}, "another encoder than .*: encoder.layers.11.bias"),
        ({"method": "split_brain"}, "another encoder than .*: encoder.colour"),
    ],
)
def test_a_folder_of_another_encoder_is_refused(tmp_path: Path, settings: dict[str, Any], problem: str) -> None:
    path = folder(tmp_path / "run", **settings)
    with pytest.raises(UsageError, match=problem):
        resolved("methods=own", f"variants.own={{method: fabnet, init_from: {path}}}")


def test_a_folder_with_missing_or_broken_weights_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "run")
    (path / "method.safetensors").write_bytes(b"\xff" * 20)
    for key in ("init_from", "weights"):
        with pytest.raises(DataError, match=r"method\.safetensors cannot be read"):
            resolved("methods=own", f"variants.own={{method: fabnet, {key}: {path}}}")
    (path / "method.safetensors").unlink()
    for key in ("init_from", "weights"):
        with pytest.raises(DataError, match=r"run holds no method\.safetensors"):
            resolved("methods=own", f"variants.own={{method: fabnet, {key}: {path}}}")


@pytest.mark.parametrize(
    "description", ["", "[1]", "method: fabnet", "{method: fabnet, options: {}, encoder: {w: 1}, size: 3}"]
)
def test_a_folder_with_a_wrong_description_is_refused(tmp_path: Path, description: str) -> None:
    path = folder(tmp_path / "run")
    (path / "config.yaml").write_text(description)
    for key in ("init_from", "weights"):
        with pytest.raises(DataError, match=r"config\.yaml"):
            resolved("methods=own", f"variants.own={{method: fabnet, {key}: {path}}}")


def test_given_weights_make_a_pretrained_row_with_its_own_encoder(tmp_path: Path) -> None:
    path = folder(tmp_path / "run", size=64, width=8, sources=2)
    row = resolved("methods=own", f"variants.own.weights={path}")["own"]
    assert (row.kind, row.method, row.size, row.encoder.width, row.options) == (
        "pretrained",
        "fabnet",
        64,
        8,
        {"sources": 2},
    )
    assert row.fixed, "one seed says all"


def test_imported_weights_make_a_row_by_name(tmp_path: Path) -> None:
    model, probe = released.fabnet()
    released.save_fabnet(tmp_path / "a.pt", model, probe)
    import_weights(tmp_path / "a.pt", tmp_path / "imported", "theirs")
    row = resolved("methods=theirs,fabnet", f"imported={tmp_path / 'imported'}")["theirs"]
    assert (row.kind, row.size, row.encoder.dim) == ("pretrained", 256, 16)
    with pytest.raises(UsageError, match="unknown method 'theirs'"):
        resolved("methods=theirs", f"imported={tmp_path / 'elsewhere'}")


def test_more_frames_than_a_track_has_are_refused() -> None:
    variants = resolved("methods=fabnet-3source")
    check_track_length(variants, 4)
    with pytest.raises(UsageError, match="fabnet-3source needs 4 frames of one track; the longest has 3"):
        check_track_length(variants, 3)


METHOD_FILE = """
from dataclasses import dataclass

from methods.autoencoder import Autoencoder
from methods.registry import register


@register("blur", version=1)
class Blur(Autoencoder):
    @dataclass(frozen=True)
    class Options:
        kernel: int = 5
"""


def test_variants_refer_to_a_method_file_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "blur.py"
    file.write_text(METHOD_FILE)
    variants = resolved(
        f"methods={file},wide", "variants.blur.options.kernel=9", "variants.wide={method: blur, options: {kernel: 15}}"
    )
    assert {name: (variant.method, variant.options) for name, variant in variants.items()} == {
        "blur": (str(file), {"kernel": 9}),
        "wide": (str(file), {"kernel": 15}),
    }
    with pytest.raises(UsageError, match=r"kernal.*did you mean 'kernel'"):
        resolved(f"methods={file}", "variants.blur.options.kernal=9")
    with pytest.raises(UsageError, match=r"blur\.py is called blur, as is the variant blur of fabnet"):
        resolved(f"methods={file}", "variants.blur.method=fabnet")


def test_a_misspelt_variant_is_refused_although_no_row_uses_it() -> None:
    with pytest.raises(UsageError, match=r"variants\.fabent: unknown method 'fabent'; did you mean 'fabnet'\?"):
        resolved("methods=random", "variants.fabent.options.sources=2")


OWN_FILE = """
from methods.base import Method, MethodOutput
from methods.registry import register


@register("{name}", version=1)
class Own(Method):
    def __init__(self, encoder, options=None):
        super().__init__(encoder, options)
        self.encoder = encoder.build()

    def forward(self, frames):
        return MethodOutput(self.encoder(frames[:, 0]).square().mean(1))
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (".mean(1)", ".mean()", r"forward must return MethodOutput\(losses \(2,\)\), not losses of shape \(\)"),
        ("MethodOutput(self", "(self", r"forward must return MethodOutput\(losses \(2,\)\), not Tensor"),
        (".square()", ".detach()", "not losses without gradient"),
        ("self.encoder =", "self.net =", "has no `encoder`; set self.encoder in __init__ to a torch module"),
        ("encoder.build()", "print", "has no `encoder`"),
        ("self.encoder =", "self.views = 0; self.encoder =", "views=0 must be an int of 1 or more"),
        (
            "    def forward",
            "    def embed(self, images):\n        return self.encoder(images)[:, :3]\n\n    def forward",
            "embed returns 3 numbers for each image, not the 16 of encoder.dim",
        ),
    ],
)
def test_a_method_is_refused_for_what_it_returns_before_anything_is_trained(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in OWN_FILE
    file = tmp_path / "own.py"
    file.write_text(OWN_FILE.replace(old, new).replace("{name}", f"own-{abs(hash((old, new)))}"))
    with pytest.raises(UsageError, match=problem):
        resolved(f"methods={file}")


@pytest.mark.parametrize("line", ["raise SystemExit(0)", "frames.cuda().no_such_thing"])
def test_what_a_method_raises_is_left_to_its_run(tmp_path: Path, line: str) -> None:
    file = tmp_path / "own.py"
    text = OWN_FILE.replace("        return Method", f"        {line}\n        return Method")
    file.write_text(text.replace("{name}", f"raises-{abs(hash(line))}"))
    assert list(resolved(f"methods={file}")) == ["own"]

"""`fabbench methods`."""

from pathlib import Path

import pytest

from tests.benchmark.tiny import ROOT, call, refused


def test_methods_are_listed() -> None:
    listed = [line.strip() for line in call("methods").out.splitlines()]
    for name in ("fabnet", "autoencoder", "rotation", "split_brain", "mean", "pixels", "random", "supervised"):
        assert any(line.startswith(f"{name} ") for line in listed)
    (fabnet,) = [line for line in listed if line.startswith("fabnet ")]
    for said in ("method", "2 frames", "M ", "Wiles et al., BMVC 2018"):
        assert said in fabnet
    assert any(line.startswith("variants.fabnet.options.sources=1 ") for line in listed)
    (variant,) = [line for line in listed if line.startswith("fabnet-3source ")]
    assert "options.sources=3" in variant
    assert "init_from=fabnet-curriculum" in variant


def test_parameters_are_those_of_the_given_encoder() -> None:
    listed = call("methods", "data.size=256", "encoder.width=32").out
    (random,) = [line for line in listed.splitlines() if line.strip().startswith("random ")]
    assert "4.89 M" in random, "the paper's encoder"


def test_a_size_that_no_encoder_has_is_refused() -> None:
    assert refused(2, "methods", "data.size=17") == (
        "fabbench: data.size=17 encoder.name=fabnet: size 17: FAb-Net's encoder and decoder need a power of two, at "
        "least 16"
    )


def test_a_method_of_ones_own_is_put_through_the_contract(tmp_path: Path) -> None:
    small = ("data.size=32", "encoder.width=4", "encoder.dim=12")
    example = (ROOT / "examples" / "denoise.py").read_text()
    good = tmp_path / "kept.py"
    good.write_text(example.replace('"denoise"', '"kept"'))
    finished = call("methods", str(good), "--check", *small)
    assert finished.code == 0, finished.out
    assert "FAILED" not in finished.out
    assert finished.out.count("  ok ") > 8
    bad = tmp_path / "broken.py"
    bad.write_text(
        example.replace('"denoise"', '"broken"').replace("(1, 2, 3)))", "(1, 2, 3)).mean().expand(len(image)))")
    )
    finished = call("methods", str(bad), "--check", *small)
    assert finished.code == 1
    (line,) = [line for line in finished.out.splitlines() if "FAILED" in line]
    assert line.endswith("all losses are equal: give each sample its own, not their mean")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--check"], "--check needs a method"),
        (["fabnet"], "`fabbench methods fabnet --check` tries"),
        (["fabnett", "--check"], "unknown method 'fabnett'; did you mean 'fabnet'"),
        (["absent.py", "--check"], "no such file"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], problem: str) -> None:
    finished = call("methods", *words)
    assert finished.code == 2
    assert problem in finished.err


def test_encoders_are_listed(tmp_path: Path) -> None:
    finished = call("encoders", "data.size=48", f"encoder.name={ROOT / 'examples' / 'small_encoder.py'}")
    assert finished.code == 0, finished.err
    lines = {line.split()[0]: line for line in finished.out.splitlines()[1:]}
    assert {"fabnet", "resnet18", "resnet50", "vit_small"} < lines.keys()
    assert " - " in lines["fabnet"], "not of this size"
    assert "four strided convolutions" in finished.out
    assert call("encoders", "encoder.name=resnet19").code == 2

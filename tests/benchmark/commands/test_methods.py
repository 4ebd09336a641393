"""`fabbench methods`."""

from tests.benchmark.tiny import call, refused


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
    expected = "fabbench: data.size=17: encoder size 17: it must be a power of two, at least 16"
    assert refused(2, "methods", "data.size=17") == expected

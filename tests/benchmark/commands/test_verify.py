"""`fabbench verify`: the track store, or one labelled set."""

from pathlib import Path

from tests.benchmark.tiny import call, refused, settings


def test_a_sound_store(done: Path) -> None:
    printed = call("verify", *settings(done, only=("data", "cache")))
    assert printed.code == 0
    assert printed.out.endswith(": sound\n")
    assert "12 tracks, 36 frames" in printed.out


def test_a_sound_set(done: Path) -> None:
    printed = call("verify", "synthetic", *settings(done, "data.size=32", only=("sets", "cache")))
    assert printed.code == 0, printed
    assert "synthetic: sound  (report: " in printed.out


def test_one_known_set_is_taken() -> None:
    assert "unknown set 'w30'; did you mean 'w300'?" in refused(2, "verify", "w30")
    assert "`fabbench verify` takes one SET" in refused(2, "verify", "w300", "aflw")

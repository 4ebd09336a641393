"""`fabbench data`."""

from tests.benchmark.tiny import call


def test_data_are_listed() -> None:
    listed = call("data").out
    for name in ("synthetic", "videos", "frames", "concat"):
        assert f"  {name} " in listed

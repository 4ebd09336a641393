"""`fabbench data`."""

from pathlib import Path

from tests.benchmark.tiny import call, refused


def test_data_are_listed() -> None:
    listed = call("data").out
    for name in ("synthetic", "videos", "frames", "concat"):
        assert f"  {name} " in listed


def test_realism_of_the_built_in_faces_is_printed(tmp_path: Path) -> None:
    place = [f"cache={tmp_path}/cache", f"out={tmp_path}/runs", "data.size=32"]
    few = ["sets.synthetic.train=64", "sets.synthetic.val=16", "sets.synthetic.test=32"]
    shown = call("data", "show", "synthetic", "data.version=2", "data.identities=3", *few, *place).out
    assert "built-in tracks, version 2: 3 of 8 frames" in shown
    assert "within: yaw, s.d. (deg)" in shown
    assert "VoxCeleb2" in shown
    assert (tmp_path / "data" / "synthetic.png").is_file()


def test_settings_without_effect_on_the_readings_are_refused() -> None:
    assert "data.jpeg_quality has no effect" in refused(2, "data", "show", "synthetic", "data.jpeg_quality=90")

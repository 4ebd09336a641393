"""The README is short, and the method it points to works; tests/test_docs.py tries its commands and links."""

from pathlib import Path

from tests.benchmark.tiny import ROOT, call, cells, settings

README = (ROOT / "README.md").read_text()


def test_is_short() -> None:
    assert len(README.splitlines()) <= 130


def test_example_method_is_trained_probed_and_tabulated(tmp_path: Path) -> None:
    finished = call("run", *settings(tmp_path, f"methods=autoencoder,{ROOT / 'examples' / 'denoise.py'}"))
    assert finished.code == 0, finished.err
    assert {cell["variant"] for cell in cells(tmp_path / "runs" / "quick")} == {"autoencoder", "denoise"}

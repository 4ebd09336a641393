"""What the README tells a newcomer to type works."""

import shlex
from pathlib import Path

from benchmark.config import load as config
from docs import build
from tests.benchmark.tiny import ROOT, call, cells, settings

README = (ROOT / "README.md").read_text()


def test_its_method_is_trained_probed_and_tabulated(tmp_path: Path) -> None:
    finished = call("run", *settings(tmp_path, f"methods=autoencoder,{build.EXAMPLE}"))
    assert finished.code == 0, finished.err
    assert {cell["variant"] for cell in cells(tmp_path / "runs" / "quick")} == {"autoencoder", "denoise"}


def test_its_method_is_the_example() -> None:
    assert build.built() == README, "run `make docs`"


def test_its_settings_exist() -> None:
    commands = [line for line in README.splitlines() if line.startswith("fabbench ")]
    assert len(commands) > 5
    for command in commands:
        words = shlex.split(command, comments=True)
        config.load(word for word in words if "=" in word and "preset=./" not in word)

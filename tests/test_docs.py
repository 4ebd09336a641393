"""The documentation builds without warnings or network, and its examples work."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.commands import find_commands
from tests.benchmark.tiny import call, settings
from tests.pages import PAGES, ROOT, blocks, commands

COMMANDS = dict.fromkeys(tuple(words) for page in PAGES for words in commands(page))
LISTINGS = {("methods",), ("tasks",), ("data",), ("probes",)}
EXECUTED = [
    words for words in COMMANDS if "launcher=slurm" not in words and ("--dry-run" in words or words in LISTINGS)
]


def described(value: Path | tuple[str, ...]) -> str:
    return value.name if isinstance(value, Path) else " ".join(value)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the presets that the pages show, and the example method."""
    for page in PAGES:
        for block in blocks(page, "yaml"):
            if block.title:
                (tmp_path / block.title).write_text(block.text)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [words for words in COMMANDS if words not in EXECUTED], ids=described)
def test_command_is_understood(words: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--cfg`, which parses a command, loads its configuration, and does nothing."""
    assert main([*words, "--cfg"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("words", EXECUTED, ids=described)
def test_listing_or_dry_run_succeeds(words: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(list(words)) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", find_commands())
def test_command_is_listed(name: str) -> None:
    assert f"`fabbench {name}" in (ROOT / "docs" / "index.md").read_text()


def test_python_examples_run(project: Path) -> None:
    """On a benchmark as `fabbench run preset=quick` leaves it."""
    finished = call("run", *settings(project, "out=results/runs"))
    assert finished.code == 0, finished.err
    for page in PAGES:
        examples = [block.text for block in blocks(page, "python") if not block.title]
        if examples:
            script = project / "examples_of_page.py"
            script.write_text("\n".join(examples))
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            subprocess.run([sys.executable, script], check=True, cwd=project, env=environment)


def test_site_builds_and_needs_no_network(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", tmp_path], cwd=ROOT, check=True)
    for page in tmp_path.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="(https?://[^"]+)"', page.read_text())
        assert not loaded, page
    example = re.sub(r"<[^>]+>", "", (tmp_path / "add_your_own" / "index.html").read_text())
    assert "class Denoise(Method):" in example, "the example method is not included"


def test_members_of_the_api_exist() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    listed = re.findall(r"^::: (\S+)\n    options:\n      members: \[([^\]]+)\]", page, re.MULTILINE)
    assert listed
    for module, members in listed:
        missing = [name for name in members.split(", ") if not hasattr(importlib.import_module(module), name)]
        assert not missing, f"{module} has no {missing}"


@pytest.mark.parametrize("page", PAGES, ids=described)
def test_links_to_files_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not missing

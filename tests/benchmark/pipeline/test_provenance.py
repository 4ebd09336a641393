"""The commit and the uncommitted changes that results name."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark.pipeline.provenance import code_version, environment

ROOT = Path(__file__).parents[3]


def git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    return subprocess.run(
        ["git", "-C", str(folder), *name, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_environment_names_the_commit_of_a_checkout(tmp_path: Path) -> None:
    """In a checkout of its own: clean, then with a change in any package, then not tracked at all."""

    def reported() -> dict[str, Any]:
        code = "import json; from benchmark.pipeline.provenance import environment; print(json.dumps(environment()))"
        answer = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            check=True,
        )
        report: dict[str, Any] = json.loads(answer.stdout)
        return report

    for name in ("__init__.py", "pipeline/__init__.py", "pipeline/provenance.py"):
        copy = tmp_path / "benchmark" / name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes((ROOT / "benchmark" / name).read_bytes())
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "a.py").write_text("a = 1\n")
    git(tmp_path, "init", "-q")
    (tmp_path / "README").write_text("somebody else's\n")
    git(tmp_path, "add", "README")
    git(tmp_path, "commit", "-qm", "x")
    assert reported()["commit"] is None, "the commit of a checkout that merely holds the installation"
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "y")
    clean = reported()
    assert clean["commit"] == git(tmp_path, "rev-parse", "HEAD")
    assert clean["dirty"] is None
    (tmp_path / "methods" / "a.py").write_text("a = 2\n")
    assert reported()["dirty"]


def test_the_environment_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    code_version.cache_clear()
    assert environment()["commit"] is None
    code_version.cache_clear()

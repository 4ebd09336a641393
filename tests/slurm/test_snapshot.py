"""Copies of the code that jobs run."""

import json
from pathlib import Path

from slurm.snapshot import snapshot


def test_a_snapshot_keeps_the_current_code(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "a.pyc").write_text("x")
    (package / "a.py").write_text("first")
    file = tmp_path / "own.py"
    file.write_text("mine")
    first = snapshot([package], {"files/own.py": file}, tmp_path / "snapshots", {"commit": "abc"})
    assert snapshot([package], {"files/own.py": file}, tmp_path / "snapshots", {"commit": "abc"}) == first, (
        "the same code is copied once"
    )
    (package / "a.py").write_text("second")
    second = snapshot([package], {"files/own.py": file}, tmp_path / "snapshots", {"commit": "abc"})
    assert [(each / "package" / "a.py").read_text() for each in (first, second)] == ["first", "second"]
    assert (first / "files" / "own.py").read_text() == "mine"
    assert not (first / "package" / "__pycache__").exists()
    assert json.loads((first / "snapshot.json").read_text()) == {"commit": "abc", "snapshot": str(first)}
    assert {path.name for path in (tmp_path / "snapshots").iterdir()} == {first.name, second.name}


def test_files_with_the_same_name_are_all_kept(tmp_path: Path) -> None:
    files = {f"files/{name}/own.py": tmp_path / name / "own.py" for name in ("a", "b")}
    for path in files.values():
        path.parent.mkdir()
        path.write_text(path.parent.name)
    copy = snapshot([], files, tmp_path / "snapshots", {})
    assert [(copy / place).read_text() for place in files] == ["a", "b"]
    moved = {place: files[other] for place, other in zip(files, reversed(files), strict=True)}
    assert snapshot([], moved, tmp_path / "snapshots", {}) != copy, "where a file is counts, too"

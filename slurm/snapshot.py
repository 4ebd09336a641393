"""A copy of the code at submission, so that later edits do not affect queued jobs."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ABOUT = "snapshot.json"  # in a snapshot's root: description of the code
IGNORED = ("__pycache__", ".*", "*.pyc")


def snapshot(packages: Sequence[Path], files: Mapping[str, Path], folder: Path, about: Mapping[str, Any]) -> Path:
    """Copy package folders and single files into a folder named by their content.

    The same code is copied once. Files outside version control are copied too, since they would also run.

    Args:
        packages: package folders, imported by their names.
        files: single files, by their path within the snapshot.
        folder: parent of all snapshots, on a file system that the nodes share.
        about: description of the code, written to ``snapshot.json`` together with the snapshot's path.

    Returns:
        The snapshot's folder.
    """
    target = folder.absolute() / _digest(packages, files, about)
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        copy = Path(temporary, "code")
        for package in packages:
            shutil.copytree(package, copy / package.name, ignore=shutil.ignore_patterns(*IGNORED))
        for place, file in files.items():
            file_copy = copy / place
            file_copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, file_copy)
        (copy / ABOUT).write_text(json.dumps({**about, "snapshot": str(target)}, indent=1))
        try:
            copy.replace(target)
        except OSError:
            if not target.is_dir():  # else another launch has just made the same snapshot
                raise
    return target


def _digest(packages: Sequence[Path], files: Mapping[str, Path], about: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for package in packages:
        for path in _sources(package):
            digest.update(f"{package.name}/{path.relative_to(package)}\0".encode() + path.read_bytes())
    for place, file in sorted(files.items()):
        digest.update(f"{place}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _sources(package: Path) -> Iterator[Path]:
    for path in sorted(package.rglob("*")):
        parts = path.relative_to(package).parts
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in parts):
            yield path

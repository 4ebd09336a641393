"""The code that queued jobs run: a copy made at submission, so that later edits change nothing that is queued."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ABOUT = "snapshot.json"  # in a snapshot's root: what it is a copy of
IGNORED = ("__pycache__", ".*", "*.pyc")


def snapshot(packages: Sequence[Path], files: Sequence[Path], folder: Path, about: Mapping[str, Any]) -> Path:
    """Copies package folders, and single files into ``files/DIGEST/``, to a folder named by their content.

    The same code is copied once, files outside version control included.

    Args:
        packages: folders, by whose names they are imported.
        files: single files, which keep their names; two may have the same.
        folder: where snapshots go; the nodes must see it.
        about: what is to be known of the code, written beside it with the snapshot's own path.
    """
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for package in packages:
        for path in _sources(package):
            digest.update(f"{package.name}/{path.relative_to(package)}\0".encode() + path.read_bytes())
    for path in files:
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    target = folder.absolute() / digest.hexdigest()[:16]
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        made = Path(unfinished, "code")
        for package in packages:
            shutil.copytree(package, made / package.name, ignore=shutil.ignore_patterns(*IGNORED))
        for path in files:
            place = made / path_in_snapshot(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        (made / ABOUT).write_text(json.dumps({**about, "snapshot": str(target)}, indent=1))
        try:
            made.replace(target)
        except OSError:
            if not target.is_dir():  # another launch has made the same just now
                raise
    return target


def path_in_snapshot(file: Path) -> Path:
    """Where a single file lies in a snapshot."""
    return Path("files", hashlib.sha256(file.read_bytes()).hexdigest()[:16], file.name)


def _sources(package: Path) -> Iterator[Path]:
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package).parts
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in inside):
            yield path

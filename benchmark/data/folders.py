"""Walks folders of raw data in a stable order, with errors that say what was expected where."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.errors import DataError


def check_root(root: Path) -> None:
    """Raises DataError unless ``root`` is a folder that can be listed."""
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root}: {what}; give the folder of the raw data (data.root)")
    if not os.access(root, os.R_OK | os.X_OK):
        raise DataError(f"{root}: no permission to read this folder")


def step_into(root: Path, known: Sequence[str]) -> list[Path]:
    """Those of the ``known`` sub-folders of a data set that are there, or ``root`` itself."""
    return [root / name for name in known if (root / name).is_dir()] or [root]


def walk(base: Path, suffixes: frozenset[str]) -> Iterator[tuple[Path, list[str]]]:
    """Yields every folder below ``base`` that holds files of these kinds, with their names, all sorted.

    Hidden files and folders are left out, links to folders are followed.

    Raises:
        DataError: a folder cannot be read; going on would silently leave out data.
    """

    def unreadable(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror}); mend it or move it away")

    for folder, folders, files in os.walk(base, onerror=unreadable, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        wanted = [f for f in files if not f.startswith(".") and os.path.splitext(f)[1].lower() in suffixes]  # noqa: PTH122 - a million names
        if wanted:
            yield Path(folder), sorted(wanted)

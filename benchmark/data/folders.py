"""Walks folders of raw data in a stable order, with errors that say what was expected where."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.errors import DataError

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm"})


def check_root(root: Path) -> None:
    """Raises DataError unless ``root`` is a folder that can be listed."""
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root}: {what}; give the folder of the raw data (data.root)")
    if not os.access(root, os.R_OK | os.X_OK):
        raise DataError(f"{root}: no permission to read this folder")


def step_into(root: Path, known: Sequence[str]) -> list[str]:
    """Those of the ``known`` sub-folders of a data set that are there, or the root itself, ``.``."""
    return [name for name in known if (root / name).is_dir()] or ["."]


def walk(base: Path, suffixes: frozenset[str]) -> Iterator[tuple[str, list[str]]]:
    """Yields every folder that holds files of these kinds, relative to ``base``, with their names, all sorted.

    ``base`` itself is the empty string. Hidden files and folders are left out, links to folders are followed.
    Paths are strings here, because a data set has a million of them.

    Raises:
        DataError: a folder cannot be read; going on would silently leave out data.
    """

    def unreadable(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror}); mend it or move it away")

    for folder, folders, files in os.walk(base, onerror=unreadable, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        wanted = sorted(name for name in files if is_kind(name, suffixes))
        if wanted:
            yield folder[len(str(base)) + 1 :], wanted


def is_kind(name: str, suffixes: frozenset[str]) -> bool:
    """Whether a file of this name is one of these kinds; hidden ones are not."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122

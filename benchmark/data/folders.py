"""Listing of folders of raw data in a stable order."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.errors import DataError

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm"})


def check_root(root: Path) -> None:
    """Raise DataError unless ``root`` is a folder that can be listed."""
    if not root.is_dir():
        problem = "is a file, not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root}: {problem}; give the folder of the raw data (data.root)")
    if not os.access(root, os.R_OK | os.X_OK):
        raise DataError(f"{root}: no permission to read this folder")


def existing_subfolders(root: Path, names: Sequence[str]) -> list[str]:
    """Those of the sub-folders ``names`` that exist in ``root``; ``["."]`` if none does."""
    return [name for name in names if (root / name).is_dir()] or ["."]


def walk(base: Path, suffixes: frozenset[str]) -> Iterator[tuple[str, list[str]]]:
    """List all folders below ``base`` that have files of these kinds. Follows links; skips hidden files and folders.

    Yields:
        (folder relative to ``base``, names of its files), both sorted; the folder is empty for ``base`` itself. Paths
        are strings, since a data set can have millions.

    Raises:
        DataError: a folder cannot be read. Continuing would leave data out without notice.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror}); mend it or move it away")

    for folder, subfolders, files in os.walk(base, onerror=refuse, followlinks=True):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))  # os.walk descends into these
        names = sorted(name for name in files if is_kind(name, suffixes))
        if names:
            yield folder[len(str(base)) + 1 :], names


def is_kind(name: str, suffixes: frozenset[str]) -> bool:
    """Whether a file name has one of these suffixes, in upper or lower case, and is not hidden."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122

"""Finds a set's files below the folder a user points to, whatever level of it that is, and reads images by name."""

import fnmatch
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.config.schema import FaceFolder
from benchmark.data.folders import IMAGES, is_kind, walk
from benchmark.errors import DataError, UsageError
from benchmark.files import digest, sha256

NAMED = IMAGES | {".npy"}
HASHED = 64  # label files up to this number are told apart by content, more by size and time


@dataclass(frozen=True)
class Found:
    """Where a set lies: its folder, the files its labels are in, the folders its images are in."""

    root: Path
    labels: Sequence[Path]
    images: Sequence[Path]

    def key(self) -> str:
        """Identifies labels and names of images; an image exchanged under its old name is not seen."""
        labels: list[tuple[str, object]] = []
        for path in self.labels:
            stat = path.stat()
            told = sha256(path) if len(self.labels) <= HASHED else [stat.st_size, stat.st_mtime_ns]
            labels.append((self._place(path), told))
        return digest([labels, [[self._place(folder), _names(folder)] for folder in self.images]])

    def _place(self, path: Path) -> str:
        """Where a file or folder lies, seen from the set's folder; it need not lie in it."""
        return os.path.relpath(path, self.root)


def locate(config: FaceFolder, holds: Callable[[Path], bool], names: Iterable[str], layout: str) -> Path:
    """The folder that holds a set: the one given, or one of ``names`` in it.

    Args:
        config: of the set.
        holds: whether a folder is the set's.
        names: what the set's folder is called where several sets lie side by side; case does not matter.
        layout: what is expected, for the message.

    Raises:
        UsageError: no folder given.
        DataError: the folder is not there, or holds nothing of the set.
    """
    if config.root is None:
        raise UsageError(f"{config.kind} needs sets.NAME.root=DIR, its folder, or root=DIR, the one that sets lie in")
    root = Path(config.root)
    if not root.is_dir():
        raise DataError(f"{root}: {'a file, not a folder' if root.exists() else 'no such folder'}")
    known = {name.casefold() for name in names}
    try:
        below = sorted(path for path in root.iterdir() if path.name.casefold() in known and path.is_dir())
    except OSError as error:
        raise DataError(f"{root}: cannot be listed ({error.strerror})") from error
    for folder in (*below, *(path / path.name for path in below), root):  # an archive unpacked into its own name
        if holds(folder):
            return folder
    inside = f", nor does a folder {' or '.join(sorted(known))} in it" if known else ""
    raise DataError(f"{root}: holds no {config.kind}{inside}; expected {layout}")


def matching(folder: Path, pattern: str) -> list[Path]:
    """What lies in a folder under names of a pattern, sorted; hidden files, such as those macOS adds, are left out.

    Raises:
        DataError: the folder cannot be listed, where `Path.glob` would find nothing.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error
    return [folder / name for name in sorted(fnmatch.filter(names, pattern)) if not name.startswith(".")]


def below(root: Path, *suffixes: str) -> list[Path]:
    """Files of these kinds anywhere below a folder, sorted.

    Raises:
        DataError: a folder cannot be listed.
    """
    return sorted(root / folder / name for folder, names in walk(root, frozenset(suffixes)) for name in names)


def one_of(root: Path, *candidates: str) -> Path | None:
    """The first of these files or folders below ``root`` that is there."""
    return next((root / name for name in candidates if (root / name).exists()), None)


def image_beside(path: Path) -> Path | None:
    """The image of the same name as a label file, in the same folder."""
    for suffix in (".jpg", ".png", ".jpeg", ".ppm", ".bmp", ".JPG", ".PNG"):
        if (image := path.with_suffix(suffix)).is_file():
            return image
    return None


def reader(folder: Path, names: Sequence[str]) -> Callable[[int], bytes]:
    """What reads the image of a row by its name below ``folder``."""
    return lambda row: (folder / names[row]).read_bytes()


def numbered(images: Sequence[str]) -> list[str]:
    """Names of faces: the image's, with a number where the image shows several."""
    several = {name for name, count in Counter(images).items() if count > 1}
    seen: Counter[str] = Counter()
    names = []
    for image in images:
        seen[image] += 1
        names.append(f"{image}#{seen[image]}" if image in several else image)
    return names


def inner(root: Path, name: str) -> Path | None:
    """The folder ``name``, such as ``helen/trainset``, below ``root``, in whatever case it is written."""
    for part in name.split("/"):
        exact = root / part
        if not exact.is_dir():
            like = [path for path in root.iterdir() if path.name.casefold() == part.casefold() and path.is_dir()]
            if not like:
                return None
            exact = like[0]
        root = exact
    return root


def _names(folder: Path) -> str:
    """Digest of the names of images and .npy files below a folder; sizes and times would take a million look-ups."""
    names = []
    for place, _, files in os.walk(folder, followlinks=True):
        names += [f"{place[len(str(folder)) :]}/{name}" for name in files if is_kind(name, NAMED)]
    return digest(sorted(names))

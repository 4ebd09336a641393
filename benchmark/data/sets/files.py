"""Find the files of a set below the folder that a user gives, and read images by name."""

import fnmatch
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.config.sets import FaceFolder
from benchmark.data.folders import IMAGES, is_kind, walk
from benchmark.errors import DataError
from benchmark.files import digest, sha256

FINGERPRINTED = IMAGES | {".npy"}
HASHED = 64  # up to this many label files are identified by content, more of them by size and time


@dataclass(frozen=True)
class SetFiles:
    """The files of a set.

    Attributes:
        root: its folder.
        labels: files with its labels.
        images: folders with its images.
    """

    root: Path
    labels: Sequence[Path]
    images: Sequence[Path]

    def fingerprint(self) -> list[object]:
        """Identifies the labels and the names of the images; an image replaced under its old name goes unnoticed."""
        labels: list[tuple[str, object]] = []
        for path in self.labels:
            stat = path.stat()
            state = sha256(path) if len(self.labels) <= HASHED else [stat.st_size, stat.st_mtime_ns]
            labels.append((self._relative(path), state))
        images = [[self._relative(folder), _names_digest(folder)] for folder in self.images]
        return [str(self.root.resolve()), digest([labels, images])]

    def _relative(self, path: Path) -> str:
        return os.path.relpath(path, self.root)  # labels and images may be outside the set's folder


def locate(config: FaceFolder, holds: Callable[[Path], bool], names: Iterable[str], layout: str) -> Path:
    """The folder of a set: the given one, or one of ``names`` in it.

    Args:
        config: configuration of the set; ``root`` is the given folder.
        holds: tells whether a folder is the set's.
        names: usual names of the set's folder, for a folder with several sets; case does not matter.
        layout: the expected files, for the message.

    Raises:
        DataError: the folder does not exist or does not hold the set.
    """
    assert config.root is not None, "catalogue.set_file refuses sets without a folder"
    root = Path(config.root)
    if not root.is_dir():
        raise DataError(f"{root}: {'a file, not a folder' if root.exists() else 'no such folder'}")
    known = {name.casefold() for name in names}
    try:
        named = sorted(path for path in root.iterdir() if path.name.casefold() in known and path.is_dir())
    except OSError as error:
        raise DataError(f"{root}: cannot be listed ({error.strerror})") from error
    nested = [path / path.name for path in named]  # an archive unpacked into a folder of its own name
    for folder in (*named, *nested, root):
        if holds(folder):
            return folder
    inside = f", nor does a folder {' or '.join(sorted(known))} in it" if known else ""
    raise DataError(f"{root}: holds no {config.kind}{inside}; expected {layout}")


def matching(folder: Path, pattern: str) -> list[Path]:
    """Paths in a folder whose names match a pattern, sorted, without hidden files such as those of macOS.

    Raises:
        DataError: the folder cannot be listed; `Path.glob` would return nothing.
    """
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error
    return [folder / name for name in sorted(fnmatch.filter(names, pattern)) if not name.startswith(".")]


def below(root: Path, *suffixes: str) -> list[Path]:
    """Files with these suffixes anywhere below a folder, sorted.

    Raises:
        DataError: a folder cannot be listed.
    """
    return sorted(root / folder / name for folder, names in walk(root, frozenset(suffixes)) for name in names)


def first_existing(root: Path, candidates: Iterable[str]) -> Path | None:
    """The first of these files or folders below ``root`` that exists."""
    return next((root / name for name in candidates if (root / name).exists()), None)


def image_beside(path: Path) -> Path | None:
    """The image in the same folder with the same name as a label file, but for the suffix."""
    for suffix in (".jpg", ".png", ".jpeg", ".ppm", ".bmp", ".JPG", ".PNG"):
        if (image := path.with_suffix(suffix)).is_file():
            return image
    return None


def image_reader(folder: Path, names: Sequence[str]) -> Callable[[int], bytes]:
    """Function from a row to the content of its image, ``names[row]`` below ``folder``."""
    return lambda row: (folder / names[row]).read_bytes()


def face_ids(images: Sequence[str]) -> list[str]:
    """Unique names of faces: the image's name, with ``#1``, ``#2``... where an image shows several faces."""
    faces_in = Counter(images)
    seen: Counter[str] = Counter()
    ids = []
    for image in images:
        seen[image] += 1
        ids.append(f"{image}#{seen[image]}" if faces_in[image] > 1 else image)
    return ids


def subfolder(root: Path, name: str) -> Path | None:
    """The folder ``name``, such as ``helen/trainset``, below ``root``; case does not matter."""
    for part in name.split("/"):
        folder = root / part
        if not folder.is_dir():
            similar = [path for path in root.iterdir() if path.name.casefold() == part.casefold() and path.is_dir()]
            if not similar:
                return None
            folder = similar[0]
        root = folder
    return root


def _names_digest(folder: Path) -> str:
    """Digest of the names of images and .npy files below a folder.

    Sizes and times are left out: a million of them would take minutes on a network file system.
    """
    names = []
    for parent, _, files in os.walk(folder, followlinks=True):
        names += [f"{parent[len(str(folder)) :]}/{name}" for name in files if is_kind(name, FINGERPRINTED)]
    return digest(sorted(names))

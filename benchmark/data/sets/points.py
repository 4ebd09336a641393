"""Your own landmarks: a .pts beside each image, or dlib XML files.

Files: any folders of images with .pts files of the same names, and of dlib XML files that name images.

Protocol: faces in folders, or XML files, with train and test in their names are split accordingly; val is cut off
train. Otherwise all faces are split at random. The crop is the bounding box of the landmarks, larger by ``factor``.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.config.sets import PointFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.targets import landmark_target
from benchmark.data.sets.files import SetFiles, below, face_ids, image_beside, image_reader, locate
from benchmark.data.sets.formats.pts import read_dlib, read_pts
from benchmark.data.sets.squares import landmark_squares
from benchmark.errors import DataError, UsageError

VERSION = 2


class _Face(NamedTuple):
    image: str  # path of the image below the root
    label: str  # path of the label file below the root
    points: NDArray[np.float64]  # (L, 2)


def find(config: PointFaces) -> SetFiles:
    """All .pts and .xml files below the folder."""
    root = locate(config, lambda folder: any(_label_files(folder)), (), ".pts files beside images, or dlib's .xml")
    return SetFiles(root, _label_files(root), [root])


def read(config: PointFaces) -> RawFaces:
    """The faces with the most common number of points; the others are counted and left out."""
    if config.first_pixel not in (0, 1):
        raise UsageError(f"first_pixel is {config.first_pixel}; 0 or 1")
    files = find(config)
    skipped: Counter[str] = Counter()
    faces: list[_Face] = []
    for path in files.labels:
        try:
            faces += _read_faces(path, files.root, config.first_pixel, skipped)
        except DataError:
            skipped[f"{path.suffix} broken"] += 1
    if not faces:
        raise DataError(f"{files.root}: no face in {len(files.labels)} files of landmarks")
    count = Counter(len(face.points) for face in faces).most_common(1)[0][0]
    skipped[f"face of other than {count} points"] += sum(len(face.points) != count for face in faces)
    faces = [face for face in faces if len(face.points) == count]
    target = landmark_target(np.array([face.points for face in faces]), _eyes(config, count))
    names = [face.image for face in faces]
    return RawFaces(
        ids=face_ids(names),
        content=image_reader(files.root, names),
        square=landmark_squares(target, config.factor),
        targets={"landmarks": target},
        split=_split([face.label for face in faces]),
        skipped=skipped,
        protocol={
            "source": "landmark files",
            "crop": {"box": "the landmarks' own extent", "factor": config.factor},
            "error": f"mean distance of {count} points, % of the distance of points {config.eyes}",
            "coordinates": f"the first pixel is {config.first_pixel} in .pts, 0 in .xml",
        },
    )


def _label_files(root: Path) -> list[Path]:
    return below(root, ".pts", ".xml")


def _read_faces(path: Path, root: Path, first_pixel: int, skipped: Counter[str]) -> Iterator[_Face]:
    """The faces of one label file.

    Raises:
        DataError: it is broken.
    """
    label = path.relative_to(root)
    if path.suffix == ".xml":
        for face in read_dlib(path):
            yield _Face(str(label.parent / face.image), str(label), face.points)
    elif (image := image_beside(path)) is None:
        skipped[".pts without image"] += 1
    else:
        yield _Face(str(image.relative_to(root)), str(label), read_pts(path, first_pixel))


def _eyes(config: PointFaces, count: int) -> tuple[int, int]:
    """The indices of the eye points.

    Raises:
        UsageError: not two different points of the ``count``.
    """
    eyes = config.eyes
    if len(eyes) != 2 or eyes[0] == eyes[1] or not all(eye in range(count) for eye in eyes):
        raise UsageError(f"eyes must be two of the {count} points (0 to {count - 1}), not {eyes}")
    return int(eyes[0]), int(eyes[1])


def _split(labels: list[str]) -> NDArray[np.str_] | None:
    """Train or test of each label file by its name or folders; None unless both occur and every file has one."""
    splits = [_split_in_name(PurePath(label)) for label in labels]
    return np.array(splits) if set(splits) == {"train", "test"} else None


def _split_in_name(label: PurePath) -> str:
    """``train`` or ``test`` if a folder of the label file, or the name of an XML file, contains it; "" otherwise."""
    folders = label.parts[:-1]
    names = (label.stem, *folders) if label.suffix == ".xml" else folders
    for name in names:
        for split in ("train", "test"):
            if split in name.casefold():
                return split
    return ""

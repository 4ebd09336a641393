"""One's own landmarks: a .pts beside each image, or dlib's XML, in any folders.

Faces below folders (or in XML files) named after train and test are divided so; otherwise a seed divides them.
"""

from collections import Counter
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from benchmark.config.schema import PointFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.sets.files import Found, below, image_beside, locate, numbered, reader
from benchmark.data.sets.formats.pts import read_dlib, read_pts
from benchmark.data.sets.landmarks import landmark_target, round_landmarks
from benchmark.errors import DataError, UsageError

VERSION = 2
Face = tuple[str, str, NDArray[np.float64]]  # image below the root, label file below the root, points


def find(config: PointFaces) -> Found:
    """All .pts and .xml files below the folder."""
    root = locate(config, lambda folder: any(_labels(folder)), (), ".pts files beside images, or dlib's .xml")
    return Found(root, _labels(root), [root])


def read(config: PointFaces) -> RawFaces:
    """Its faces, of as many points as most have."""
    if config.first_pixel not in (0, 1):
        raise UsageError(f"first_pixel is {config.first_pixel}; 0 or 1")
    found = find(config)
    skipped: Counter[str] = Counter()
    faces: list[Face] = []
    for path in found.labels:
        label = str(path.relative_to(found.root))
        try:
            if path.suffix == ".xml":
                base = PurePath(label).parent
                faces += [(str(base / face.image), label, face.points) for face in read_dlib(path)]
            elif (image := image_beside(path)) is None:
                skipped[".pts without image"] += 1
            else:
                faces.append((str(image.relative_to(found.root)), label, read_pts(path, config.first_pixel)))
        except DataError:
            skipped[f"{path.suffix} broken"] += 1
    if not faces:
        raise DataError(f"{found.root}: no face in {len(found.labels)} files of landmarks")
    count = Counter(len(points) for _, _, points in faces).most_common(1)[0][0]
    skipped[f"face of other than {count} points"] += sum(len(points) != count for _, _, points in faces)
    faces = [face for face in faces if len(face[2]) == count]
    if len(set(map(str, config.eyes))) != 2 or not all(eye in range(count) for eye in config.eyes):
        raise UsageError(f"eyes must be two of the {count} points (0 to {count - 1}), not {config.eyes}")
    eyes = (int(config.eyes[0]), int(config.eyes[1]))
    names = [name for name, _, _ in faces]
    target = landmark_target([points for _, _, points in faces], count, eyes)
    return RawFaces(
        ids=numbered(names),
        content=reader(found.root, names),
        square=round_landmarks(target, config.factor),
        targets={"landmarks": target},
        split=_split([label for _, label, _ in faces]),
        skipped=skipped,
        protocol={
            "source": "landmark files",
            "crop": {"box": "the landmarks' own extent", "factor": config.factor},
            "error": f"mean distance of {count} points, % of the distance of points {config.eyes}",
            "coordinates": f"the first pixel is {config.first_pixel} in .pts, 0 in .xml",
        },
    )


def _labels(root: Path) -> list[Path]:
    return below(root, ".pts", ".xml")


def _split(labels: list[str]) -> NDArray[np.str_] | None:
    """Train and test where the names of folders and XML files tell, for all faces or for none."""
    told = np.array([_named_split(label) for label in labels])
    return told if {"train", "test"} == set(told.tolist()) else None


def _named_split(label: str) -> str:
    names = (
        [PurePath(label).stem, *PurePath(label).parts[:-1]] if label.endswith(".xml") else PurePath(label).parts[:-1]
    )
    for name in names:
        for split in ("train", "test"):
            if split in name.casefold():
                return split
    return ""

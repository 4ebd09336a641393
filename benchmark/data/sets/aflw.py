"""AFLW (Koestinger et al., 2011): roll, pitch and yaw of about 25,000 faces, from its SQLite database.

The paper trains on what is not in the test set of Kumar et al.; which images those are was not found, so the list is
a file that the user gives, and without it a seed divides the images and the figures compare with nobody's. Pose is in
radians, computed by the set's makers from manual landmarks. Its roll counts the other way round than that of
AFLW2000-3D (Hopenet's loader turns it too), so it is turned here. The crop is the annotated face box, as in FAb-Net's
demo, made square.
"""

import sqlite3
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from benchmark.data.assemble import RawFaces
from benchmark.data.csv_table import read_text
from benchmark.data.csv_targets import pose_target
from benchmark.data.sets.files import Found, locate, numbered, one_of, reader
from benchmark.data.sets.landmarks import round_boxes
from benchmark.errors import DataError
from benchmark.schema import AflwFaces

VERSION = 1
DATABASE = ("aflw.sqlite", "data/aflw.sqlite", "aflw/data/aflw.sqlite")
IMAGES = ("flickr", "data/flickr", "aflw/data/flickr", "images")
NOT_COMPARABLE = "no test list: divided by seed, not comparable with published figures (sets.NAME.test_list=FILE)"


def find(config: AflwFaces) -> Found:
    """The database, the images and the list of test images."""
    root = locate(
        config, lambda folder: one_of(folder, *DATABASE) is not None, ("aflw",), "data/aflw.sqlite and data/flickr/"
    )
    database, images = one_of(root, *DATABASE), one_of(root, *IMAGES)
    assert database is not None
    if images is None:
        raise DataError(f"{root}: no folder flickr/ of AFLW's images in it")
    return Found(root, [database], [images])


def read(config: AflwFaces) -> RawFaces:
    """Every face with a pose and an image; the largest box where a face has several."""
    found = find(config)
    faces, poses, boxes, files = _tables(found.labels[0])
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    rows = []
    for face, file in sorted(faces.items(), key=lambda item: str(item[0])):
        if file not in files:
            skipped["face of an image that the database lacks"] += 1
        elif face not in poses:
            skipped["face without pose"] += 1
        else:
            noted["face with several boxes"] += len(boxes.get(face, ())) > 1
            rows.append((face, files[file], poses[face], _largest(boxes.get(face, []))))
    names = [name for _, name, _, _ in rows]
    degrees = np.degrees(np.array([pose for _, _, pose, _ in rows], np.float64).reshape(-1, 3)) * [-1, 1, 1]
    split = None
    if config.test_list:
        split = _split(Path(config.test_list), [str(face) for face, _, _, _ in rows], names)
    return RawFaces(
        ids=numbered(names),
        content=reader(found.images[0], names),
        square=round_boxes(np.array([box for _, _, _, box in rows]).reshape(-1, 4), 1.0),
        targets={"pose": pose_target(degrees, noted)},
        split=split,
        skipped=skipped,
        noted=noted,
        not_comparable=[] if config.test_list else [NOT_COMPARABLE],
        protocol={
            "source": "AFLW",
            "crop": {"box": "FaceRect, the largest of a face's", "factor": 1.0},
            "pose": "degrees from radians, the sign of roll turned",
            "split": {"test list": Path(config.test_list).name} if config.test_list else {},
        },
    )


def _tables(path: Path) -> tuple[dict[Any, Any], dict[Any, list[float]], dict[Any, list[list[float]]], dict[Any, str]]:
    """Files of faces; roll, pitch, yaw of faces; boxes of faces; image paths of files."""
    poses: dict[Any, list[float]] = {}
    boxes: dict[Any, list[list[float]]] = {}
    try:
        database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)
        database.text_factory = lambda data: data.decode(errors="replace")
        try:
            faces = dict(database.execute("SELECT face_id, file_id FROM Faces"))
            files = {key: str(name) for key, name in database.execute("SELECT file_id, filepath FROM FaceImages")}
            for face, *pose in database.execute("SELECT face_id, roll, pitch, yaw FROM FacePose"):
                poses[face] = [_number(angle) for angle in pose]
            for face, *box in database.execute("SELECT face_id, x, y, w, h FROM FaceRect"):
                boxes.setdefault(face, []).append([_number(value) for value in box])
        finally:
            database.close()
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable AFLW database ({error})") from error
    return faces, poses, boxes, files


def _number(value: Any) -> float:
    """SQLite keeps whatever was put into a column."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _largest(boxes: list[list[float]]) -> list[float]:
    """Left, top, right, bottom of the largest box; NaN without one."""
    if not boxes:
        return [float("nan")] * 4
    x, y, width, height = max(boxes, key=lambda box: (box[2] * box[3], box))
    return [x, y, x + width, y + height]


def _split(path: Path, faces: list[str], names: list[str]) -> NDArray[np.str_]:
    """Test: the faces that the list names, by image or face id. Other faces of those images are left out."""
    listed = {line.strip() for line in read_text(path).splitlines() if line.strip()}
    stems = {PurePosixPath(line).stem for line in listed}
    if not listed:
        raise DataError(f"{path}: an empty test list")
    by_face = all(line.isdigit() for line in listed)
    split = np.full(len(names), "train", dtype="U5")
    tested_images = set()
    for row, (face, name) in enumerate(zip(faces, names, strict=True)):
        if face in listed if by_face else PurePosixPath(name).stem in stems:
            split[row] = "test"
            tested_images.add(name)
    known = set(faces) if by_face else {PurePosixPath(name).stem for name in names}
    if missing := len((listed if by_face else stems) - known):
        raise DataError(f"{path}: {missing} of its lines name no face with a pose; one image or face id a line")
    for row, name in enumerate(names):
        if name in tested_images and split[row] == "train":
            split[row] = ""
    return split

"""AFLW (Koestinger et al., 2011): roll, pitch and yaw of about 25,000 faces.

Files: the SQLite database ``data/aflw.sqlite`` and the images in ``data/flickr/``.

Protocol: the FAb-Net paper trains on all images but those of the test set of Kumar et al. Its list of images was not
found, so the user gives it as ``test_list``. Without it the images are split at random, and results do not compare with
published ones. The crop is the annotated face box, as in FAb-Net's demo, made square.

Pose is in radians, computed by the authors from manual landmarks. With x out of the nose, y to the image's left and z
down, the rotation of the head is Rz(yaw) Ry(pitch) Rx(roll). So yaw > 0 turns the nose to the image's left and
pitch > 0 lifts it, as in `Target`, but roll > 0 turns counter-clockwise: the sign of roll is changed here. Sources: the
set's own tool (FacePoseCalculator, FaceStuffCalculator, CamPoseCalculator); Hopenet's loader changes the sign of roll,
too, and nothing else. Check: the tool's computation on eight faces of AFLW2000-3D agrees with their own pose, written
in this order of rotations, to 6 degrees of yaw and 4 of roll; its pitch is 3 to 9 degrees higher. A pose that could not
be computed is stored as -2 pi.
"""

import sqlite3
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from benchmark.config.sets import AflwFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.targets import pose_target
from benchmark.data.sets.files import SetFiles, face_ids, first_existing, image_reader, locate
from benchmark.data.sets.squares import box_squares
from benchmark.data.text import number, read_lines
from benchmark.errors import DataError

VERSION = 2
UNDEFINED = -2 * np.pi  # radians; written by the set's tool where it found no pose
TURNS = "yaw, pitch, roll"  # order of rotations, outermost first
DATABASE = ("aflw.sqlite", "data/aflw.sqlite", "aflw/data/aflw.sqlite")
IMAGES = ("flickr", "data/flickr", "aflw/data/flickr", "images")
NOT_COMPARABLE = "no test list: divided by seed, not comparable with published figures (sets.NAME.test_list=FILE)"


class _Face(NamedTuple):
    id: str
    image: str


class _Tables(NamedTuple):
    """The database's tables; keys are what SQLite holds, usually integers and text."""

    file_of_face: dict[Any, Any]
    image_of_file: dict[Any, str]
    pose_of_face: dict[Any, list[float]]  # roll, pitch, yaw, radians
    boxes_of_face: dict[Any, list[list[float]]]  # x, y, width, height


def find(config: AflwFaces) -> SetFiles:
    """The database, the images and the list of test images."""
    root = locate(
        config,
        lambda folder: first_existing(folder, DATABASE) is not None,
        ("aflw",),
        "data/aflw.sqlite and data/flickr/",
    )
    database, images = first_existing(root, DATABASE), first_existing(root, IMAGES)
    assert database is not None
    if images is None:
        raise DataError(f"{root}: no folder flickr/ of AFLW's images in it")
    return SetFiles(root, [database, *([Path(config.test_list)] if config.test_list else [])], [images])


def read(config: AflwFaces) -> RawFaces:
    """All faces with a pose and an image; of several boxes of a face, the largest."""
    files = find(config)
    tables = _read_tables(files.labels[0])
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    faces: list[_Face] = []
    poses, boxes = [], []
    for face, file in sorted(tables.file_of_face.items(), key=lambda item: str(item[0])):
        if file not in tables.image_of_file:
            skipped["face of an image that the database lacks"] += 1
        elif face not in tables.pose_of_face:
            skipped["face without pose"] += 1
        else:
            face_boxes = tables.boxes_of_face.get(face, [])
            noted["face with several boxes"] += len(face_boxes) > 1
            faces.append(_Face(str(face), tables.image_of_file[file]))
            poses.append(tables.pose_of_face[face])
            boxes.append(_largest(face_boxes))
    degrees = np.degrees(np.array(poses, np.float64).reshape(-1, 3)) * [-1, 1, 1]
    split = None
    if config.test_list:
        all_faces = [
            _Face(str(face), tables.image_of_file[file])
            for face, file in tables.file_of_face.items()
            if file in tables.image_of_file
        ]
        split = _split_by_list(Path(config.test_list), faces, all_faces, noted)
    names = [face.image for face in faces]
    return RawFaces(
        ids=face_ids(names),
        content=image_reader(files.images[0], names),
        square=box_squares(np.array(boxes).reshape(-1, 4), 1.0),
        targets={"pose": pose_target(degrees, noted)},
        split=split,
        skipped=skipped,
        noted=noted,
        not_comparable=[] if config.test_list else [NOT_COMPARABLE],
        protocol={
            "source": "AFLW",
            "crop": {"box": "FaceRect, the largest of a face's", "factor": 1.0},
            "pose": "degrees from radians, the sign of roll turned",
            "turns": TURNS,
            "split": {"test list": Path(config.test_list).name} if config.test_list else {},
        },
    )


def _read_tables(path: Path) -> _Tables:
    """The faces, images, poses and boxes of the database.

    Raises:
        DataError: it is broken, or not AFLW's.
    """
    poses: dict[Any, list[float]] = {}
    boxes: dict[Any, list[list[float]]] = {}
    try:
        database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1", uri=True)
        database.text_factory = lambda data: data.decode(errors="replace")
        try:
            files = dict(database.execute("SELECT face_id, file_id FROM Faces"))
            images = {file: str(name) for file, name in database.execute("SELECT file_id, filepath FROM FaceImages")}
            for face, *pose in database.execute("SELECT face_id, roll, pitch, yaw FROM FacePose"):
                angles = [_to_number(angle) for angle in pose]
                if not np.allclose(angles, UNDEFINED, atol=1e-3):
                    poses[face] = angles
            for face, *box in database.execute("SELECT face_id, x, y, w, h FROM FaceRect"):
                boxes.setdefault(face, []).append([_to_number(value) for value in box])
        finally:
            database.close()
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable AFLW database ({error})") from error
    return _Tables(files, images, poses, boxes)


def _to_number(value: Any) -> float:
    """A cell as a number, NaN for anything else: a column of SQLite may hold any type."""
    try:
        return number(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return float("nan")


def _largest(boxes: list[list[float]]) -> list[float]:
    """Left, top, right, bottom of the largest box (x, y, width, height); NaN without a box."""
    if not boxes:
        return [float("nan")] * 4
    x, y, width, height = max(boxes, key=lambda box: (box[2] * box[3], box))
    return [x, y, x + width, y + height]


def _split_by_list(path: Path, faces: list[_Face], all_faces: list[_Face], noted: Counter[str]) -> NDArray[np.str_]:
    """Test for the faces that a list names, "" for other faces of their images, train for the rest.

    Args:
        path: the list, with an image name or a face id per line.
        faces: the faces with a pose.
        all_faces: all faces of the database.
        noted: counts the listed names without a pose.

    Raises:
        DataError: the list is empty or names something that is not in the database.
    """
    lines = set(read_lines(path))
    if not lines:
        raise DataError(f"{path}: an empty test list")
    by_id = all(line.isdigit() for line in lines)
    listed = lines if by_id else {PurePosixPath(line).stem for line in lines}

    def name(face: _Face) -> str:
        return face.id if by_id else PurePosixPath(face.image).stem

    if unknown := listed - {name(face) for face in all_faces}:
        raise DataError(
            f"{path}: {len(unknown)} of its lines name no face of the database (such as {min(unknown)!r}); "
            "one image or face id a line"
        )
    noted["face of the test list without pose"] += len(listed - {name(face) for face in faces})
    test_images = {face.image for face in faces if name(face) in listed}
    split = []
    for face in faces:
        if name(face) in listed:
            split.append("test")
        else:
            split.append("" if face.image in test_images else "train")
    return np.array(split, dtype="U5")

"""AFLW (Koestinger et al., 2011): roll, pitch and yaw of about 25,000 faces, from its SQLite database.

The paper trains on what is not in the test set of Kumar et al.; which images those are was not found, so the list is
a file that the user gives, and without it a seed divides the images and the figures compare with nobody's. The crop
is the annotated face box, as in FAb-Net's demo, made square.

Pose is in radians, computed by the set's makers from manual landmarks: with x out of the nose, y to the image's left
and z down, the head's rotation is Rz(yaw) Ry(pitch) Rx(roll). So yaw > 0 turns the nose to the image's left and
pitch > 0 lifts it, as `Target` has them, and roll > 0 turns anticlockwise; roll is turned here. That is read off the
set's own tool (FacePoseCalculator, FaceStuffCalculator, CamPoseCalculator) and agrees with Hopenet's loader, which
turns roll and nothing else. It was tried, too: that computation on eight faces of AFLW2000-3D agrees with their own
pose, written in this order of turns, to 6 degrees of yaw and 4 of roll; its pitch is 3 to 9 degrees higher. A pose that
could not be computed is written as -2 pi.
"""

import sqlite3
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from benchmark.config.schema import AflwFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.targets import pose_target
from benchmark.data.sets.files import Found, locate, numbered, one_of, reader
from benchmark.data.sets.landmarks import round_boxes
from benchmark.data.text import number, read_text
from benchmark.errors import DataError

VERSION = 2
UNDEFINED = -2 * np.pi  # radians: what the set's tool writes where it found no pose
TURNS = "yaw, pitch, roll"  # the order, from the outermost
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
    return Found(root, [database, *([Path(config.test_list)] if config.test_list else [])], [images])


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
        known = {(str(face), files[file]) for face, file in faces.items() if file in files}
        split = _split(Path(config.test_list), [(str(face), name) for face, name, _, _ in rows], known, noted)
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
            "turns": TURNS,
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
                angles = [_number(angle) for angle in pose]
                if not np.allclose(angles, UNDEFINED, atol=1e-3):
                    poses[face] = angles
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
        return number(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return float("nan")


def _largest(boxes: list[list[float]]) -> list[float]:
    """Left, top, right, bottom of the largest box; NaN without one."""
    if not boxes:
        return [float("nan")] * 4
    x, y, width, height = max(boxes, key=lambda box: (box[2] * box[3], box))
    return [x, y, x + width, y + height]


def _split(
    path: Path, rows: list[tuple[str, str]], known: set[tuple[str, str]], noted: Counter[str]
) -> NDArray[np.str_]:
    """Test: the faces that the list names, by image or face id. Other faces of those images are left out.

    Args:
        path: of the list.
        rows: id and image of every face with a pose.
        known: the same of every face in the database.
        noted: to count what is listed and has no pose.
    """
    lines = {line.strip() for line in read_text(path).splitlines() if line.strip()}
    if not lines:
        raise DataError(f"{path}: an empty test list")
    by_face = all(line.isdigit() for line in lines)
    listed = lines if by_face else {PurePosixPath(line).stem for line in lines}

    def called(face: tuple[str, str]) -> str:
        return face[0] if by_face else PurePosixPath(face[1]).stem

    if strangers := listed - {called(face) for face in known}:
        raise DataError(
            f"{path}: {len(strangers)} of its lines name no face of the database (such as {min(strangers)!r}); "
            "one image or face id a line"
        )
    noted["face of the test list without pose"] += len(listed - {called(face) for face in rows})
    tested_images = {image for face, image in rows if called((face, image)) in listed}
    return np.array(
        ["test" if called(face) in listed else "" if face[1] in tested_images else "train" for face in rows],
        dtype="U5",
    )

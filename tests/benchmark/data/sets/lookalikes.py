"""Small copies of the published sets, with their file names, headers, quoting, units and irregularities."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import scipy.io
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.faces.labelled_set import LabelledSet

UNITS = (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26)


@dataclass
class Faces:
    """Built-in faces as photographs, each pasted into a larger picture, and their labels."""

    source: LabelledSet

    def photo(self, i: int, size: tuple[int, int], left: float, top: float, side: int) -> Image.Image:
        """A picture of ``size`` (width, height) with face ``i`` in a square."""
        rng = np.random.default_rng(i)
        ground = rng.integers(60, 200, (8, 8, 3), dtype=np.uint8)
        picture = Image.fromarray(ground).resize(size, Image.Resampling.BICUBIC)
        picture.paste(Image.fromarray(self.source.frames[i]).resize((side, side)), (int(left), int(top)))
        return picture

    def points(self, i: int, left: float, top: float, side: float, name: str = "landmarks68") -> NDArray[np.float64]:
        """Landmarks in that picture, in pixels from the outer corner of the first pixel."""
        points: NDArray[np.float64] = self.source.targets[name].values[i].astype(np.float64)
        return points * side + (left, top)

    def pose(self, i: int) -> NDArray[np.float64]:
        """Roll, pitch, yaw, degrees."""
        pose: NDArray[np.float64] = self.source.targets["pose"].values[i].astype(np.float64)
        return pose

    def expression(self, i: int) -> int:
        return int(self.source.targets["expression"].values[i])

    def expression_name(self, i: int) -> str:
        return self.source.targets["expression"].names[self.expression(i)]

    def aus(self, i: int) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self.source.targets["aus"].values[i]
        return values


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=92)


def pts(points: NDArray[np.float64]) -> str:
    """Text of a .pts file; its first pixel has coordinate 1, as in Matlab."""
    lines = "\n".join(f"{x:.6f} {y:.6f}" for x, y in points + 0.5)
    return f"version: 1\nn_points:  {len(points)}\n{{\n{lines}\n}}\n"


W300 = {
    "afw": ["1051618982_1.jpg", "111076519_1.jpg", "111076519_2.jpg", "2353849_1.jpg"],
    "helen/trainset": [f"{n}_1.jpg" for n in range(100032540, 100032546)],
    "lfpw/trainset": [f"image_{n:04}.png" for n in range(1, 7)],
    "helen/testset": ["296814969_3.jpg", "2960256451_1.jpg", "3035796193_1.jpg"],
    "lfpw/testset": [f"image_{n:04}.png" for n in range(1, 4)],
    "ibug": ["image_003_1.jpg", "image_092 _01.jpg"],
}


def w300(root: Path, faces: Faces, mat: bool = True) -> None:
    """300-W; the boxes of the .mat files are slightly larger than those of the landmarks."""
    number = 0
    for part, names in W300.items():
        records = []
        for name in names:
            left, top, side = 20 + number % 7, 30 + number % 5, 90 + number
            save(faces.photo(number, (180, 160), left, top, side), root / part / name)
            points = faces.points(number, left, top, side)
            (root / part / name).with_suffix(".pts").write_text(pts(points))
            low, high = points.min(0) + 0.5 - 2, points.max(0) + 0.5 + 3
            box = np.concatenate([low, high])[None]
            records.append({"imgName": name.replace(" ", ""), "bb_detector": box + 5, "bb_ground_truth": box})
            number += 1
        if part == "ibug":
            records.append({"imgName": "not_there.jpg", "bb_detector": box, "bb_ground_truth": box})
        if mat:
            boxes = np.empty((1, len(records)), object)
            boxes[0] = records
            path = root / "Bounding Boxes" / f"bounding_boxes_{part.replace('/', '_')}.mat"
            path.parent.mkdir(exist_ok=True)
            scipy.io.savemat(path, {"bounding_boxes": boxes})


def mafl(root: Path, faces: Faces, n: int = 24) -> None:
    """MAFL beside CelebA, 16 to train and 8 to test; CelebA's last image is in neither."""
    rows, names = [], []
    for i in range(n + 1):
        names.append(f"{142977 + i}.jpg")
        left, top, side = 30 + i % 6, 72 + i % 4, 110
        save(faces.photo(i, (178, 218), left, top, side), root / "Img/img_align_celeba" / names[-1])
        points = np.round(faces.points(i, left, top, side, "landmarks5") - 0.5).astype(int).reshape(-1)
        rows.append(f"{names[-1]}  " + "  ".join(f"{value:>3}" for value in points))
    header = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y"
    (root / "Anno").mkdir(parents=True)
    lines = [str(len(rows)), header, *rows]
    (root / "Anno/list_landmarks_align_celeba.txt").write_text("\r\n".join(lines) + "\r\n")
    (root / "MAFL").mkdir()
    (root / "MAFL/training.txt").write_text("\n".join(names[:16]) + "\n")
    (root / "MAFL/testing.txt").write_text("\n".join(names[16:n]))


AFLW_SCHEMA = """
CREATE TABLE Faces (face_id INTEGER PRIMARY KEY, file_id TEXT NOT NULL, db_id TEXT NOT NULL);
CREATE TABLE FaceImages (image_id INTEGER PRIMARY KEY, db_id TEXT, file_id TEXT, filepath TEXT, bw INTEGER,
    width INTEGER, height INTEGER);
CREATE TABLE FacePose (face_id INTEGER, roll REAL, pitch REAL, yaw REAL, annot_type_id INTEGER);
CREATE TABLE FaceRect (face_id INTEGER, x INTEGER, y INTEGER, w INTEGER, h INTEGER, annot_type_id INTEGER);
CREATE TABLE FaceMetaData (face_id INTEGER, sex TEXT, occluded INTEGER, glasses INTEGER, bw INTEGER);
CREATE TABLE Databases (db_id TEXT, path TEXT, description TEXT);
"""


def aflw(root: Path, faces: Faces, n: int = 30) -> None:
    """AFLW. Face 2 has no box, 3 has two, 4's exceeds the image, 5 has no pose, 6's image is missing, 7 is grey.

    Faces 8 and 9 are in one image; 10's yaw is 500 degrees; 15's pose is stored as undefined.
    """
    (root / "data").mkdir(parents=True)
    database = sqlite3.connect(root / "data/aflw.sqlite")
    database.executescript(AFLW_SCHEMA)
    for i in range(n):
        image = 8 if i == 9 else i
        file, path = f"image{image:05}.jpg", f"{(0, 2, 3)[image % 3]}/image{image:05}.jpg"
        x, y, side = (100, 20, 70) if i == 9 else (14, 18, 72)
        if i not in (6, 9):
            picture = faces.photo(i, (190, 120), x, y, side)
            save(picture.convert("L") if i == 7 else picture, root / "data/flickr" / path)
        if i == 9:  # the second face of image 8
            picture = faces.photo(8, (190, 120), 14, 18, 72)
            picture.paste(Image.fromarray(faces.source.frames[9]).resize((side, side)), (x, y))
            save(picture, root / "data/flickr" / path)
        database.execute("INSERT INTO Faces VALUES (?, ?, 'flickr')", (i, file))
        if i != 9:
            database.execute("INSERT INTO FaceImages VALUES (?, 'flickr', ?, ?, 0, 190, 120)", (image, file, path))
        roll, pitch, yaw = np.radians(faces.pose(i))
        if i != 5:
            yaw = np.radians(500) if i == 10 else yaw
            pose = [-2 * np.pi] * 3 if i == 15 else [-roll, pitch, yaw]
            database.execute("INSERT INTO FacePose VALUES (?, ?, ?, ?, 1)", (i, *pose))
        boxes = {2: [], 3: [(x, y, side, side), (0, 0, 9, 9)], 4: [(-20, -10, 110, 110)]}.get(i, [(x, y, side, side)])
        database.executemany("INSERT INTO FaceRect VALUES (?, ?, ?, ?, ?, 1)", [(i, *box) for box in boxes])
    database.commit()
    database.close()


COLUMNS = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


def affectnet_csv(root: Path, faces: Faces) -> dict[str, tuple[str, int]]:
    """AffectNet's lists: 40 to train under a header, 16 to test without one; every seventh is no expression."""
    truth = {}
    for split, numbers in {"training": range(40), "validation": range(40, 56)}.items():
        lines = [COLUMNS] if split == "training" else []
        for i in numbers:
            name = f"{i % 5 + 1}/{i:032x}.jpg"
            save(faces.photo(i, (110, 110), 8, 6, 96), root / "Manually_Annotated/Manually_Annotated_Images" / name)
            code = 8 + i % 3 if i % 7 == 6 else faces.expression(i)
            marks = ";".join(f"{x:.2f};{y:.2f}" for x, y in faces.points(i, 8, 6, 96))
            lines.append(f"{name},8,6,96,96,{marks},{code},-0.1,0.25")
            truth[name] = (split, code)
        path = root / "Manually_Annotated_file_lists" / f"{split}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\xef\xbb\xbf" * (split == "training") + "\r\n".join(lines).encode())
    return truth


def affectnet_npy(root: Path, faces: Faces) -> dict[str, tuple[str, int]]:
    """AffectNet's .npy layout; half of the values are stored as text, one image is missing."""
    truth = {}
    for split, numbers in {"train_set": range(40), "val_set": range(40, 56)}.items():
        (root / split / "annotations").mkdir(parents=True)
        for i in numbers:
            if i != 3:
                save(faces.photo(i, (112, 112), 8, 8, 96), root / split / "images" / f"{i}.jpg")
            values = {"exp": faces.expression(i), "val": -0.2, "aro": 0.1}
            for key, value in values.items():
                stored = np.array(str(value)) if i % 2 else np.array(value)
                np.save(root / split / "annotations" / f"{i}_{key}.npy", stored)
            np.save(root / split / "annotations" / f"{i}_lnd.npy", faces.points(i, 8, 8, 96).reshape(-1))
            truth[f"{split}/images/{i}.jpg"] = (split, faces.expression(i))
    return truth


def emotionet(root: Path, faces: Faces, xlsx: bool = True) -> dict[str, NDArray[np.float64]]:
    """EmotioNet: 40 automatic labels, 16 manual; every fifth image is missing, AU2 of every third is 999."""
    truth: dict[str, NDArray[np.float64]] = {}

    def row(i: int) -> tuple[str, list[int]]:
        folder, name = f"N_{i // 10:010}", f"N_{i // 10:010}_{i:05}.jpg"
        if i % 5 != 4:
            save(faces.photo(i, (120, 100), 10, 2, 96), root / "images" / folder / name)
            truth[f"images/{folder}/{name}"] = faces.aus(i).astype(float)
        labels = [999] * 60
        for unit, value in zip(UNITS, faces.aus(i), strict=True):
            labels[unit - 1] = int(value)
        if i % 3 == 0:
            labels[1] = 999
            truth.get(f"images/{folder}/{name}", np.zeros(11))[1] = np.nan
        return f"http://cbcsnas01.ece.ohio-state.edu/EmotioNet/Images/{folder}/{name}", labels

    lines = []
    for i in range(40):
        url, labels = row(i)
        lines.append("\t".join([url, f"http://somewhere.example/{i}.jpg", *map(str, labels)]))
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataFile_0000.txt").write_text("\n".join(lines[:30]) + "\n")
    (root / "dataFile_0001.txt").write_text("\n".join(lines[30:]) + "\n")
    header = ["URL", "URL orig", *(f"'AU {unit}'" for unit in range(1, 61))]
    table: list[list[Any]] = [header]
    for i in range(40, 56):
        url, labels = row(i)
        table.append([f"'{url}'", "'http://somewhere.example'", *labels])
    if xlsx:
        book = openpyxl.Workbook()
        book.worksheets[0].append(["about this list"])
        for name, part in {"first": table[:9], "second": [header, *table[9:]]}.items():
            sheet = book.create_sheet(name)
            for cells in part:
                sheet.append(cells)
        book.save(root / "EmotioNet_FACS_aws_2020_24600.xlsx")
    else:
        text = "\n".join(",".join(map(str, cells)) for cells in table)
        (root / "EmotioNet_FACS_aws_2020_24600.csv").write_text(text)
    return truth


def aflw2000(root: Path, faces: Faces, numbers: Sequence[int] = range(20), names: str = "image{:05}") -> None:
    """AFLW2000-3D; the first face's yaw is 120 degrees."""
    root.mkdir(parents=True, exist_ok=True)
    for i in numbers:
        name = names.format(i)
        save(faces.photo(i, (150, 150), 25, 30, 96), root / f"{name}.jpg")
        roll, pitch, yaw = np.radians(faces.pose(i))
        pose = np.array([[pitch, np.radians(120) if i == 0 else yaw, roll, 60, 70, -50, 1e-3]])
        flat = faces.points(i, 25, 30, 96).T + 0.5
        content = {
            "Pose_Para": pose,
            "pt3d_68": np.concatenate([flat, np.zeros((1, 68))]),
            "pt2d": np.full((2, 21), -1.0),
            "roi": np.array([[1, 150, 1, 150]]),
        }
        scipy.io.savemat(root / f"{name}.mat", content)


def w300lp(root: Path, faces: Faces) -> None:
    """300W-LP: two rendered poses of each photograph; the landmarks are in ``pt2d``."""
    for i in range(20, 40):
        for turn in range(2):
            part = root / ("HELEN" if i % 2 else "HELEN_Flip")
            aflw2000(part, faces, [i], f"HELEN_{{}}_1_{turn}")
            path = part / f"HELEN_{i}_1_{turn}.mat"
            content = scipy.io.loadmat(path)
            picture = faces.photo(i, (150, 150), 25, 30, 96)
            picture.putpixel((0, turn), (0, 0, 0))
            save(picture, path.with_suffix(".jpg"))
            scipy.io.savemat(path, {"Pose_Para": content["Pose_Para"], "pt2d": content["pt3d_68"][:2]})
            (root / "landmarks").mkdir(exist_ok=True)
            scipy.io.savemat(root / "landmarks" / f"{path.stem}_pts.mat", {"pts_2d": np.zeros((68, 2))})


# Codes from the read-me files of the sets; neither has contempt.
RAF = {"surprise": 1, "fear": 2, "disgust": 3, "happy": 4, "sad": 5, "anger": 6, "neutral": 7}
FER = {"anger": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6}


def rafdb(root: Path, faces: Faces) -> None:
    """RAF-DB: 40 to train, 16 to test; a face in contempt counts as neutral."""
    lines = []
    for i in range(56):
        name = f"train_{i + 1:05}" if i < 40 else f"test_{i - 39:04}"
        save(faces.photo(i, (100, 100), 2, 2, 96), root / "basic/Image/aligned" / f"{name}_aligned.jpg")
        lines.append(f"{name}.jpg {RAF.get(faces.expression_name(i), RAF['neutral'])}")
    (root / "basic/EmoLabel").mkdir()
    (root / "basic/EmoLabel/list_patition_label.txt").write_text("\n".join(lines) + "\n")


def fer2013(path: Path, faces: Faces, kaggle: bool = False) -> None:
    """FER-2013: 40 to train, 8 and 8; the first of train is also the first of test. Kaggle's has blanks."""
    header = "emotion, Usage, pixels" if kaggle else "emotion,pixels,Usage"
    lines = [header]
    for i in range(56):
        grey = faces.photo(0 if i == 48 else i, (96, 96), 0, 0, 96).convert("L").resize((48, 48))
        code = FER.get(faces.expression_name(0 if i == 48 else i), FER["neutral"])
        usage = "Training" if i < 40 else "PublicTest" if i < 48 else "PrivateTest"
        pixels = " ".join(map(str, np.asarray(grey).reshape(-1).tolist()))
        lines.append(f"{code},{usage},{pixels}" if kaggle else f"{code},{pixels},{usage}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def wflw(root: Path, faces: Faces) -> None:
    """WFLW: 24 faces to train, two of them in one image, 8 to test; names may hold what file names hold."""
    number = 0
    for split, n in {"train": 24, "test": 8}.items():
        lines = []
        for i in range(n):
            shared = split == "train" and i == 1
            name = f"20--Family_Group/20_Family_Group_{split}_20_{0 if shared else i}.jpg"
            left, top, side = (120, 15, 80) if shared else (15, 20, 96)
            path = root / "WFLW_images" / name
            if shared:
                picture = faces.photo(number - 1, (220, 130), 15, 20, 96)
                picture.paste(Image.fromarray(faces.source.frames[number]).resize((side, side)), (left, top))
            else:
                picture = faces.photo(number, (220, 130), left, top, side)
            save(picture, path)
            points = ninety_eight(faces.points(number, left, top, side)) - 0.5
            box = [*points.min(0).round(), *points.max(0).round()]
            numbers = [f"{value:.6f}" for value in points.reshape(-1)] + [f"{value:.0f}" for value in box]
            lines.append(" ".join([*numbers, "0", "1", "0", "0", "0", "1", name]))
            number += 1
        path = root / "WFLW_annotations/list_98pt_rect_attr_train_test" / f"list_98pt_rect_attr_{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")


def ninety_eight(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """98 points out of 68: the outer eye corners where WFLW has them, 60 and 72, the rest repeated."""
    result = points[np.arange(98) % 68].copy()
    result[60], result[72] = points[36], points[45]
    return result


def dlib_xml(path: Path, faces: Faces, numbers: Sequence[int]) -> None:
    """Dlib's boxes and parts, in whole pixels from 0."""
    images = []
    for i in numbers:
        save(faces.photo(i, (140, 130), 20, 15, 96), path.parent / f"{i}.jpg")
        points = np.floor(faces.points(i, 20, 15, 96)).astype(int)
        parts = "".join(f"<part name='{k:02}' x='{x}' y='{y}'/>" for k, (x, y) in enumerate(points))
        box = f"<box top='15' left='20' width='96' height='96'>{parts}</box>"
        images.append(
            f"<image file='{i}.jpg' width='140' height='130'>{box}<box top='0' left='0' width='3' height='3'/></image>"
        )
    path.write_text(
        "<?xml version='1.0' encoding='ISO-8859-1'?>\n<dataset><name>faces</name><images>"
        + "".join(images)
        + "</images></dataset>"
    )


WRITERS: dict[str, Callable[[Path, Faces], Any]] = {
    "w300": w300,
    "mafl": mafl,
    "wflw": wflw,
    "aflw": aflw,
    "aflw2000": aflw2000,
    "affectnet": affectnet_csv,
    "rafdb": rafdb,
    "fer2013": lambda root, faces: fer2013(root / "fer2013.csv", faces),
    "emotionet": emotionet,
}
"""What writes the files of each published set, by the set's name."""

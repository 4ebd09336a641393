"""Schema of the labelled sets: one class for each ``sets.NAME.kind``; `csv` has a file of its own."""

from typing import Annotated, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass

from benchmark.config.base import AsWritten, Count, Folder, Schema, Seed, Whole
from benchmark.config.csv import CsvFaces
from benchmark.config.own import FaceSet

Fraction = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class SyntheticFaces(Schema):
    """The built-in labelled faces; each number of faces is a multiple of ``frames_per_identity``."""

    kind: Literal["synthetic"] = "synthetic"
    size: Count = 64
    train: Count = 4000
    val: Count = 504
    test: Count = 1000
    frames_per_identity: Count = 8
    seed: Seed = 0

    def __post_init__(self) -> None:
        for split, n in {"train": self.train, "val": self.val, "test": self.test}.items():
            if n % self.frames_per_identity:
                raise ValueError(f"{split}={n} is no multiple of frames_per_identity={self.frames_per_identity}")


@dataclass(frozen=True)
class FaceFolder(Schema):
    """Keys that every published labelled set has."""

    kind: str
    root: Folder | None = None  # its folder, or one that holds it and other sets
    size: Count = 256  # side of the faces, pixels
    seed: Whole = 0  # of what the protocol leaves to chance
    val_fraction: Fraction = 0.15  # of train, where the protocol has no val


@dataclass(frozen=True)
class W300Faces(FaceFolder):
    """300-W: 68 landmarks; afw helen lfpw ibug with a .pts beside each image."""

    kind: Literal["w300"] = "w300"
    boxes: Literal["auto", "mat", "landmarks"] = "auto"  # auto: the .mat files if all are there, else the landmarks


@dataclass(frozen=True)
class MaflFaces(FaceFolder):
    """MAFL on CelebA: 5 landmarks; Anno/ and Img/ of CelebA, training.txt and testing.txt of MAFL."""

    kind: Literal["mafl"] = "mafl"
    region: Literal["square", "released"] = (
        "square"  # released: 108 x 113 pixels, stretched to a square, as in the demo
    )
    lists: str | None = None  # folder of training.txt and testing.txt, where they are not in CelebA's


@dataclass(frozen=True)
class AflwFaces(FaceFolder):
    """AFLW: roll, pitch and yaw; aflw.sqlite and flickr/."""

    kind: Literal["aflw"] = "aflw"
    test_list: str | None = None  # names of test images or face ids, a line each; default: a split by seed


@dataclass(frozen=True)
class AffectNetFaces(FaceFolder):
    """AffectNet: 8 expressions; CSV file lists, or train_set/ and val_set/ with .npy annotations."""

    kind: Literal["affectnet"] = "affectnet"
    crop: Literal["image", "box"] = "image"  # image: the given picture, as the paper's | box: the CSV lists' face box
    valence_arousal: bool = False  # also read both, each -1 to 1, as the target valence_arousal


@dataclass(frozen=True)
class EmotioNetFaces(FaceFolder):
    """EmotioNet: 11 action units; lists of URLs with labels, and the images that were downloaded."""

    kind: Literal["emotionet"] = "emotionet"
    images: str | None = None  # folder of the images, where they are not below root
    boxes: str | None = None  # CSV image,left,top,width,height of your own face boxes; default: whole images


@dataclass(frozen=True)
class Aflw2000Faces(FaceFolder):
    """AFLW2000-3D: roll, pitch and yaw; image*.jpg with .mat, 300W-LP to train on."""

    kind: Literal["aflw2000"] = "aflw2000"
    train: str | None = None  # folder of 300W-LP; without it AFLW2000-3D itself is split by seed


@dataclass(frozen=True)
class RafDbFaces(FaceFolder):
    """RAF-DB: 7 expressions; EmoLabel/list_patition_label.txt and Image/aligned/."""

    kind: Literal["rafdb"] = "rafdb"


@dataclass(frozen=True)
class Fer2013Faces(FaceFolder):
    """FER-2013: 7 expressions; fer2013.csv, or icml_face_data.csv."""

    kind: Literal["fer2013"] = "fer2013"


@dataclass(frozen=True)
class WflwFaces(FaceFolder):
    """WFLW: 98 landmarks; WFLW_annotations/ and WFLW_images/."""

    kind: Literal["wflw"] = "wflw"


@dataclass(frozen=True)
class PointFaces(FaceFolder):
    """Your own landmarks: .pts beside each image, or dlib XML files."""

    kind: Literal["points"] = "points"
    first_pixel: Whole = 1  # coordinates of the first pixel in .pts: 1 as in 300-W, or 0
    eyes: list[Whole] = Field(default_factory=lambda: [36, 45])  # the points whose distance is the unit of error
    factor: AsWritten = 1.2  # side of the crop, in larger sides of the box round the landmarks


@dataclass(frozen=True)
class TrackFaces(Schema):
    """People of the pre-training data who are held out: which of them a frame shows."""

    kind: Literal["tracks"] = "tracks"
    store: Folder | None = None  # folder of a packed store; default: that of data
    size: Count = 256  # side of the faces, pixels
    seed: Whole = 0  # of the choice of people and frames, and of their split


PublishedFaces = (
    W300Faces
    | MaflFaces
    | AflwFaces
    | AffectNetFaces
    | EmotioNetFaces
    | Aflw2000Faces
    | RafDbFaces
    | Fer2013Faces
    | WflwFaces
    | PointFaces
)
BuiltInFaces = SyntheticFaces | CsvFaces | TrackFaces | PublishedFaces
SET_KINDS: dict[str, type[BuiltInFaces]] = {kind.kind: kind for kind in get_args(BuiltInFaces)}
AnyFaces = BuiltInFaces | FaceSet

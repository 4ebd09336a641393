"""MAFL (Zhang et al., ECCV 2014) on aligned CelebA: 5 landmarks of 19,000 train and 1,000 test faces.

Files: CelebA's ``Anno/list_landmarks_align_celeba.txt`` and ``Img/img_align_celeba/``, MAFL's ``training.txt`` and
``testing.txt``.

Protocol: errors are measured in pixels of the image and divided by the distance of the eye centres, points 0 and 1. Val
is cut off train. FAb-Net's demo crops columns 35 to 143 and rows 70 to 183 of the 178 x 218 image and stretches them to
a square frame (``region=released``), which is what the probe released with its weights expects. ``region=square``
extends them to a square about their centre, so that faces keep their proportions. Images of other sizes, such as those
of CelebA in the wild, are cropped around their landmarks at the same scale; ``released`` cannot use them.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.config.sets import MaflFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.crop import Square, UnusableImage
from benchmark.data.faces.targets import landmark_target
from benchmark.data.sets.files import SetFiles, first_existing, image_reader, locate
from benchmark.data.sets.squares import landmark_squares
from benchmark.data.text import finite_numbers, read_lines
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 19000, "test": 1000}
POINTS, EYES = 5, (0, 1)
ALIGNED = (218, 178)  # height, width
RELEASED, ASPECT = Square(35.0, 70.0, 113.0), 108 / 113  # columns 35 to 143, rows 70 to 183
EXTENDED = Square(32.5, 70.0, 113.0)  # the same, made square
FACTOR = 2.75  # side of the crop / larger side of the landmarks' box; the same scale as EXTENDED's
ANNOTATIONS = tuple(
    f"{folder}{name}"
    for name in ("list_landmarks_align_celeba.txt", "list_landmarks_celeba.txt")
    for folder in ("Anno/", "")
)
IMAGES = (
    "Img/img_align_celeba",
    "img_align_celeba",
    "Img/img_align_celeba_hq",
    "img_align_celeba_hq",
    "Img/img_celeba",
)
LISTS = {"train": "training.txt", "test": "testing.txt"}


def find(config: MaflFaces) -> SetFiles:
    """CelebA's landmarks and images, MAFL's two lists."""
    root = locate(
        config,
        lambda folder: first_existing(folder, ANNOTATIONS) is not None,
        ("celeba", "mafl", "celeb-a"),
        "CelebA's Anno/list_landmarks_align_celeba.txt and Img/img_align_celeba/, MAFL's training.txt and testing.txt",
    )
    annotation, images = first_existing(root, ANNOTATIONS), first_existing(root, IMAGES)
    assert annotation is not None
    if images is None:
        raise DataError(f"{root}: no folder of CelebA's images in it ({', '.join(IMAGES)})")
    return SetFiles(root, [annotation, *_lists(config, root).values()], [images])


def read(config: MaflFaces) -> RawFaces:
    """The faces in MAFL's lists."""
    files = find(config)
    annotation = files.labels[0]
    points_of = _read_points(annotation)
    names: list[str] = []
    split: list[str] = []
    for split_name, path in _lists(config, files.root).items():
        listed = read_lines(path)
        names += listed
        split += [split_name] * len(listed)
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{files.root}: {repeated!r} is listed twice in MAFL's lists")
    unknown = np.full((POINTS, 2), np.nan)
    points = np.array([points_of.get(name, unknown) for name in names]).reshape(-1, POINTS, 2)
    target = landmark_target(points, EYES)
    is_aligned = "list_landmarks_align" in annotation.name
    around_landmarks = landmark_squares(target, FACTOR)
    released = config.region == "released"
    region = RELEASED if released else EXTENDED

    def square(row: int, height: int, width: int) -> Square:
        if is_aligned and (height, width) == ALIGNED:
            return region
        if released:
            raise UnusableImage("not an aligned image of 178 x 218 pixels")
        return around_landmarks(row, height, width)

    return RawFaces(
        ids=names,
        content=image_reader(files.images[0], names),
        square=square,
        targets={"landmarks": target},
        aspect=ASPECT if released else 1.0,
        split=np.array(split),
        expected=EXPECTED,
        protocol={
            "source": f"MAFL, points of {annotation.name}",
            "crop": {
                **({"left, top, height": list(region)} if released else {"square": list(region)}),
                "of": "178 x 218",
                "otherwise": "left out" if released else f"landmarks' box x {FACTOR}",
            },
            "error": "mean distance of 5 points, % of the distance of the eye centres (0, 1)",
            "coordinates": "the first pixel is 0",
        },
    )


def _lists(config: MaflFaces, root: Path) -> dict[str, Path]:
    """MAFL's lists by split.

    Raises:
        DataError: they are not there.
    """
    folders = [Path(config.lists)] if config.lists else [root / "MAFL", root, root.parent / "MAFL"]
    for folder in folders:
        if all((folder / name).is_file() for name in LISTS.values()):
            return {split: folder / name for split, name in LISTS.items()}
    raise DataError(f"{folders[0]}: MAFL's training.txt and testing.txt are not there; state sets.NAME.lists=DIR")


def _read_points(path: Path) -> dict[str, NDArray[np.float64]]:
    """CelebA's landmarks (5, 2) by image name, in pixels from the outer corner of the first pixel.

    The first line holds the number of images, the second the column names. The first pixel's centre is (0, 0) there.

    Raises:
        DataError: the file is cut short, or something else.
    """
    lines = [line.split() for line in read_lines(path)]
    count = finite_numbers(lines[0]) if lines else None
    if len(lines) < 3 or count is None or count.tolist() != [len(lines) - 2]:
        raise DataError(f"{path}: its first line is not the number of the lines below the header; cut short?")
    points: dict[str, NDArray[np.float64]] = {}
    for name, *words in lines[2:]:
        coordinates = finite_numbers(words)
        if coordinates is None or len(coordinates) != 2 * POINTS:
            raise DataError(f"{path}: not CelebA's list of landmarks ({name}: not ten coordinates)")
        if name in points:
            raise DataError(f"{path}: not CelebA's list of landmarks ({name} is listed twice)")
        points[name] = coordinates.reshape(POINTS, 2) + 0.5
    return points

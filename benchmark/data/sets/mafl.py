"""MAFL (Zhang et al., ECCV 2014) on aligned CelebA: 5 landmarks of 19,000 faces to train and 1,000 to test on.

The error is divided by the distance of the eye centres, points 0 and 1. The crop is that of FAb-Net's demo, columns
35 to 143 and rows 70 to 183 of the 178 x 218 image, here made square about its centre. Pictures of another size,
such as CelebA's in the wild, are cropped about their landmarks at the same scale.
"""

from pathlib import Path

import numpy as np

from benchmark.config.schema import MaflFaces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.crop import Square, UnusableImage, around_landmarks
from benchmark.data.sets.files import Found, locate, one_of, reader
from benchmark.data.sets.landmarks import landmark_target
from benchmark.data.text import number, read_text
from benchmark.errors import DataError

VERSION = 2
EXPECTED = {"train": 19000, "test": 1000}
ALIGNED = (218, 178)
REGION = Square(32.5, 70.0, 113.0)  # columns 35 to 143, rows 70 to 183, made square
FACTOR = 2.75  # of the landmarks' box: the same scale as REGION's
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


def find(config: MaflFaces) -> Found:
    """CelebA's landmarks and images, MAFL's two lists."""
    root = locate(
        config,
        lambda folder: one_of(folder, *ANNOTATIONS) is not None,
        ("celeba", "mafl", "celeb-a"),
        "CelebA's Anno/list_landmarks_align_celeba.txt and Img/img_align_celeba/, MAFL's training.txt and testing.txt",
    )
    annotation, images = one_of(root, *ANNOTATIONS), one_of(root, *IMAGES)
    assert annotation is not None
    if images is None:
        raise DataError(f"{root}: no folder of CelebA's images in it ({', '.join(IMAGES)})")
    return Found(root, [annotation, *_lists(config, root).values()], [images])


def read(config: MaflFaces) -> RawFaces:
    """The faces that MAFL's lists name."""
    found = find(config)
    points = _read_points(found.labels[0])
    names: list[str] = []
    split: list[str] = []
    for each, path in _lists(config, found.root).items():
        listed = [line.strip() for line in read_text(path).splitlines() if line.strip()]
        names += listed
        split += [each] * len(listed)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{found.root}: {twice!r} stands twice in MAFL's lists")
    target = landmark_target([points.get(name) for name in names], 5, (0, 1))
    aligned = "list_landmarks_align" in found.labels[0].name

    def square(row: int, height: int, width: int) -> Square:
        if aligned and (height, width) == ALIGNED:
            return REGION
        if not target.known[row]:
            raise UnusableImage("no landmarks to crop by")
        return around_landmarks(target.values[row], FACTOR)

    return RawFaces(
        ids=names,
        content=reader(found.images[0], names),
        square=square,
        targets={"landmarks": target},
        split=np.array(split),
        expected=EXPECTED,
        protocol={
            "source": f"MAFL, points of {found.labels[0].name}",
            "crop": {"square": list(REGION), "of": "178 x 218", "otherwise": f"landmarks' box x {FACTOR}"},
            "error": "mean distance of 5 points, % of the distance of the eye centres (0, 1)",
            "coordinates": "the first pixel is 0",
        },
    )


def _lists(config: MaflFaces, root: Path) -> dict[str, Path]:
    folders = [Path(config.lists)] if config.lists else [root / "MAFL", root, root.parent / "MAFL"]
    for folder in folders:
        if all((folder / name).is_file() for name in LISTS.values()):
            return {split: folder / name for split, name in LISTS.items()}
    raise DataError(f"{folders[0]}: MAFL's training.txt and testing.txt are not there; state sets.NAME.lists=DIR")


def _read_points(path: Path) -> dict[str, np.ndarray]:
    """Five points (5, 2) by image name, in pixels from the outer corner of the first, whose centre is 0."""
    lines = [line.split() for line in read_text(path).splitlines() if line.strip()]
    try:
        if len(lines) < 3 or len(lines[0]) != 1 or number(lines[0][0]) != len(lines) - 2:
            raise DataError(f"{path}: its first line is not the number of the lines below the header; cut short?")
        points = {}
        for line in lines[2:]:
            name, *words = line
            xy = np.array([number(word) for word in words])
            if len(xy) != 10 or not np.isfinite(xy).all():
                raise ValueError(f"{name}: not ten coordinates")
            if name in points:
                raise ValueError(f"{name} stands twice in it")
            points[name] = xy.reshape(5, 2) + 0.5
    except ValueError as error:
        raise DataError(f"{path}: not CelebA's list of landmarks ({error})") from error
    return points

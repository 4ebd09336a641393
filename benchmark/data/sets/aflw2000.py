"""AFLW2000-3D and 300W-LP (Zhu et al., CVPR 2016): roll, pitch and yaw, 68 landmarks, from .mat files.

``Pose_Para`` begins with pitch, yaw, roll in radians; ``pt3d_68`` (3, 68), in 300W-LP ``pt2d`` (2, 68), are the
points. Head-pose work trains on 300W-LP and tests on AFLW2000-3D without the faces turned by more than 99 degrees
about any axis; without 300W-LP a seed divides AFLW2000-3D, which compares with nobody's. The published crop of a
linear probe is not known: the landmarks' box, 20 % larger.
"""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.config.schema import Aflw2000Faces
from benchmark.data.faces.build import RawFaces, words
from benchmark.data.faces.targets import pose_target
from benchmark.data.sets.files import Found, below, image_beside, locate, matching, reader
from benchmark.data.sets.formats.mat import read_mat
from benchmark.data.sets.landmarks import landmark_target, round_landmarks
from benchmark.errors import DataError

VERSION = 2
WIDEST = 99.0  # degrees
FACTOR = 1.2
ALONE = "without 300W-LP to train on, divided by seed: not comparable with published figures (sets.NAME.train=DIR)"


def find(config: Aflw2000Faces) -> Found:
    """All .mat files beside images; below ``train`` those of 300W-LP."""
    root = locate(
        config,
        lambda folder: bool(matching(folder, "*.mat")),
        ("aflw2000", "aflw2000-3d", "aflw2000_3d"),
        "image*.jpg and .mat",
    )
    if not config.train:
        return Found(root, [path.absolute() for path in matching(root, "*.mat")], [root])
    train = Path(config.train)
    turned = [path for path in below(train, ".mat") if image_beside(path)]
    if not turned:
        raise DataError(f"{train}: no .mat beside an image in it; expected 300W-LP")
    return Found(root, [path.absolute() for path in (*matching(root, "*.mat"), *turned)], [root, train])


def read(config: Aflw2000Faces) -> RawFaces:
    """Its faces; those beyond 99 degrees, or with a broken .mat, are counted."""
    skipped: Counter[str] = Counter()
    train = Path(config.train).absolute() if config.train else None
    names, angles, points, split, persons = [], [], [], [], []
    for path in find(config).labels:
        image = image_beside(path)
        if image is None:
            skipped[".mat without image"] += 1
            continue
        try:
            pose, landmarks = _read(path)
        except DataError:
            skipped[".mat broken"] += 1
            continue
        of_train = train is not None and path.is_relative_to(train)
        if (np.abs(pose) > WIDEST).any() and not of_train:
            skipped[f"turned by more than {WIDEST:.0f} degrees"] += 1
            continue
        names.append(str(image))
        angles.append(pose)
        points.append(landmarks)
        split.append("train" if of_train else "test")
        # 300W-LP turns each photograph many times: NAME_0, NAME_1, ..., and mirrored in folders *_Flip
        persons.append(f"300W-LP {path.stem.rpartition('_')[0]}" if of_train else path.stem)
    if not names:
        raise DataError(f"{config.root}: no face can be used: {words(skipped)}")
    noted: Counter[str] = Counter()
    target = landmark_target(points, 68, (36, 45))
    short = [name if train is None else "/".join(Path(name).parts[-2:]) for name in names]
    return RawFaces(
        ids=[Path(name).name for name in names] if train is None else short,
        content=reader(Path("/"), names),
        square=round_landmarks(target, FACTOR),
        targets={"pose": pose_target(np.array(angles), noted), "landmarks": target},
        split=np.array(split) if train else None,
        identity=np.array(persons),
        expected={"test": 1969} if train else {},
        skipped=skipped,
        noted=noted,
        not_comparable=[] if train else [ALONE],
        protocol={
            "source": "AFLW2000-3D" + (", trained on 300W-LP" if train else ""),
            "crop": {"box": "the landmarks' own extent", "factor": FACTOR},
            "pose": f"degrees; AFLW2000-3D without faces beyond {WIDEST:.0f}",
        },
    )


def _read(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Roll, pitch, yaw in degrees; 68 points in pixels from the outer corner of the first, which Matlab calls 1."""
    content = read_mat(path)
    try:
        pitch, yaw, roll = np.ravel(np.asarray(content["Pose_Para"], np.float64))[:3]
        points = np.asarray(content["pt3d_68"] if "pt3d_68" in content else content["pt2d"], np.float64)[:2]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path}: not a .mat of AFLW2000-3D or 300W-LP ({error!r})") from error
    pose = np.degrees([roll, pitch, yaw])
    if points.shape != (2, 68) or not np.isfinite(points).all() or not np.isfinite(pose).all():
        raise DataError(f"{path}: no 68 points or no pose in it")
    return pose, points.T - 0.5

"""AFLW2000-3D and 300W-LP (Zhu et al., CVPR 2016): roll, pitch, yaw and 68 landmarks.

Files: a .mat beside each image, ``image*.mat`` in AFLW2000-3D, in any subfolder in 300W-LP. ``Pose_Para`` starts with
pitch, yaw and roll in radians; the landmarks are ``pt3d_68`` (3, 68), in 300W-LP ``pt2d`` (2, 68).

Protocol: head-pose work trains on 300W-LP and tests on AFLW2000-3D, without the faces turned by more than 99 degrees
about any axis. Without 300W-LP, AFLW2000-3D itself is split at random, and results do not compare with published ones.
No crop for linear probes is published: here, the bounding box of the landmarks, 20 % larger.
"""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.config.sets import Aflw2000Faces
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.splits import counts_text
from benchmark.data.faces.targets import landmark_target, pose_target
from benchmark.data.sets.files import SetFiles, below, image_beside, locate, matching
from benchmark.data.sets.formats.mat import MatReader
from benchmark.data.sets.squares import landmark_squares
from benchmark.errors import DataError

VERSION = 2
WIDEST = 99.0  # degrees
FACTOR = 1.2
POINTS, EYES = 68, (36, 45)
ALONE = "without 300W-LP to train on, divided by seed: not comparable with published figures (sets.NAME.train=DIR)"


def find(config: Aflw2000Faces) -> SetFiles:
    """The .mat files of AFLW2000-3D and, below ``train``, those of 300W-LP that are beside an image."""
    root = locate(
        config,
        lambda folder: bool(matching(folder, "*.mat")),
        ("aflw2000", "aflw2000-3d", "aflw2000_3d"),
        "image*.jpg and .mat",
    )
    test_files = [path.absolute() for path in matching(root, "*.mat")]
    if not config.train:
        return SetFiles(root, test_files, [root])
    train = Path(config.train)
    train_files = [path.absolute() for path in below(train, ".mat") if image_beside(path)]
    if not train_files:
        raise DataError(f"{train}: no .mat beside an image in it; expected 300W-LP")
    return SetFiles(root, [*test_files, *train_files], [root, train])


def read(config: Aflw2000Faces) -> RawFaces:
    """The faces; those turned too far, or with a broken .mat, are counted and left out."""
    train = Path(config.train).absolute() if config.train else None
    skipped: Counter[str] = Counter()
    noted: Counter[str] = Counter()
    images: list[Path] = []
    poses, points, split, identity = [], [], [], []
    with MatReader() as mat_files:
        for path in find(config).labels:
            image = image_beside(path)
            if image is None:
                skipped[".mat without image"] += 1
                continue
            try:
                pose, landmarks = _read_mat(mat_files, path)
            except DataError:
                skipped[".mat broken"] += 1
                continue
            in_train = train is not None and path.is_relative_to(train)
            if (np.abs(pose) > WIDEST).any() and not in_train:
                skipped[f"turned by more than {WIDEST:.0f} degrees"] += 1
                continue
            images.append(image)
            poses.append(pose)
            points.append(landmarks)
            split.append("train" if in_train else "test")
            # 300W-LP renders each photograph in several poses, NAME_0, NAME_1..., and mirrored in folders *_Flip.
            identity.append(f"300W-LP {path.stem.rpartition('_')[0]}" if in_train else path.stem)
    if not images:
        raise DataError(f"{config.root}: no face can be used: {counts_text(skipped)}")
    landmarks_target = landmark_target(np.array(points), EYES)
    return RawFaces(
        ids=[image.name if train is None else f"{image.parent.name}/{image.name}" for image in images],
        content=lambda row: images[row].read_bytes(),
        square=landmark_squares(landmarks_target, FACTOR),
        targets={"pose": pose_target(np.array(poses), noted), "landmarks": landmarks_target},
        split=np.array(split) if train else None,
        identity=np.array(identity),
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


def _read_mat(mat_files: MatReader, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pose and landmarks of a face.

    Returns:
        Roll, pitch, yaw (3,) in degrees; points (68, 2) in pixels from the outer corner of the first pixel, whose
        centre is (1, 1) in the file.

    Raises:
        DataError: the file is broken, or something else.
    """
    variables = mat_files.read(path)
    try:
        pitch, yaw, roll = np.ravel(np.asarray(variables["Pose_Para"], np.float64))[:3]
        points = np.asarray(variables["pt3d_68"] if "pt3d_68" in variables else variables["pt2d"], np.float64)[:2]
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path}: not a .mat of AFLW2000-3D or 300W-LP ({error!r})") from error
    pose = np.degrees([roll, pitch, yaw])
    if points.shape != (2, POINTS) or not np.isfinite(points).all() or not np.isfinite(pose).all():
        raise DataError(f"{path}: no {POINTS} points or no pose in it")
    return pose, points.T - 0.5

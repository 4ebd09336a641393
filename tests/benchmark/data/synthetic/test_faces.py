from typing import Any

import numpy as np
import pytest

from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.synthetic import labelled_faces
from benchmark.errors import UsageError

FEW: dict[str, Any] = {"size": 32, "train": 36, "val": 4, "test": 8, "frames_per_identity": 4}


@pytest.fixture(scope="module")
def faces() -> LabelledSet:
    return labelled_faces(**FEW)


def test_sizes_and_targets(faces: LabelledSet) -> None:
    assert faces.frames.shape == (48, 32, 32, 3)
    assert [len(faces.indices(split)) for split in ("train", "val", "test")] == [36, 4, 8]
    shapes = {name: target.values.shape for name, target in faces.targets.items()}
    assert shapes == {
        "landmarks68": (48, 68, 2),
        "landmarks5": (48, 5, 2),
        "pose": (48, 3),
        "expression": (48,),
        "aus": (48, 11),
    }
    assert all(target.known.all() for target in faces.targets.values())


def test_splits_are_identity_disjoint(faces: LabelledSet) -> None:
    assert faces.identity is not None
    people = [set(faces.identity[faces.indices(split)]) for split in ("train", "val", "test")]
    assert sum(map(len, people)) == len(set.union(*people)) == 12


def test_set_does_not_depend_on_workers(faces: LabelledSet) -> None:
    seen: list[tuple[int, int]] = []
    again = labelled_faces(**FEW, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert again.hash == faces.hash
    assert seen[-1] == (48, 48)


def test_faces_do_not_depend_on_the_size_of_the_set(faces: LabelledSet) -> None:
    fewer = labelled_faces(**(FEW | {"train": 8}))
    assert np.array_equal(fewer.frames[:8], faces.frames[:8])


def test_five_landmarks_follow_from_sixty_eight(faces: LabelledSet) -> None:
    five, landmarks = faces.targets["landmarks5"].values, faces.targets["landmarks68"].values
    np.testing.assert_allclose(five[:, 0], landmarks[:, 36:42].mean(1), atol=1e-6)
    np.testing.assert_allclose(five[:, 3], landmarks[:, 48])
    assert (five[:, 0, 0] < five[:, 1, 0]).all()


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="val=6 is no multiple of frames_per_identity=4"):
        labelled_faces(**(FEW | {"val": 6}))

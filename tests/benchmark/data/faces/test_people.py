"""Faces divided by person: who is chosen, what no split may share, and sets that have no people to tell."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.faces.people import PEOPLE, by_person, faces_of_task
from benchmark.errors import DataError


def labelled(people: int, faces_each: int, split: str = "test", identities: bool = True) -> LabelledSet:
    n = people * faces_each
    return LabelledSet(
        name="mine",
        frames=np.zeros((n, 4, 4, 3), np.uint8),
        image_ids=np.array([str(i) for i in range(n)]),
        split=np.full(n, split),
        corner=np.zeros((n, 2), np.float32),
        side=np.ones(n, np.float32),
        targets={"pose": Target("pose", np.zeros((n, 3), np.float32), np.ones(n, bool), ("roll", "pitch", "yaw"))},
        identity=np.repeat([f"p{i:03}" for i in range(people)], faces_each) if identities else None,
    )


def test_every_person_is_in_every_split_with_other_faces() -> None:
    faces = labelled(5, 8)
    divided = by_person(faces)
    target = divided.targets["identity"]
    assert target.known.all()
    assert [target.names[value] for value in target.values] == list(
        faces.identity if faces.identity is not None else []
    )
    counts = [np.bincount(target.values[divided.split == name]).tolist() for name in ("train", "val", "test")]
    assert counts == [[5] * 5, [1] * 5, [2] * 5]
    assert np.array_equal(by_person(faces).split, divided.split)
    assert not np.array_equal(by_person(faces, seed=1).split, divided.split)


def test_people_of_train_and_those_with_few_faces_are_left_out() -> None:
    faces = labelled(6, 4)
    split = faces.split.astype("U5")
    split[:4] = "train"
    identity = np.array(faces.identity)
    identity[4] = ""  # the second person has three faces left
    target = by_person(replace(faces, split=split, identity=identity)).targets["identity"]
    assert target.names == ("p002", "p003", "p004", "p005")
    assert target.known.tolist() == [False] * 8 + [True] * 16


def test_at_most_a_hundred_people() -> None:
    assert len(by_person(labelled(PEOPLE + 20, 4)).targets["identity"].names) == PEOPLE


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (labelled(5, 8, identities=False), "set mine has no identities"),
        (labelled(5, 3), "0 people have 4 or more test faces"),
        (labelled(1, 8), "1 people have 4 or more test faces"),
        (labelled(5, 8, split="train"), "0 people"),
    ],
)
def test_sets_without_people_to_tell_are_refused(faces: LabelledSet, message: str) -> None:
    with pytest.raises(DataError, match=message):
        faces_of_task(faces, "identity")
    assert faces_of_task(faces, "pose") is faces

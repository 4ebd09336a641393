"""Faces of a labelled set divided anew so that a head can be asked which person each one shows: identity leakage.

An embedding of expression should not tell people apart. The usual splits share no person, so here each person's faces
are divided among train, val and test. The people are those of the set's test split, at most `PEOPLE` of them, so that
figures of larger and smaller sets have the same chance level. All numbers here are ours; the paper has no such task.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.errors import DataError

IDENTITY = "identity"  # the target's name in tasks
PEOPLE = 100
FACES = 4  # of a person at least: two to train on, one of val and one of test
VAL, TEST = 1 / 8, 1 / 4  # shares of a person's faces


def by_person(faces: LabelledSet, seed: int = 0) -> LabelledSet:
    """The set with the one target `IDENTITY` and each chosen person's faces divided at random.

    Faces of other people have no known identity; frames and features keep their rows.

    Args:
        faces: with identities.
        seed: of the choice of people and faces.

    Raises:
        DataError: the set has no identities, or fewer than two people with enough test faces.
    """
    if faces.identity is None:
        raise DataError(f"set {faces.name} has no identities, so none can be told from its features")
    rows_of = _rows_of_people(faces.identity, faces.indices("test"))
    if len(rows_of) < 2:
        raise DataError(
            f"set {faces.name}: {len(rows_of)} people have {FACES} or more test faces; telling people apart needs two"
        )
    rng = np.random.default_rng(seed)
    names = sorted(rows_of)
    if len(names) > PEOPLE:
        names = sorted(rng.choice(names, PEOPLE, replace=False).tolist())
    values = np.full(len(faces.frames), -1, np.int64)
    split = np.full(len(faces.frames), "train", dtype="U5")
    for index, name in enumerate(names):
        rows = rng.permutation(rows_of[name])
        n_val, n_test = (max(1, round(share * len(rows))) for share in (VAL, TEST))
        values[rows] = index
        split[rows[:n_test]] = "test"
        split[rows[n_test : n_test + n_val]] = "val"
    target = Target("identity", values, values >= 0, tuple(names))
    return replace(faces, split=split, targets={IDENTITY: target})


def faces_of_task(faces: LabelledSet, target: str) -> LabelledSet:
    """The set as a task of this target has it: as it is, or divided `by_person` for `IDENTITY`.

    Raises:
        DataError: as `by_person`.
    """
    return by_person(faces) if target == IDENTITY and IDENTITY not in faces.targets else faces


def _rows_of_people(identity: NDArray[np.str_], rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
    """Rows of each known person who has enough of them."""
    people = identity[rows]
    found = {str(name): rows[people == name] for name in np.unique(people) if name}
    return {name: each for name, each in found.items() if len(each) >= FACES}

import numpy as np
import pytest

from probes.neighbours import fewest_others, nearest


def test_neighbours_are_those_of_a_loop_over_all_faces() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 3)).astype(np.float32)
    people = np.array(["anna", "ben", "cleo", ""])[random.integers(0, 4, 40)]
    rows, similarities = nearest(features, people, [0, 17, 39], 5)
    for query, found, values in zip((0, 17, 39), rows, similarities, strict=True):
        cosines = {
            other: features[query] @ features[other] / np.linalg.norm(features[query]) / np.linalg.norm(features[other])
            for other in range(40)
            if other != query and (people[query] == "" or people[other] != people[query])
        }
        expected = sorted(cosines, key=lambda other: -cosines[other])[:5]
        assert found.tolist() == expected
        assert values == pytest.approx([cosines[other] for other in expected], rel=1e-5)


def test_faces_of_the_same_person_are_never_near() -> None:
    """Each person's faces are alike, and unlike all others'."""
    people = np.repeat(np.array(["anna", "ben", "cleo"]), 10)
    features = np.repeat(np.eye(3, dtype=np.float32), 10, 0)
    rows, _ = nearest(features, people, [0, 29], 5)
    assert rows.tolist() == [[10, 11, 12, 13, 14], [0, 1, 2, 3, 4]]
    assert fewest_others(people, 30) == 20
    assert fewest_others(None, 30) == 29


def test_features_of_length_0_are_equally_near_to_all() -> None:
    rows, similarities = nearest(np.zeros((4, 2), np.float32), None, [1], 2)
    assert rows.tolist() == [[0, 2]]
    assert (similarities == 0).all()

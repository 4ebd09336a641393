"""Metrics against references written another way."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from probes.metrics.auc import auc
from probes.metrics.landmark_error import point_errors
from probes.scores import headline, score
from probes.target import Labels

from .examples import example

RNG = np.random.default_rng(7)


def test_landmark_error_is_the_papers_measure() -> None:
    truth, guess = RNG.random((6, 4, 2)), RNG.random((6, 4, 2))
    expected = []
    for true, guessed in zip(truth, guess, strict=True):
        distances = [np.hypot(*(a - b)) for a, b in zip(true, guessed, strict=True)]
        expected.append(100 * sum(distances) / 4 / np.hypot(*(true[1] - true[3])))
    assert point_errors(guess, truth, (1, 3)) == pytest.approx(expected)

    scores = score(Labels("landmarks", truth, np.ones(6, bool), (), (1, 3)), guess)
    assert scores.metrics["error"] == {
        "value": pytest.approx(np.mean(expected)),
        "unit": "% inter-ocular",
        "n": 6,
    }
    assert scores.metrics["failure_10"]["value"] == pytest.approx(100 * np.mean(np.array(expected) > 10))
    assert scores.per_image["errors"] == pytest.approx(expected)


def test_landmark_errors_are_measured_in_the_image_where_crops_are_stretched() -> None:
    pixels, guess = 100 * RNG.random((6, 5, 2)), 100 * RNG.random((6, 5, 2))
    in_crops = [points / (54, 60) for points in (pixels, guess)]
    known = np.ones(6, bool)
    stretched = score(Labels("landmarks", in_crops[0], known, (), (0, 1), aspect=54 / 60), in_crops[1])
    assert stretched.metrics["error"]["value"] == pytest.approx(point_errors(guess, pixels, (0, 1)).mean())
    square = score(Labels("landmarks", in_crops[0], known, (), (0, 1)), in_crops[1])
    assert square.metrics["error"]["value"] != pytest.approx(stretched.metrics["error"]["value"], rel=1e-3)


def test_faces_whose_eyes_coincide_are_left_out_and_counted() -> None:
    truth = RNG.random((3, 4, 2))
    truth[1, 0] = truth[1, 1]
    scores = score(Labels("landmarks", truth, np.ones(3, bool), (), (0, 1)), truth + 0.01)
    assert scores.metrics["error"]["n"] == 2
    assert np.isfinite(scores.metrics["error"]["value"])
    assert scores.notes == ["1 images left out: their two eye points coincide"]


def test_pose_is_mean_absolute_error_of_each_angle() -> None:
    truth = np.array([[0, 10, 20], [2, 10, 20]], np.float32)
    scores = score(Labels("pose", truth, np.ones(2, bool), ("roll", "pitch", "yaw")), np.zeros((2, 3)))
    values = {name: entry["value"] for name, entry in scores.metrics.items()}
    del values["geodesic"]
    assert values == pytest.approx({"roll": 1, "pitch": 10, "yaw": 20, "mae": 31 / 3})
    assert {entry["unit"] for entry in scores.metrics.values()} == {"deg"}


def test_auc_is_sklearns_with_ties_and_masks() -> None:
    scores = RNG.integers(0, 5, (60, 3)).astype(float)  # many ties
    positive, known = RNG.random((60, 3)) < 0.4, RNG.random((60, 3)) < 0.7
    expected = [roc_auc_score(positive[known[:, i], i], scores[known[:, i], i]) for i in range(3)]
    assert auc(scores, positive, known) == pytest.approx(expected)


def test_class_metrics_are_sklearns() -> None:
    target, _, _ = example("classes")
    probabilities = RNG.dirichlet(np.ones(3), len(target))
    values = {name: entry["value"] for name, entry in score(target, probabilities).metrics.items()}
    expected = roc_auc_score(target.values, probabilities, multi_class="ovr", average=None)
    assert [values[f"auc_{name}"] for name in target.names] == pytest.approx(list(expected))
    assert values["auc"] == pytest.approx(expected.mean())
    guess = probabilities.argmax(1)
    assert values["accuracy"] == pytest.approx((guess == target.values).mean())
    assert values["f1"] == pytest.approx(f1_score(target.values, guess, average="macro"))


def test_a_class_absent_from_test_is_null_and_out_of_the_mean() -> None:
    target = Labels("classes", np.array([0, 0, 1, 1]), np.ones(4, bool), ("calm", "happy", "contempt"))
    scores = score(target, np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.4, 0.5, 0.1], [0.7, 0.2, 0.1]]))
    assert scores.metrics["auc_contempt"]["value"] is None
    assert scores.metrics["auc"]["value"] == pytest.approx(
        (scores.metrics["auc_calm"]["value"] + scores.metrics["auc_happy"]["value"]) / 2
    )
    assert scores.notes == ["AUC over 2 of 3: all or none are contempt"]


def test_no_auc_at_all_is_null() -> None:
    target = Labels("classes", np.zeros(4, int), np.ones(4, bool), ("calm", "happy"))
    assert headline(target, np.full((4, 2), 0.5)) is None


def test_unknown_units_change_nothing() -> None:
    target, _, _ = example("aus")
    probabilities = RNG.random(target.values.shape)
    other = np.where(target.known, target.values, np.nan)
    changed = Labels(target.kind, other, target.known, target.names)
    assert score(target, probabilities).metrics == score(changed, probabilities).metrics
    assert score(target, probabilities).metrics["auc_AU1"]["n"] == target.known[:, 0].sum()


def test_groups_are_scored_on_their_own() -> None:
    target, _, _ = example("classes")
    probabilities = RNG.dirichlet(np.ones(3), len(target))
    group = np.where(np.arange(len(target)) % 3, "grey", "colour")
    metrics = score(target, probabilities, group).metrics
    grey = group == "grey"
    alone = score(Labels("classes", target.values[grey], target.known[grey], target.names), probabilities[grey])
    assert {f"{name}/grey": entry for name, entry in alone.metrics.items()}.items() <= metrics.items()
    assert metrics["auc"] == score(target, probabilities).metrics["auc"]

"""Realism readings against an independent computation, and their check."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.synthetic import realism
from benchmark.errors import DataError


@pytest.fixture(scope="module")
def faces() -> LabelledSet:
    """Noise images whose brightness depends on the first action unit only."""
    rng = np.random.default_rng(0)
    n = 80
    aus = rng.integers(0, 2, (n, 2)).astype(np.float32)
    frames = rng.integers(0, 60, (n, 32, 32, 3)) + 60 * aus[:, :1, None, None].astype(int)
    points = np.tile(rng.random((1, 68, 2)), (n, 1, 1)) + rng.normal(0, 0.05, (n, 68, 2))
    points[5] = np.nan
    known = np.ones(n, np.bool_)
    known[5] = False
    targets = {
        "points": Target("landmarks", points.astype(np.float32), known, (), (36, 45)),
        "pose": Target("pose", rng.normal(0, 9, (n, 3)).astype(np.float32), known, ("roll", "pitch", "yaw")),
        "aus": Target("aus", aus, np.ones((n, 2), np.bool_), ("AU1", "AU12")),
    }
    return LabelledSet(
        name="noise",
        frames=frames.astype(np.uint8),
        image_ids=np.array([str(i) for i in range(n)]),
        split=np.array(["train"] * 40 + ["val"] * 10 + ["test"] * 30),
        corner=np.zeros((n, 2), np.float32),
        side=np.ones(n, np.float32),
        targets=targets,
    )


@pytest.fixture(scope="module")
def values(faces: LabelledSet) -> dict[str, float]:
    return realism.readings(faces)


def test_readings_agree_with_an_independent_computation(faces: LabelledSet, values: dict[str, float]) -> None:
    """Pixel means by reshaping, errors face by face."""
    n = len(faces.frames)
    small = faces.frames.reshape(n, 16, 2, 16, 2, 3).mean((2, 4)).round().reshape(n, -1) / 255
    known = faces.targets["points"].known
    fit = [i for i in range(n) if faces.split[i] != "test" and known[i]]
    score = [i for i in range(n) if faces.split[i] == "test" and known[i]]
    pixels = (small - small[fit].mean(0)) / (small[fit].std(0) + 1e-6)
    points = faces.targets["points"].values
    eyes = [np.linalg.norm(points[i, 36] - points[i, 45]) for i in score]

    def error(predicted: NDArray[Any]) -> float:
        each = [
            np.mean([np.linalg.norm(predicted[j, k] - points[i, k]) for k in range(68)]) / eyes[j]
            for j, i in enumerate(score)
        ]
        return float(100 * np.mean(each))

    mean = np.repeat(points[fit].mean(0)[None], len(score), axis=0)
    assert values[realism.LANDMARKS_MEAN] == pytest.approx(error(mean), rel=1e-4)
    ridge = RidgeCV(realism.ALPHAS).fit(pixels[fit], points[fit].reshape(len(fit), -1))
    predicted = ridge.predict(pixels[score]).reshape(-1, 68, 2)
    assert values[realism.LANDMARKS_PIXELS] == pytest.approx(error(predicted), rel=1e-2)
    assert values[realism.EYES] == pytest.approx(np.mean(eyes), rel=1e-5)
    yaw = faces.targets["pose"].values[:, 2]
    assert values["yaw s.d. (deg)"] == pytest.approx(yaw[known].std(), rel=1e-5)
    expected = np.abs(yaw[score] - yaw[fit].mean()).mean()
    assert values["yaw MAE, mean (deg)"] == pytest.approx(expected, rel=1e-5)


def test_action_unit_visible_in_the_pixels_is_predicted(faces: LabelledSet, values: dict[str, float]) -> None:
    assert values["AU1 AUC, pixels"] == 1
    assert 0.2 < values["AU12 AUC, pixels"] < 0.8
    both = values["AU1 AUC, pixels"] + values["AU12 AUC, pixels"]
    assert values[realism.AUC] == pytest.approx(both / 2)
    active = faces.targets["aus"].values[50:, 0]
    assert roc_auc_score(active, faces.frames[50:].mean((1, 2, 3))) == 1


def test_units_known_for_different_faces_are_fitted_separately(faces: LabelledSet) -> None:
    known = np.ones((80, 3), np.bool_)
    known[::4, 1] = False
    whole = faces.targets["aus"].values
    three = Target("aus", np.c_[whole, whole[:, 0]], known, ("AU1", "AU12", "AU4"))
    values = realism.readings(replace(faces, targets={"aus": three}))
    assert list(values) == [*map(realism.au_reading, ("AU1", "AU12", "AU4")), realism.AUC]
    alone = Target("aus", whole[:, 1:], known[:, 1:2], ("AU12",))
    expected = realism.readings(replace(faces, targets={"aus": alone}))["AU12 AUC, pixels"]
    assert values["AU12 AUC, pixels"] == pytest.approx(expected)
    assert values["AU4 AUC, pixels"] == values["AU1 AUC, pixels"] == 1


def test_unrealistic_set_fails_the_check(values: dict[str, float]) -> None:
    problems = realism.check(values)
    assert any(problem.startswith("AU1 AUC, pixels: 1 is not within 0.53 to 0.85") for problem in problems)
    assert any("yaw s.d." in problem for problem in problems)


def test_real_readings_are_within_the_ranges() -> None:
    for column in (0, 1):
        real = {name: pair[column] for name, pair in realism.REAL.items() if pair[column] is not None}
        assert realism.check({name: value for name, value in real.items() if value is not None}) == []


def test_missing_and_undefined_readings_are_problems(faces: LabelledSet) -> None:
    assert len(realism.check({})) == len(realism.RANGES)
    one_sided = Target("aus", np.ones((80, 1), np.float32), np.ones((80, 1), np.bool_), ("AU1",))
    values = realism.readings(replace(faces, targets={"aus": one_sided}))
    assert np.isnan(values[realism.AUC])
    assert f"{realism.AUC}: nan is not within 0.58 to 0.72" in realism.check(values)


def test_table(values: dict[str, float]) -> None:
    lines = realism.table(values, "noise").splitlines()
    assert lines[0].split() == ["reading", "noise", "real,", "jitter", ".05", "real,", "jitter", ".03", "range"]
    (line,) = [line for line in lines if line.startswith("AU1 AUC")]
    assert line.split() == ["AU1", "AUC,", "pixels", "1", "!", "0.69", "0.53", "to", "0.85"]


def test_set_without_comparable_targets_has_no_readings(faces: LabelledSet) -> None:
    assert realism.readings(replace(faces, targets={})) == {}


def test_set_without_test_faces_is_refused(faces: LabelledSet) -> None:
    with pytest.raises(DataError, match="80 faces to fit and 0 to score"):
        realism.readings(replace(faces, split=np.full(80, "train"), targets={"aus": faces.targets["aus"]}))

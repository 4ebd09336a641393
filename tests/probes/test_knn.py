"""The nearest neighbours against scikit-learn's."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from probes.coding import coding_for
from probes.errors import ProbeError
from probes.head import Split
from probes.heads.knn import NearestNeighbours
from probes.scores import headline
from probes.target import any_known, take

from .examples import KINDS, example


def splits(kind: str) -> tuple[Split, Split]:
    target, split, features = example(kind)
    rows = [np.flatnonzero(any_known(target) & (split == name)) for name in ("train", "val")]
    train, val = (Split(features[each], take(target, each)) for each in rows)
    return train, val


@pytest.mark.parametrize("k", [1, 7])
@pytest.mark.parametrize("kind", ["landmarks", "pose"])
def test_regression_is_sklearns(kind: str, k: int) -> None:
    train, val = splits(kind)
    coding = coding_for(train.labels)
    fitted = NearestNeighbours({"k": [k]}).fit(train, val, coding, 0)
    scaler = StandardScaler().fit(train.features.astype(np.float64))
    model = KNeighborsRegressor(k).fit(
        scaler.transform(train.features), train.labels.values.reshape(len(train.labels), -1)
    )
    expected = model.predict(scaler.transform(val.features))
    predicted = coding.decode(fitted(val.features))
    assert predicted.reshape(expected.shape) == pytest.approx(expected, abs=1e-3)


def test_class_probabilities_are_sklearns_frequencies_with_the_prior_as_one_more_neighbour() -> None:
    train, val = splits("classes")
    coding = coding_for(train.labels)
    fitted = NearestNeighbours({"k": [5]}).fit(train, val, coding, 0)
    scaler = StandardScaler().fit(train.features.astype(np.float64))
    model = KNeighborsClassifier(5).fit(scaler.transform(train.features), train.labels.values)
    prior = np.bincount(train.labels.values, minlength=3) / len(train.labels)
    expected = (5 * model.predict_proba(scaler.transform(val.features)) + prior) / 6
    assert coding.decode(fitted(val.features)) == pytest.approx(expected, abs=1e-5)


def test_unknown_units_of_neighbours_do_not_vote() -> None:
    train, val = splits("aus")
    coding = coding_for(train.labels)
    n = len(train.labels)
    predicted = coding.decode(NearestNeighbours({"k": [n]}).fit(train, val, coding, 0)(val.features))
    for unit, known in enumerate(train.labels.known.T):
        frequency = train.labels.values[known, unit].mean()
        assert predicted[:, unit] == pytest.approx(np.full(len(val.labels), frequency), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_k_is_the_best_on_val(kind: str) -> None:
    train, val = splits(kind)
    coding = coding_for(train.labels)
    alone = {k: NearestNeighbours({"k": [k]}).fit(train, val, coding, 0) for k in (1, 5, 20)}
    scores = {k: headline(val.labels, coding.decode(fitted(val.features))) for k, fitted in alone.items()}
    chosen = NearestNeighbours({"k": [1, 5, 20]}).fit(train, val, coding, 0).choice
    assert scores[chosen["k"]] == max(score for score in scores.values() if score is not None)
    assert chosen["val"] == pytest.approx(abs(scores[chosen["k"]] or 0))


def test_more_neighbours_than_faces_are_left_out() -> None:
    train, val = splits("pose")
    fitted = NearestNeighbours({"k": [10_000]}).fit(train, val, coding_for(train.labels), 0)
    assert fitted.choice["k"] == len(train.labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": [0]}, r"head knn: k=\[0\] must be one or more numbers of 1 or more"),
        ({"k": 5}, r"head knn: option 'k' must be a list, not 5"),
        ({"k": ["five"]}, "head knn: option 'k' must be int, not 'five'"),
        ({"neighbours": [3]}, "head knn has no option 'neighbours'; known: k"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        NearestNeighbours(options)

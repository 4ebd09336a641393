"""Ranking over labelled sets against SciPy and scikit-posthocs, and how often a probability is right."""

import numpy as np
import pytest
import scikit_posthocs
from numpy.typing import NDArray
from scipy.stats import friedmanchisquare, rankdata

from probes.statistics import difference, estimate
from probes.tables.columns import HIGHER, LOWER, NEITHER, Column
from probes.tables.overview import Overview, OverviewRow, Score, TaskColumn
from probes.tables.ranking import FEWEST_SETS, friedman, probabilities, ranking_of, ranking_sentence
from tests.probes.tables.scored import POSE, row, scored

Numbers = NDArray[np.float64]


def overview(scores: dict[str, list[float | None]], better: list[int] | None = None) -> Overview:
    """An overview with methods of these means, a task each, of which lower ones are better unless said."""
    tasks = range(len(next(iter(scores.values()))))
    columns = [
        Column(f"task{task}", "mae", "task", "deg", (better or [LOWER] * len(tasks))[task], str) for task in tasks
    ]
    return Overview(
        "own",
        tuple(TaskColumn(each, each.task, None, 1, None, "") for each in columns),
        (
            *(OverviewRow("method", name, tuple(map(Score, means)), None, None) for name, means in scores.items()),
            OverviewRow("floor", "mean", tuple(Score(0.0) for _ in tasks), None, None),
        ),
        1,
        0,
        False,
        None,
    )


def own_sets(n: int) -> dict[str, str]:
    """A labelled set for each task."""
    return {f"task{task}": f"set{task}" for task in range(n)}


def test_the_statistic_is_that_of_scipy_also_with_ties() -> None:
    for seed in range(5):
        scores = np.random.default_rng(seed).integers(0, 6, (8, 4))
        expected = friedmanchisquare(*scores.T).statistic
        assert friedman(rankdata(scores, axis=1)).chi_square == pytest.approx(expected, rel=1e-12)


def test_p_values_over_many_blocks_are_those_of_the_usual_tests() -> None:
    scores = np.random.default_rng(2).normal(size=(200, 5)) + np.array([0, 0.1, 0.2, 0.3, 0.5])
    found = friedman(rankdata(scores, axis=1))
    assert found.p == pytest.approx(friedmanchisquare(*scores.T).pvalue, abs=0.005)
    nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()
    np.testing.assert_allclose(found.pairs, nemenyi, atol=0.02)
    q = 2.728  # Demsar 2006, table 5: five methods, .05
    assert found.critical_difference == pytest.approx(q * np.sqrt(5 * 6 / (6 * 200)), abs=0.02)


def test_p_values_over_few_blocks_are_exact() -> None:
    """Of 6 orders in each of 3 blocks, 6 in 216 agree; of 2 in each of 6, 2 in 64."""
    assert friedman(np.tile([1.0, 2, 3], (3, 1))).p == pytest.approx(6 / 216, abs=0.006)
    assert friedman(np.tile([1.0, 2], (6, 1))).pairs[0, 1] == pytest.approx(2 / 64, abs=0.006)


def test_methods_that_do_not_differ_are_said_to_in_at_most_five_of_a_hundred() -> None:
    random = np.random.default_rng(0)
    tests = [friedman(rankdata(random.normal(size=(5, 5)), axis=1)) for _ in range(200)]
    shown = [test.p <= 0.05 for test in tests]
    pairs = [(test.pairs <= 0.05).any() for test in tests]
    assert 1 <= sum(shown) <= 19  # of 10 expected: more have a probability of .4 % (binomial)
    assert sum(pairs) <= 19


def test_a_ranking_is_shown_where_the_sets_carry_it() -> None:
    scores: dict[str, list[float | None]] = {
        name: [number + 0.3 * task for task in range(8)] for number, name in enumerate("dcba")
    }
    found = ranking_of(overview(scores), own_sets(8))
    assert found is not None
    assert found.methods == ("d", "c", "b", "a")
    assert found.mean_ranks.tolist() == [1, 2, 3, 4]
    assert found.shown
    assert found.groups == [("d", "c"), ("c", "b"), ("b", "a")]
    text = ranking_sentence(found)
    assert text.startswith(
        "Over 8 labelled sets, the 4 methods differ in rank (Friedman's chi-square = 24.00, p < .001)."
    )
    assert text.endswith("Not shown to differ: d and c; c and b; b and a.")


def test_the_better_direction_of_each_task_counts() -> None:
    found = ranking_of(overview({"a": [1.0, 1.0, 1.0], "b": [2.0, 2.0, 2.0]}, [LOWER, HIGHER, NEITHER]), own_sets(3))
    assert found is not None
    assert (found.tasks, found.mean_ranks.tolist()) == (2, [1.5, 1.5])
    assert ranking_of(overview({"a": [1.0], "b": [2.0]}, [NEITHER]), own_sets(1)) is None


def test_no_ranking_is_shown_with_few_sets_whatever_the_test_says() -> None:
    found = ranking_of(overview({name: [number] * 4 for number, name in enumerate("abcde")}), own_sets(4))
    assert found is not None
    assert found.test is not None
    assert found.test.p < 0.001
    assert not found.shown
    assert ranking_sentence(found) == (
        "No ranking over tasks: there are 4 labelled sets, and it takes 5 (Friedman's chi-square = 16.00, p < .001)."
    )


def test_no_ranking_is_shown_that_may_be_chance() -> None:
    found = ranking_of(overview({"a": [1.0, 2, 1, 2, 1], "b": [2.0, 1, 2, 1, 2]}), own_sets(5))
    assert found is not None
    assert not found.shown
    assert (
        "over 5 labelled sets, the 2 methods are not shown to differ in rank (Friedman's chi-square = 0.20, p = 1.000)"
        in (ranking_sentence(found))
    )


def test_tasks_on_the_same_faces_are_one_block() -> None:
    scores: dict[str, list[float | None]] = {"a": [1.0] * 6, "b": [2.0] * 6, "c": [3.0] * 6}
    one = ranking_of(overview(scores), dict.fromkeys(own_sets(6), "synthetic"))
    assert one is not None
    assert (one.tasks, one.sets, one.test, one.shown) == (6, 1, None, False)
    assert "all 6 of them are on the faces of one labelled set" in ranking_sentence(one)
    two = ranking_of(overview(scores), own_sets(6) | {"task1": "set0"})
    assert two is not None
    assert two.sets == FEWEST_SETS


def test_methods_without_every_score_are_left_out_and_named() -> None:
    found = ranking_of(overview({"a": [1.0, 1.0], "b": [2.0, None], "c": [3.0, 3.0]}), own_sets(2))
    assert found is not None
    assert (found.methods, found.left_out) == (("a", "c"), ("b",))
    assert ranking_of(overview({"a": [1.0]}), own_sets(1)) is None


def test_a_probability_is_that_of_the_paired_difference_in_the_better_direction() -> None:
    rows = {("method", "a"): row(1.0), ("method", "b"): row(1.001), ("method", "c"): row(3.0)}
    _, series = scored(rows)
    found = probabilities(POSE, series, ["a", "b", "c"])
    assert np.isnan(found.diagonal()).all()
    np.testing.assert_allclose((found + found.T)[~np.eye(3, dtype=bool)], 1)
    assert found[0, 2] > 0.999  # lower is better
    keys = [("method", name, "pose", "mae") for name in "ab"]
    gap = difference(*(part for key in keys for part in (series[key].values, series[key].without)))
    assert found[0, 1] == pytest.approx(1 - gap.above_zero)
    higher = Column("pose", "mae", "pose", "deg", HIGHER, str)
    assert probabilities(higher, series, ["a", "c"])[0, 1] < 0.001


def test_rows_on_other_faces_have_no_probability() -> None:
    _, series = scored({("method", "a"): row(1.0)})
    _, other = scored({("method", "b"): row(2.0)}, faces="others")
    assert np.isnan(probabilities(POSE, {**series, **other}, ["a", "b", "unknown"])).all()


def studies(truths: Numbers, seeds: int, random: np.random.Generator) -> Numbers:
    """The probability that each true mean is above 0, from made-up scores of 40 people; of one seed, its own mean."""
    found = []
    of_seeds = 0.1 if seeds > 1 else 0
    for truth in truths:
        scores = (
            truth + of_seeds * random.normal(size=(seeds, 1)) + random.normal(size=40) + random.normal(size=(seeds, 40))
        )
        without = (scores.sum(1, keepdims=True) - scores) / 39
        found.append(estimate(scores.mean(1), without).above_zero)
    return np.array(found)


@pytest.mark.parametrize("seeds", [1, 3, 10])
def test_a_probability_is_right_as_often_as_it_says(seeds: int) -> None:
    """True differences are drawn evenly about 0, far beyond the error of about .2."""
    random = np.random.default_rng(seeds)
    truths = random.uniform(-1, 1, 3000)
    said = studies(truths, seeds, random)
    for low, high in ((0.05, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.95)):
        among = (low <= said) & (said < high)
        right = (truths[among] > 0).mean()
        error = 3 * np.sqrt(0.25 / among.sum())
        assert abs(right - said[among].mean()) < error + 0.03, (low, high)


@pytest.mark.parametrize("seeds", [3, 10])
def test_a_method_that_is_not_better_is_seldom_said_to_be(seeds: int) -> None:
    said = studies(np.zeros(1000), seeds, np.random.default_rng(seeds))
    for level in (0.5, 0.8, 0.95):
        share = (said > level).mean()
        assert share <= 1 - level + 3 * np.sqrt(level * (1 - level) / 1000), level

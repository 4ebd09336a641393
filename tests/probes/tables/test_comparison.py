import numpy as np
import pytest

from probes.statistics import difference
from probes.tables.cells import RecordError
from probes.tables.comparison import Score, Series, paired_difference

RANDOM = np.random.default_rng(1)


def series(seeds: list[int], faces: str = "same") -> Series:
    result = Series.of([Score(seed, RANDOM.random(), RANDOM.random(9), faces) for seed in seeds])
    assert result is not None
    return result


def test_rows_are_paired_by_seed() -> None:
    row, other = series([4, 0, 2]), series([0, 1, 2])
    assert row.seeds == (0, 2, 4)
    expected = difference(row.values[:2], row.without[:2], other.values[[0, 2]], other.without[[0, 2]])
    assert paired_difference(row, other) == expected


def test_a_row_of_one_seed_is_compared_with_every_seed() -> None:
    row, floor = series([1, 2, 3]), series([0])
    result = paired_difference(row, floor)
    assert result is not None
    assert result.seeds == 3
    assert result.mean == pytest.approx(row.values.mean() - floor.values[0])


def test_rows_without_a_common_seed_have_no_difference() -> None:
    assert paired_difference(series([0, 1]), series([2, 3])) is None


def test_rows_on_other_faces_are_refused() -> None:
    with pytest.raises(RecordError, match="different test faces"):
        paired_difference(series([0]), series([0], "others"))


def test_seeds_on_different_faces_are_no_series() -> None:
    assert Series.of([Score(0, 1.0, RANDOM.random(3), "a"), Score(1, 1.0, RANDOM.random(3), "b")]) is None
    assert Series.of([Score(0, 1.0, None, "a")]) is None
    assert Series.of([]) is None

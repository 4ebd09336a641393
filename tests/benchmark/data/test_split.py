from collections import Counter

import pytest

from benchmark.data.split import split_identities

NAMES = [f"id{i:05d}" for i in range(1000)]


def test_split_follows_fractions_and_seed() -> None:
    split = split_identities(NAMES, 3)
    assert Counter(split.values()) == {"train": 750, "val": 150, "test": 100}
    assert split == split_identities(NAMES[::-1], 3)
    assert split != split_identities(NAMES, 4)


def test_split_of_a_seed_is_frozen() -> None:
    split = split_identities(["ann", "bob", "cid", "dot", "eve", "fay"], 0)
    assert {name for name, part in split.items() if part != "train"} == {"ann", "bob"}
    assert (split["ann"], split["bob"]) == ("test", "val")


@pytest.mark.parametrize(
    ("n", "expected"),
    [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (4, [2, 1, 1]), (28, [21, 4, 3])],
)
def test_few_identities_fill_train_then_val(n: int, expected: list[int]) -> None:
    sizes = Counter(split_identities(NAMES[:n], 0).values())
    assert [sizes["train"], sizes["val"], sizes["test"]] == expected


def test_split_with_fraction_zero_is_empty() -> None:
    assert Counter(split_identities(NAMES[:10], 0, (0.8, 0.2, 0.0)).values()) == {"train": 8, "val": 2}

"""Heads and metrics of a configuration, and what of them is part of the identity of scores."""

from pathlib import Path

import pytest

from benchmark.config.load import load
from benchmark.config.probing import resolve_probe
from benchmark.config.schema import ProbeConfig
from benchmark.errors import UsageError

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_heads_that_are_built_in_are_identified_by_name_and_version() -> None:
    parts = resolve_probe(ProbeConfig())
    assert [head.identity for head in parts.heads] == [["linear", 2, None], "exact"]
    assert parts.metrics == []
    assert parts.options == {}


def test_a_head_in_a_file_is_identified_by_its_code() -> None:
    path = str(EXAMPLES / "random_features_head.py")
    (head,) = resolve_probe(load([f"probe.heads=[{path}]", "probe.table_head=random_features"]).probe).heads
    assert (head.target, head.name) == (path, "random_features")
    assert head.identity == ["random_features", 1, head.code]
    assert head.code is not None
    assert len(head.code) == 64


def test_options_that_are_the_defaults_are_none() -> None:
    config = ProbeConfig(heads=["knn"], table_head="knn", options={"knn": {"k": [1, 2, 5, 10, 20, 50, 100, 200]}})
    assert resolve_probe(config).options == {}
    config = ProbeConfig(heads=["knn"], table_head="knn", options={"knn": {"k": [5]}})
    assert resolve_probe(config).options == {"knn": {"k": (5,)}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["probe.heads=[linear,kn]"], r"unknown probe.heads\[1\]=kn; did you mean 'knn'\?"),
        (["probe.heads=[identity]"], r"unknown probe.heads\[0\]=identity"),
        (["probe.heads=[exact,nowhere.py]"], r"probe.heads\[1\]: no such file: .*nowhere.py"),
        (["probe.metrics=[brir]"], r"unknown probe.metrics\[0\]=brir"),
        (["probe.metrics=[examples/random_features_head.py]"], "must register exactly one metric"),
        (["probe.options.knn.k=[5]"], "probe.options.knn: no such head in probe.heads; available: exact, linear"),
        (["probe.options.exact=3"], "probe.options.exact holds keys of its own"),
        (["probe.labels=[0.1,0.01]"], r"probe.labels must ascend without repetition; write probe.labels=\[0.01,0.1\]"),
        (["probe.labels=[0.1,0.1]"], r"write probe.labels=\[0.1\]"),
        (["probe.labels=[1.0]"], r"probe.labels=\[1.0\] is what is always scored; add a fraction below 1"),
        (["probe.labels=[0,0.5]"], "probe.labels"),
        (["probe.labels=[0.5,1.5]"], "probe.labels"),
        (["probe.labels=[0.5]", "probe.draws=0"], "probe.draws=0"),
        (["probe.draws=3"], "probe.draws=3 draws nothing without probe.labels"),
    ],
)
def test_mistakes_are_one_line(settings: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load(settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["probe.options.linear.step=5"], "probe: head linear has no option 'step'; did you mean 'steps'"),
        (["probe.options.linear.steps=many"], "probe: head linear: option 'steps' must be int, not 'many'"),
    ],
)
def test_options_are_checked_before_any_work(settings: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_probe(load(settings).probe)

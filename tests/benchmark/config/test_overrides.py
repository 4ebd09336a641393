"""Settings as typed: Hydra's grammar, and what may be left unquoted beyond it."""

import pytest

from benchmark.config.data import VideoData
from benchmark.config.load import load
from benchmark.config.overrides import parse_value
from tests.benchmark.config.messages import refusal


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("methods=fabnet,rotation", ["fabnet", "rotation"]),
        ("methods=[fabnet, rotation]", ["fabnet", "rotation"]),
        ("methods=fabnet", ["fabnet"]),
        ("methods=fabnet,", ["fabnet"]),
        ("methods=./my method.py,fabnet", ["./my method.py", "fabnet"]),
        ("methods=./a=b (c).py,fabnet", ["./a=b (c).py", "fabnet"]),
    ],
)
def test_lists_of_methods(override: str, expected: list[str]) -> None:
    config = load([override])
    assert config.methods == expected
    assert [config.variants[name].method for name in expected] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", [0, 1, 2]), ("1", [0]), ("[0,1,5]", [0, 1, 5]), ("4,2", [4, 2]), ("[7]", [7])],
)
def test_seeds_are_a_number_or_a_list(text: str, expected: list[int]) -> None:
    assert load([f"seeds={text}"]).seeds == expected


def test_too_many_seeds_are_refused() -> None:
    assert refusal("seeds=1000000000") == "seeds: 1000000000 are too many; at most 10000"


@pytest.mark.parametrize("text", ["0", "-1", "[]", "", "[1,1]", "[-1]", "many", "1.5", "[a]", "true", "{a: 1}"])
def test_wrong_seeds_are_refused(text: str) -> None:
    assert refusal(f"seeds={text}").startswith("seeds: ")


@pytest.mark.parametrize(
    "path",
    [
        "/data/with space",
        "/data/a=b",
        "/data/a,b",
        "/data/a: b",
        "/data/a #b",
        "12",
        "/data/{x}",
        "é",
        "a'b",
        "2024_01",
    ],
)
def test_paths_are_taken_as_written(path: str) -> None:
    assert load([f"out={path}"]).out == path
    config = load(["data=videos", f"data.root={path}"])
    assert isinstance(config.data, VideoData)
    assert config.data.root == path


def test_the_home_folder_may_be_written_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    config = load(["out=~/x", "data=videos", "data.root=~/raw", "sets.w300.root=~"])
    assert (config.out, config.data.root) == ("/home/me/x", "/home/me/raw")
    assert config.sets["w300"] == load(["data=videos", "sets.w300.root=/home/me"]).sets["w300"]


@pytest.mark.parametrize(("text", "rate"), [("1e-3", 1e-3), ("0.5", 0.5), ("2", 2.0), ("3E2", 300.0)])
def test_numbers_in_every_notation(text: str, rate: float) -> None:
    assert load([f"train.lr={text}"]).train.lr == rate


def test_an_empty_value_is_null() -> None:
    assert load(["train.clip="]).train.clip is None


def test_null_and_nested_values() -> None:
    assert load(["train.clip=null"]).train.clip is None
    options = load(["variants.fabnet.options={sources: 3, deep: {a: [1]}}"]).variants["fabnet"].options
    assert options == {"sources": 3, "deep": {"a": [1]}}


def test_quotes_keep_a_text_together() -> None:
    assert load(["note='a, b: {c} [d]'"]).note == "a, b: {c} [d]"
    resources = load(["launcher.job.slurm_srun_args=['--exclude=n3']"]).launcher.resources["probe"]
    assert resources.slurm_srun_args == ["--exclude=n3"]


def test_prefixes_add_and_remove_keys() -> None:
    assert load(["+train.lr=0.5"]).train.lr == 0.5
    assert load(["++train.steps=3"]).train.steps == 3
    assert load(["~train.steps"]).train.steps == 1200
    assert "An item is already at 'train.steps'" in refusal("+train.steps=3")
    assert refusal("~train.lr") == (
        "~train.lr: no preset sets train.lr, so there is nothing to remove; it has its default"
    )


def test_the_last_setting_of_a_key_counts() -> None:
    config = load(["train.steps=7", "preset=default", "train.steps=8", "preset=quick"])
    assert (config.name, config.train.steps) == ("quick", 8)


@pytest.mark.parametrize("setting", ["train.steps=range(1,3)", "train.lr=choice(0.1,0.2)", "data.fps=interval(1,2)"])
def test_sweeps_are_refused(setting: str) -> None:
    assert refusal(setting) == (
        f"{setting}: there are no sweeps; give several seeds= and methods=, or compare settings as variants"
    )


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("steps", "expected key=value, got 'steps'"),
        ("=3", "expected key=value, got '=3'"),
        ("note=[1", "note: '[1' cannot be read; close brackets and quotes"),
        ("note='a", 'note: "\'a" cannot be read'),
        ("launcher.job.slurm_srun_args=[--exclude=n3]", "into quotes, as in ['--exclude=n3']"),
        ("variants.a/b.method=fabnet", "variants.a/b.method is not a key: letters, digits, - and _ between full stops"),
        ("variants.3d.method=fabnet", "give other names as variants={NAME: {...}}"),
        ("methods.0=fabnet", "methods.0: methods is a list; give all of it, such as methods=[a,b]"),
        ("task=synthetic", "task holds keys of its own; tasks= chooses among them"),
        ("hydra.verbose=true", "unknown key hydra.verbose"),
        ("hydra/launcher=x", "hydra/launcher is not a key"),
        ("preset@x=quick", "preset@x is not a key"),
        ("train=[1]", "train=[1]: a list cannot replace keys, nor keys a list"),
        ("methods={a:b}", "methods={a:b}: a list cannot replace keys, nor keys a list"),
        ("train.lr=1e-3,1e-4", "train.lr=1e-3,1e-4 must be one number: there are no sweeps"),
    ],
)
def test_settings_that_cannot_be_read_are_refused(setting: str, expected: str) -> None:
    assert expected in refusal(setting)


@pytest.mark.parametrize(("text", "value"), [("bgr", "bgr"), ("3", 3), ("[1,2]", [1, 2]), ("a=b", "a=b"), ("", None)])
def test_the_value_of_one_setting(text: str, value: object) -> None:
    assert parse_value("key", text) == value

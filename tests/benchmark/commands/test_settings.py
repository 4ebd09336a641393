"""Settings that a command does not use are refused; those of a launch may be repeated where it is about the launch."""

from itertools import pairwise
from pathlib import Path

import pytest

from benchmark.commands import find_commands
from benchmark.commands._settings import refuse_unused, set_keys, typed_keys
from benchmark.config.load import load
from tests.benchmark.tiny import call, refused, settings
from tests.pages import PAGES
from tests.pages import commands as commands_of_page

# For each command words, a setting that it does not use, and the start of the message.
UNUSED = [
    (
        ["prepare"],
        "methods=fabnet",
        "methods has no effect on `fabbench prepare`; it is a setting of `cancel`, `report`, `run`,",
    ),
    (
        ["prepare"],
        "launcher.pretrain.gpus_per_node=1",
        "launcher.pretrain.gpus_per_node has no effect on `fabbench prepare`",
    ),
    (["prepare"], "train.steps=9", "train.steps has no effect on `fabbench prepare`; it is a setting of `run`"),
    (["verify"], "sets.w300.root=/data", "sets.w300.root has no effect on `fabbench verify`"),
    (["verify", "w300"], "data.store=/data", "data.store has no effect on `fabbench verify w300`"),
    (["verify"], "launcher=slurm", "launcher has no effect on `fabbench verify`"),
    (["data"], "out=/tmp", "out has no effect on `fabbench data`"),
    (["data", "show", "tracks"], "sets.w300.root=/data", "sets.w300.root has no effect on `fabbench data show tracks`"),
    (["methods"], "methods=fabnet", "methods has no effect on `fabbench methods`"),
    (["methods"], "data.store=/data", "data.store has no effect on `fabbench methods`"),
    (["tasks"], "tasks=synthetic-pose", "tasks has no effect on `fabbench tasks`"),
    (["import", "a.pt"], "variants.fabnet.options.sources=3", "variants.fabnet.options.sources has no effect on `fabb"),
]


@pytest.mark.parametrize(("words", "setting", "message"), UNUSED, ids=str)
def test_a_setting_without_effect_is_refused(words: list[str], setting: str, message: str) -> None:
    assert refused(2, *words, setting).startswith(f"fabbench: {message}")


def test_a_source_of_one_s_own_takes_its_settings_where_a_set_has_its_size() -> None:
    source = Path(__file__).parents[3] / "examples" / "arrays_source.py"
    assert set_keys(["synthetic"], load([f"data={source}"])) == ("sets", "data")
    assert set_keys(["synthetic"], load()) == ("sets", "data.size")


@pytest.mark.parametrize("words", [["status"], ["logs", "fabnet/seed0"], ["cancel"], ["tables"]], ids=" ".join)
def test_a_setting_that_differs_from_the_launch_is_refused(words: list[str], done: Path) -> None:
    line = refused(2, *words, *settings(done, "train.steps=5"))
    assert line == (
        f"fabbench: train.steps=5, but benchmark 'quick' in {done / 'runs'} was launched with train.steps=4; leave it "
        "out, or name another benchmark by name= and out="
    )
    variant = "variants.own={method: rotation, options: {hidden: 3}}"
    line = refused(2, *words, *settings(done, variant))
    assert "variants.own.method=rotation, but" in line
    assert "was launched without it" in line


def test_pictures_refuses_a_setting_that_differs_from_the_launch(done: Path) -> None:
    assert "train.lr=0.5, but" in refused(2, "pictures", "fabnet/seed0", *settings(done, "train.lr=0.5"))


@pytest.mark.parametrize("words", [["status"], ["tables"]], ids=" ".join)
def test_settings_of_the_launch_may_be_repeated(words: list[str], done: Path) -> None:
    assert call(*words, *settings(done)).code == 0
    here = call(*words, *settings(done, "launcher=slurm", "train.threads=2"))
    assert here.code == 0
    notes = ["launcher.kind=slurm", "train.threads=2"]
    assert here.err.splitlines() == [f"note: {note} has no effect on `fabbench {words[0]}`" for note in notes]


def test_every_command_refuses_or_uses_every_group() -> None:
    """The groups of settings that a command names exist."""
    from dataclasses import fields

    from benchmark.config.schema import Config

    groups = {field.name for field in fields(Config)}
    for command in find_commands().values():
        assert {key.partition(".")[0] for key in command.SETTINGS or ()} <= groups, command.NAME


def test_typed_keys_are_those_of_nested_values() -> None:
    typed = typed_keys(["seeds=3", "variants.own={method: rotation, train: {lr: 1}}", "~data.fps", "+train.lr=1"])
    assert typed == ["seeds", "variants.own.method", "variants.own.train.lr", "data.fps", "train.lr"]


def documented() -> list[list[str]]:
    """Commands in help texts and documentation that are not about a launched benchmark."""
    examples = [
        line.strip().split("  ")[0].split()[1:]
        for command in find_commands().values()
        for line in command.EXAMPLES.strip().splitlines()
    ]
    return [
        words
        for words in [*examples, *(words for page in PAGES for words in commands_of_page(page))]
        if words[0] in find_commands() and not find_commands()[words[0]].FOR_LAUNCHED
    ]


@pytest.mark.parametrize("words", documented(), ids=" ".join)
def test_documented_settings_have_an_effect(words: list[str]) -> None:
    typed = [word for before, word in pairwise(words) if "=" in word and before != "--option"]
    command = find_commands()[words[0]]
    if command.SETTINGS is not None:
        refuse_unused(command.NAME, command.SETTINGS, typed)

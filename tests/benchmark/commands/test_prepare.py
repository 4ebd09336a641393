"""`fabbench prepare`: a store, its shares, and what the options refuse."""

from pathlib import Path

import pytest

from tests.benchmark.own_parts import EXAMPLES, write_data
from tests.benchmark.tiny import call, refused, settings


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--part", "3", "--part is '3'; such as 3/16, from 0/16 to 15/16"),
        ("--part", "2/2", "--part is '2/2'; such as 3/16"),
        ("--parts", "0", "--parts is 0; how many jobs share the work, from 1 to 100000"),
        ("--parts", "many", "argument --parts: invalid int value: 'many'"),
    ],
)
def test_a_wrong_number_of_shares_is_refused(tmp_path: Path, option: str, value: str, message: str) -> None:
    words = settings(tmp_path, "launcher=slurm", only=("data", "cache"))
    assert message in refused(2, "prepare", *words, option, value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--parts", "4"], "--parts has no effect without launcher=slurm; --part I/N packs one share here"),
        (["--parts", "0"], "--parts is 0; how many jobs share the work"),
        (["launcher=slurm", "--part", "0/2"], "--part packs one share here; leave out launcher=slurm, or give --parts"),
        (["--part", ""], "--part is ''; such as 3/16"),
    ],
)
def test_options_without_effect_are_refused(tmp_path: Path, words: list[str], message: str, dry_run: list[str]) -> None:
    assert message in refused(2, "prepare", *settings(tmp_path, only=("data", "cache")), *words, *dry_run)
    assert list(tmp_path.iterdir()) == []


def test_shares_and_the_index_make_the_store_of_one_process(tmp_path: Path) -> None:
    words = {name: settings(tmp_path / name, "data.identities=16", only=("data", "cache")) for name in ("one", "many")}
    whole = call("prepare", *words["one"])
    assert whole.code == 0, whole.err
    assert f"store: {tmp_path / 'one' / 'cache' / 'tracks'}" in whole.out
    assert ": to be prepared" in call("prepare", *words["many"], "--dry-run").out
    for part in ("1/2", "0/2"):
        shared = call("prepare", *words["many"], "--part", part)
        assert f"part {part[0]} of 2 of " in shared.out
    assert call("prepare", *words["many"]).code == 0
    assert ": ready" in call("prepare", *words["many"], "--dry-run").out
    manifests = [next(tmp_path.glob(f"{name}/cache/tracks/*/manifest.json")).read_text() for name in words]
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize("share", [[], ["--part", "0/2"]])
@pytest.mark.usefixtures("forget_files")
def test_a_source_whose_frames_differ_when_read_again_is_refused(tmp_path: Path, share: list[str]) -> None:
    write_data(tmp_path, people=2)
    source = tmp_path / "noisy_source.py"
    noisy = "].copy()\n        frames += np.frombuffer(os.urandom(frames.size), np.uint8).reshape(frames.shape)\n"
    example = (EXAMPLES / "arrays_source.py").read_text()
    source.write_text("import os\n" + example.replace(":: self.step]\n", f":: self.step{noisy}"))
    words = (f"data={source}", f"data.root={tmp_path / 'arrays'}", "data.size=16", f"cache={tmp_path / 'cache'}")
    message = "track id0/a: read twice, its frames differ; seed what is random by the track"
    assert message in refused(1, "prepare", *words, *share)
    assert not (tmp_path / "cache").exists()

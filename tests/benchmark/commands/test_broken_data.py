"""Raw data, track stores and labelled sets that are missing, broken or of other settings, in every command."""

import shutil
from itertools import product
from pathlib import Path

import pytest

from tests.benchmark.tiny import call, refused, settings

# The groups of settings that each command uses.
GROUPS = {
    "run": (),
    "prepare": ("data", "cache"),
    "verify": ("data", "cache"),
    "data show tracks": ("data", "cache", "out"),
    "data show synthetic": ("sets", "cache", "out"),
}


def words_of(command: str, place: Path, *more: str, cache: Path | None = None) -> list[str]:
    """A command with those settings of the tiny benchmark that it uses."""
    only = GROUPS[command.removesuffix(" --dry-run")]
    size = ["data.size=32"] if "sets" in only else []
    return [*command.split(), *settings(place, *size, *more, cache=cache, only=only)]


@pytest.mark.parametrize("kind", ["videos", "frames"])
@pytest.mark.parametrize(
    ("what", "command"),
    [
        *product(["absent", "a file", "empty"], ["run", "prepare", "prepare --dry-run", "run --dry-run"]),
        *product(["nothing usable"], ["run", "prepare"]),  # found when it is read
    ],
)
def test_unusable_raw_data_are_named_and_nothing_is_half_written(
    tmp_path: Path, kind: str, what: str, command: str
) -> None:
    root, store = tmp_path / "raw", tmp_path / "store"
    if what == "a file":
        root.write_text("x")
    elif what != "absent":
        folder = root / "id1" / "v1"
        folder.mkdir(parents=True)
        if what == "nothing usable":
            (folder / ("1.mp4" if kind == "videos" else "1.jpg")).write_bytes(b"not a picture")
    words = [word for word in words_of(command, tmp_path) if not word.startswith("data.")]
    finished = call(*words, f"data={kind}", f"data.root={root}", f"data.store={store}", "data.size=32")
    assert finished.code == 1
    line = finished.err.splitlines()[-1]
    assert str(root) in line or "no usable track" in line
    assert "Traceback" not in finished.err
    assert not (store / "manifest.json").exists()
    assert not (tmp_path / "runs").exists()


def test_a_store_of_another_size_is_refused(store: Path, tmp_path: Path) -> None:
    words = ["preset=quick", "data=videos", f"data.store={store}", "data.size=64", f"out={tmp_path / 'runs'}"]
    for more in ([], ["--dry-run"]):
        line = refused(2, "run", *words, f"cache={tmp_path / 'cache'}", *more)
        assert line == f"fabbench: the track store {store} holds 32 px frames; set data.size=32, not 64"
    line = refused(1, *words_of("prepare", tmp_path, f"data.store={store}", "data.size=64"))
    assert "made with other settings (size 32, now 64" in line
    assert not (tmp_path / "runs").exists()


def test_a_store_without_its_raw_data_is_used(store: Path, done: Path, tmp_path: Path) -> None:
    own = [word for word in settings(tmp_path, cache=done / "cache") if not word.startswith("data.")]
    data = ["data=videos", "data.size=32", f"data.store={store}"]
    assert call("run", *own, *data).code == 0
    assert call("verify", *data).code == 0


def test_a_truncated_shard_stops_the_run_and_is_named_by_verify(store: Path, done: Path, tmp_path: Path) -> None:
    shard = store / "shards" / "shard-00000.arrow"
    shard.write_bytes(shard.read_bytes()[:-100])
    finished = call(*words_of("run", tmp_path, f"data.store={store}", cache=done / "cache"))
    assert finished.code == 1
    assert finished.err.splitlines()[-1].startswith(f"fabbench: {shard}: ")
    assert not list(tmp_path.glob("runs/*/*")), "it stops before anything is trained"
    checked = call(*words_of("verify", tmp_path, f"data.store={store}"))
    assert checked.code == 1
    assert str(shard.name) in checked.out


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": "fab'])
@pytest.mark.parametrize("command", ["run", "run --dry-run", "prepare", "verify", "data show tracks"])
def test_a_broken_manifest_is_named(store: Path, tmp_path: Path, content: bytes, command: str, done: Path) -> None:
    (store / "manifest.json").write_bytes(content)
    finished = call(*words_of(command, tmp_path, f"data.store={store}", cache=done / "cache"))
    assert finished.code == 1
    assert str(store / "manifest.json") in finished.out + finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize("harm", ["cut", "altered", "emptied"])
@pytest.mark.parametrize("command", ["run", "run --dry-run", "data show synthetic"])
def test_a_broken_labelled_set_is_named_with_the_remedy(done: Path, tmp_path: Path, harm: str, command: str) -> None:
    shutil.copytree(done / "cache", tmp_path / "cache")
    path = next((tmp_path / "cache" / "faces").iterdir())
    content = path.read_bytes()
    middle = len(content) // 2
    altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    path.write_bytes({"cut": content[:middle], "altered": altered, "emptied": b""}[harm])
    line = refused(1, *words_of(command, tmp_path))
    assert str(path) in line
    assert "remove it to make it anew" in line

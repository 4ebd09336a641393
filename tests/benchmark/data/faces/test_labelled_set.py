"""A labelled set is the same after saving and loading; damaged files are refused by name."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.errors import DataError


def make(**changes: Any) -> LabelledSet:
    """Six faces with every kind of target."""
    rng = np.random.default_rng(0)
    n = 6
    points = rng.random((n, 5, 2)).astype(np.float32)
    points[1] = np.nan
    some = np.array([True, False, True, True, True, True])
    targets = {
        "landmarks": Target("landmarks", points, some, (), (0, 1)),
        "pose": Target("pose", rng.normal(size=(n, 3)).astype(np.float32), ~some, ("roll", "pitch", "yaw")),
        "classes": Target("classes", np.arange(n) % 2, some, ("joy", "fear")),
        "aus": Target("aus", np.eye(n, 2, dtype=np.float32), np.ones((n, 2), np.bool_), ("AU1", "AU12")),
    }
    values: dict[str, Any] = {
        "name": "small",
        "frames": rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8),
        "image_ids": np.array([f"ü{i}.jpg" for i in range(n)]),
        "split": np.array(["train", "train", "train", "val", "test", "test"]),
        "corner": rng.normal(size=(n, 2)).astype(np.float32),
        "side": np.full(n, 8, np.float32),
        "targets": targets,
        "identity": np.array(list("aabbcd")),
        "group": np.array(["grey", "colour"] * 3),
        "protocol": {"skipped": {"image absent": 2}, "factors": (1, 2)},
    }
    return LabelledSet(**(values | changes))


def test_save_and_load_keep_everything(tmp_path: Path) -> None:
    faces = make()
    faces.save(tmp_path / "set.arrow")
    loaded = LabelledSet.load(tmp_path / "set.arrow")
    assert (loaded.name, loaded.hash, loaded.protocol) == (faces.name, faces.hash, faces.protocol)
    for name in ("frames", "image_ids", "split", "corner", "side", "identity", "group"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(faces, name))
    assert loaded.frames.dtype == np.uint8
    for key, target in faces.targets.items():
        back = loaded.targets[key]
        assert (back.kind, back.names, back.eyes) == (target.kind, target.names, target.eyes)
        np.testing.assert_array_equal(back.values, target.values)
        np.testing.assert_array_equal(back.known, target.known)
        assert back.values.dtype == target.values.dtype
        assert back.known.dtype == np.dtype(np.bool_)


def test_optional_fields_may_be_absent(tmp_path: Path) -> None:
    make(identity=None, group=None, targets={}).save(tmp_path / "set.arrow")
    loaded = LabelledSet.load(tmp_path / "set.arrow")
    assert loaded.identity is None
    assert loaded.group is None
    assert loaded.targets == {}


def test_hash_depends_on_every_field() -> None:
    faces = make()
    assert make().hash == faces.hash
    frames = faces.frames.copy()
    frames[0, 0, 0, 0] ^= 1
    target = faces.targets["classes"]
    changed = [
        make(frames=frames),
        make(image_ids=faces.image_ids[::-1].copy()),
        make(split=faces.split[::-1].copy()),
        make(corner=faces.corner + 1),
        make(identity=None),
        make(protocol={}),
        make(name="other"),
        make(targets=faces.targets | {"classes": replace(target, values=1 - target.values)}),
        make(targets=faces.targets | {"classes": replace(target, names=("fear", "joy"))}),
    ]
    assert len({faces.hash, *(each.hash for each in changed)}) == 1 + len(changed)


def test_hash_of_a_replaced_field() -> None:
    assert replace(make(), name="other").hash == make(name="other").hash


def test_indices_are_rows_of_a_split() -> None:
    assert make().indices("test").tolist() == [4, 5]


def test_any_altered_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    """Only padding may change unnoticed, since nothing reads it."""
    path = tmp_path / "set.arrow"
    faces = make()
    faces.save(path)
    content = path.read_bytes()
    refused = []
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            assert LabelledSet.load(path).hash == faces.hash
        except DataError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all(str(path) in message for message in refused)


def test_an_altered_pixel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.arrow"
    faces = make()
    faces.save(path)
    content = bytearray(path.read_bytes())
    content[content.index(faces.frames.tobytes()) + 100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"set\.arrow.*altered"):
        LabelledSet.load(path)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "set.arrow"
    make().save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=r"set\.arrow"):
        LabelledSet.load(path)


def aged(path: Path, age: float = 60) -> Path:
    """The file, with a modification time ``age`` seconds ago."""
    os.utime(path, (path.stat().st_atime, time.time() - age))
    return path


def test_content_is_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make().save(tmp_path / "set.arrow")
    path = aged(tmp_path / "set.arrow")
    expected = LabelledSet.load(path).hash
    monkeypatch.setattr("benchmark.data.faces.labelled_set.hashlib.sha256", None)
    assert LabelledSet.load(path).hash == expected
    with pytest.raises(TypeError):  # it would have been called
        LabelledSet.load(path, thorough=True)


def test_nothing_is_written_without_write_note(tmp_path: Path) -> None:
    make().save(tmp_path / "set.arrow")
    LabelledSet.load(aged(tmp_path / "set.arrow"), write_note=False)
    assert [path.name for path in tmp_path.iterdir()] == ["set.arrow"]


def test_content_is_compared_again_after_a_change(tmp_path: Path) -> None:
    faces, path = make(), tmp_path / "set.arrow"
    faces.save(path)
    LabelledSet.load(aged(path))
    content = path.read_bytes()
    place = content.index(faces.frames.tobytes())
    altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    path.write_bytes(altered)
    with pytest.raises(DataError, match="altered"):
        LabelledSet.load(path)
    with pytest.raises(DataError, match="altered"):
        LabelledSet.load(aged(path, 59))
    path.write_bytes(content[:-8])
    with pytest.raises(DataError, match="cut short"):
        LabelledSet.load(aged(path))
    other = make(corner=faces.corner + 1)
    other.save(path)
    assert LabelledSet.load(aged(path)).hash == other.hash


def test_thorough_finds_a_change_that_keeps_size_and_time(tmp_path: Path) -> None:
    faces, path = make(), tmp_path / "set.arrow"
    faces.save(path)
    stat = aged(path).stat()
    LabelledSet.load(path)
    content = path.read_bytes()
    place = content.index(faces.frames.tobytes())
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    LabelledSet.load(path)
    with pytest.raises(DataError, match="altered"):
        LabelledSet.load(path, thorough=True)


def test_a_file_just_written_is_compared_each_time(tmp_path: Path) -> None:
    """It could change again within the resolution of file times."""
    path = tmp_path / "set.arrow"
    make().save(path)
    LabelledSet.load(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("note", ["", "{", "[]", '{"hash": "0"}'])
def test_a_broken_note_is_ignored(tmp_path: Path, note: str) -> None:
    path = tmp_path / "set.arrow"
    make().save(path)
    (tmp_path / "set.checked.json").write_text(note)
    assert LabelledSet.load(aged(path)).hash == make().hash


def test_absent_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such labelled set"):
        LabelledSet.load(tmp_path / "none.arrow")
    (tmp_path / "text.arrow").write_text("image,x\n")
    with pytest.raises(DataError, match=r"text\.arrow"):
        LabelledSet.load(tmp_path / "text.arrow")


def test_a_failed_save_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError("disc full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disc full"):
        make().save(tmp_path / "set.arrow")
    assert list(tmp_path.iterdir()) == []


def bad_target(key: str, **changes: Any) -> dict[str, Target]:
    targets = make().targets
    return targets | {key: replace(targets[key], **changes)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": np.zeros((6, 8, 9, 3), np.uint8)}, "frames"),
        ({"side": np.ones(5, np.float32)}, "6 frames, but"),
        ({"corner": np.zeros((6, 3), np.float32)}, "corner"),
        ({"split": np.array(["train"] * 5 + ["tset"])}, "tset"),
        ({"targets": bad_target("pose", values=np.full((6, 3), np.nan, np.float32))}, "not finite"),
        ({"targets": bad_target("classes", values=np.full(6, 2))}, "no name"),
        ({"targets": bad_target("aus", values=np.full((6, 2), 0.5, np.float32))}, "neither 0 nor 1"),
        ({"targets": bad_target("aus", known=np.ones(6, np.bool_))}, "shapes"),
        ({"targets": bad_target("landmarks", eyes=None)}, "eye"),
        ({"targets": bad_target("landmarks", values=np.zeros((6, 5, 2)))}, "float64"),
    ],
)
def test_contradictory_fields_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)

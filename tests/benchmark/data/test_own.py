"""Sets and sources of a user's own: the examples from their files to what probes and training read, and mistakes."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.config.load import load
from benchmark.config.own import FaceSet, TrackReader
from benchmark.data import catalogue
from benchmark.data.faces.build import RawFaces
from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.own import check_source, fingerprint, read_own
from benchmark.data.sets.squares import middle_square
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore
from benchmark.data.verify_set import verify_set
from benchmark.errors import DataError, UsageError

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_example_of_a_source(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for person in range(12):
        (tmp_path / f"raw/id{person}").mkdir(parents=True)
        np.save(tmp_path / f"raw/id{person}/a.npy", rng.integers(0, 255, (4, 20, 30, 3), np.uint8))
    settings = [f"data={EXAMPLES / 'arrays_source.py'}", f"data.root={tmp_path / 'raw'}", "data.size=16", "data.step=2"]
    data = load(settings).data
    source = catalogue.source(data)
    check_source(source)
    store = catalogue.store_folder(data, str(tmp_path))
    TrackPacker(source, store, split_seed=0).pack(workers=2)  # another process reads the file
    packed = TrackStore(store)
    assert len(packed) == 12
    assert packed.frame(0, 1).shape == (16, 16, 3)
    assert packed.manifest["source"]["reader"] == "arrays"
    assert len(packed.manifest["source"]["code"]) == 64


def test_the_example_of_a_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("calm", "happy"):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(20):
            image = Image.fromarray(rng.integers(0, 255, (24, 20, 3), np.uint8))
            image.save(tmp_path / f"faces/{name}/{number}.png")
    mine = f"{{kind: {EXAMPLES / 'folders_set.py'}, root: {tmp_path / 'faces'}, suffix: .png, size: 16}}"
    config = load([f"sets.mine={mine}"]).sets["mine"]
    path = catalogue.make_set("mine", config, str(tmp_path), 1, lambda *_: None)
    faces = LabelledSet.load(path)
    assert faces.frames.shape == (40, 16, 16, 3)
    assert faces.targets["class"].names == ("calm", "happy")
    assert faces.protocol["reader"] == "folders"
    assert verify_set("mine", config, str(tmp_path), 1, lambda *_: None).problems == []
    (tmp_path / "faces/happy/new.png").write_bytes((tmp_path / "faces/happy/0.png").read_bytes())
    assert catalogue.set_file("mine", config, str(tmp_path)) != path
    with pytest.raises(UsageError, match=r"sets\.mine: root=DIR is missing"):
        catalogue.set_file("mine", replace(config, root=None), str(tmp_path))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Faces(FaceSet):
    """A set that is what a test makes of it."""

    name = "faces"
    version = 1
    result: Any = None

    def find(self) -> Any:
        return self.result

    def read(self) -> Any:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def raw(**change: Any) -> RawFaces:
    """Three faces."""
    target = Target("classes", np.array([0, 1, 0]), np.ones(3, np.bool_), ("calm", "happy"))
    faces = RawFaces(["a", "b", "c"], lambda row: b"", middle_square, {"class": target})
    return replace(faces, **change)


def classes(**change: Any) -> RawFaces:
    """The same, with a change of their target."""
    return raw(targets={"class": replace(raw().targets["class"], **change)})


def points(values: Any, eyes: tuple[int, int] = (0, 1)) -> RawFaces:
    """The same with landmarks, in pixels."""
    return raw(targets={"points": Target("landmarks", values, np.ones(3, np.bool_), tuple("abcde"), eyes)})


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "TypeError: `read` returns NoneType, not RawFaces"),
        (KeyError("label"), "KeyError: 'label'"),
        (raw(ids=["a", "a", "b"]), "RawFaces.ids has a name twice"),
        (raw(targets={}), "RawFaces.targets is empty"),
        (raw(targets={"class": np.zeros(3)}), "target class is ndarray, not Target"),
        (raw(ids=["a", "b"]), r"target class: values are \(3,\) for 2 faces; give each"),
        (classes(values=np.array([0, 1])), r"target class: values are \(2,\) for 3 faces; give each face its own"),
        (classes(known=np.ones(2, np.bool_)), r"target class: known is \(2,\) for 3 faces; make it \(3,\)"),
        (raw(split=np.array(["train"])), r"RawFaces.split has shape \(1,\), not \(3,\)"),
        (raw(split=np.array(["train", "test", "dev"])), "RawFaces.split has 'dev'; a face is in train, val, test"),
        (raw(identity=np.array([1, 2, 3])), "RawFaces.identity is int64; make it an array of str"),
        (raw(ids=["a", "b", 3]), "RawFaces.ids has 3, which is no str"),
        (classes(values=np.array([0, 1, 2])), "target class: a known class has no name"),
        (classes(values=np.array([0, 1, -1])), "target class: a known class has no name"),
        (classes(values=np.array([0.0, 1, 0])), "target class: values are float64 and known bool, not int64"),
        (classes(values=[0, 1, 0]), "target class: values is list, not a numpy array"),
        (classes(kind="gaze"), "target class: unknown kind 'gaze'; known: landmarks, pose, classes"),
        (points(np.full((3, 5, 2), np.nan)), "target points: a known value is not finite"),
        (points(np.ones((3, 5, 2)), eyes=(0, 5)), "landmarks need the indices of two eye points, .* below 5"),
        (points(np.ones((3, 5, 2)), eyes=(1, 1)), "landmarks need the indices of two eye points, which differ"),
        (points(np.ones((3, 5, 2)), eyes=(-1, 1)), "landmarks need the indices of two eye points"),
        (raw(), "none of 3 faces can be used"),
    ],
)
def test_a_set_that_cannot_be_used_is_one_line(tmp_path: Path, result: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_own("mine", Faces(result=result), lambda *_: None, tmp_path)
    assert str(caught.value).startswith("sets.mine")
    assert "\n" not in str(caught.value)


def test_a_set_without_a_fingerprint_is_one_line() -> None:
    with pytest.raises(DataError, match="AttributeError: 'NoneType' object has no attribute 'fingerprint'"):
        fingerprint("mine", Faces())


@dataclass(frozen=True)
class Tracks(TrackReader):
    """A source that is what a test makes of it."""

    name = "tracks"
    version = 1
    listed: Any = None
    frames: Any = ()

    def describe(self) -> dict[str, Any]:
        return {}

    def tracks(self) -> Any:
        return self.listed

    def read(self, track: RawTrack) -> Any:
        return self.frames


class Shuffled(Tracks):
    """One that lists its tracks in another order every time."""

    def tracks(self) -> Any:
        return [RawTrack("id0", str(time.monotonic_ns()), "")]


@dataclass(frozen=True)
class Undescribed(Tracks):
    """One that describes itself by what is no JSON."""

    def describe(self) -> dict[str, Any]:
        return {"steps": {1, 2}}


def test_a_source_that_cannot_be_described_is_one_line() -> None:
    with pytest.raises(DataError, match=r"data \(Undescribed\): TypeError: Object of type set is not JSON") as caught:
        catalogue.store_folder(Undescribed(), "cache")
    assert "\n" not in str(caught.value)


ONE = [RawTrack("id0", "id0/a", "")]
BLACK, GREY = (Frame("0", np.full((64, 64, 3), grey, np.uint8)) for grey in (0, 99))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Tracks(listed=[]), "`tracks` lists no track"),
        (Tracks(listed=["id0"]), "TypeError: `tracks` lists str, not RawTrack"),
        (Tracks(listed=ONE, frames=None), "TypeError"),
        (Tracks(listed=ONE, frames=[np.zeros(3)]), "`read` yields ndarray, not Frame"),
        (Tracks(listed=ONE, frames=[Frame("0", np.zeros((8, 8, 3), np.uint8))]), r"a frame is uint8 \(8, 8, 3\)"),
        (
            Tracks(listed=ONE, frames=[Frame("0", np.zeros((64, 64, 3)))]),  # type: ignore[arg-type]
            r"a frame is float64 \(64, 64, 3\), not uint8",
        ),
        (Tracks(listed=ONE, frames=iter([BLACK, GREY])), "track id0/a: read twice, its frames differ"),
        (Shuffled(), "`tracks` lists other tracks, or in another order, the second time; sort them"),
        (Tracks(listed=ONE * 2), "`tracks` lists id0/a twice; give every track a name of its own"),
        (Tracks(listed=[RawTrack("", "a", "")]), "identity and track must not be empty"),
        (Tracks(listed=[RawTrack(7, "a", "")]), "a track whose identity is 7, which is no str"),  # type: ignore[arg-type]
    ],
)
def test_a_source_that_cannot_be_used_is_one_line(source: TrackReader, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        check_source(source)
    assert str(caught.value).startswith("data")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([BLACK, GREY, Frame("2", np.zeros((32, 64, 3), np.uint8))], r"track id0/a: a frame is uint8 \(32, 64"),
        ([BLACK, GREY, "no frame"], "`read` yields str, not Frame"),
        ([], r"no usable track in the source: 1 x fewer than 2 usable frames \(id0/a: 0 usable\)"),
    ],
)
def test_frames_that_only_packing_meets_are_one_line(tmp_path: Path, frames: Any, message: str) -> None:
    source = Tracks(listed=ONE, frames=frames)
    check_source(source)
    with pytest.raises(DataError, match=message) as caught:
        TrackPacker(source, tmp_path / "store", split_seed=0).pack()
    assert "\n" not in str(caught.value)

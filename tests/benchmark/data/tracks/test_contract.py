"""The contract of sources of tracks, on every kind there is: built in, and the example.

Each reads two copies of its files, since neither a path nor the process may be part of what is read.
"""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.config.data import DATA_KINDS
from benchmark.config.load import load, plain
from benchmark.config.own import SOURCES
from benchmark.config.schema import Config
from benchmark.config.validation import validate
from benchmark.data import catalogue
from benchmark.data.contract import check_frame, check_tracks
from benchmark.data.own import check_source
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, SkippedFrame, TrackSource
from benchmark.data.tracks.store import TrackStore
from benchmark.data.tracks.verify import verify
from tests.benchmark.data.tracks.test_frames import write_image
from tests.benchmark.data.tracks.test_videos import write_video

pytestmark = pytest.mark.usefixtures("forget_files")

EXAMPLES = Path(__file__).parents[4] / "examples"
PEOPLE = 4
SIZE = 16


def frames(root: Path) -> None:
    """A folder of images for each person; one image is broken."""
    for person in range(PEOPLE):
        for number in range(3):
            write_image(root / f"id{person}/a/{25 * number:07}.jpg", colour=(40 * person, 200, 80 * number))
    (root / "id0/a/0000075.jpg").write_bytes(b"no image")


def videos(root: Path) -> None:
    """A clip for each person."""
    for person in range(PEOPLE):
        write_video(root / f"id{person}/a.mp4", times_ms=range(0, 2000, 200), width=32, height=32)


def voxceleb(root: Path) -> None:
    """VoxCeleb1's images and VoxCeleb2's clips."""
    frames(root / "vox1/unzippedFaces")
    videos(root / "vox2/dev/mp4")
    for person in range(PEOPLE):
        (root / f"vox1/unzippedFaces/id{person}").rename(root / f"vox1/unzippedFaces/Person_{person}")


def arrays(root: Path) -> None:
    """An array of frames for each person."""
    for person in range(PEOPLE):
        (root / f"id{person}").mkdir()
        np.save(root / f"id{person}/a.npy", np.random.default_rng(person).integers(0, 255, (4, 20, 30, 3), np.uint8))


def both(root: Path) -> None:
    """A folder of images, and one of clips."""
    frames(root / "frames")
    videos(root / "videos")


CASES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "synthetic": (lambda root: None, ["data.identities=4", "data.tracks_per_identity=1", "data.frames_per_track=2"]),
    "frames": (frames, ["data.root=ROOT"]),
    "videos": (videos, ["data.root=ROOT", "data.fps=2"]),
    "concat": (both, ["data.parts=[{kind: frames, root: ROOT/frames}, {kind: videos, root: ROOT/videos, fps: 2}]"]),
    "voxceleb": (voxceleb, ["data.vox1=ROOT/vox1", "data.vox2=ROOT/vox2", "data.crop=whole", "data.fps=2"]),
    str(EXAMPLES / "arrays_source.py"): (arrays, ["data.root=ROOT"]),
}


def test_every_kind_is_tried() -> None:
    assert {*DATA_KINDS, *SOURCES.names(), *map(str, EXAMPLES.glob("*_source.py"))} == CASES.keys()


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: Path(kind).stem)
def test_a_source_keeps_the_contract(tmp_path: Path, kind: str) -> None:
    make, words = CASES[kind]
    (tmp_path / "a").mkdir()
    make(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    configs = [config_of(kind, words, tmp_path / place) for place in ("a", "b")]
    assert pickle.loads(pickle.dumps(configs[0].data)) == configs[0].data, "jobs receive it pickled"
    source, other = (catalogue.source(config.data) for config in configs)
    check_source(source)
    check_tracks(source)

    assert source.size == SIZE
    assert json.dumps(source.describe()) == json.dumps(other.describe()), "no path is part of it"
    listed = source.tracks()
    assert listed == source.tracks() == other.tracks()
    sent = pickle.loads(pickle.dumps(source))
    for track in listed:
        read = [*source.read(track)]
        for frame in read:
            check_frame(frame, SIZE, track.track)
        assert sum(isinstance(frame, Frame) for frame in read) >= 2
        assert same(read, [*sent.read(track)]), "a process reads what another does"

    finer = config_of(kind, [*words, "data.size=24"], tmp_path / "a")
    assert catalogue.store_folder(finer.data, "cache") != catalogue.store_folder(configs[0].data, "cache")
    hashes = {packed(each, tmp_path / f"store{number}", len(listed)) for number, each in enumerate((source, other))}
    assert len(hashes) == 1


def config_of(kind: str, words: list[str], root: Path) -> Config:
    """The settings of the data, checked; written and read again they are the same."""
    config = load([f"data={kind}", f"data.size={SIZE}", *(word.replace("ROOT", str(root)) for word in words)])
    assert validate(plain(config)).data == config.data
    return config


def same(first: list[Frame | SkippedFrame], second: list[Frame | SkippedFrame]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(one.image, two.image) and one.source_id == two.source_id
        if isinstance(one, Frame) and isinstance(two, Frame)
        else one == two
        for one, two in zip(first, second, strict=True)
    )


def packed(source: TrackSource, folder: Path, tracks: int) -> str:
    """The hash of the store of a source, which has all its tracks and is sound."""
    content: str = TrackPacker(source, folder, split_seed=0).pack()["hash"]
    assert len(TrackStore(folder)) == tracks
    assert verify(folder).ok
    return content

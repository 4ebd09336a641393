"""Small data for the tests: tracks and labelled faces of coloured discs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.data.faces.labelled_set import LabelledSet, Target
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.source import Frame, RawTrack
from benchmark.data.tracks.store import TrackStore

SIDE = 32


@dataclass(frozen=True)
class Discs:
    """Tracks of a disc at random positions on a plain background; an identity is a pair of colours."""

    size: int = SIDE
    identities: int = 12
    frames: int = 4

    def describe(self) -> dict[str, Any]:
        return {"reader": "discs", "size": self.size, "identities": self.identities, "frames": self.frames}

    def tracks(self) -> list[RawTrack]:
        return [RawTrack(f"id{i:02}", f"id{i:02}/a", str(i)) for i in range(self.identities)]

    def read(self, track: RawTrack) -> Iterator[Frame]:
        random = np.random.default_rng(int(track.location))
        colours = random.integers(0, 256, (2, 3))
        for number in range(self.frames):
            yield Frame(str(number), disc(self.size, random.uniform(0.3, 0.7, 2), colours))


def disc(size: int, centre: Any, colours: Any) -> Any:
    """Frame (size, size, 3), uint8, of a disc of radius 0.2 at ``centre``, in sides; colours of disc and background."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < 0.04
    return np.where(inside[..., None], colours[0], colours[1]).astype(np.uint8)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> TrackStore:
    """Track store of discs."""
    folder = tmp_path_factory.mktemp("store")
    TrackPacker(Discs(), folder, split_seed=0).pack()
    return TrackStore(folder)


@pytest.fixture(scope="session")
def faces() -> LabelledSet:
    """Discs labelled by their position: two points as landmarks, and the half of the frame they lie in."""
    random = np.random.default_rng(0)
    n = 120
    centres = random.uniform(0.3, 0.7, (n, 2)).astype(np.float32)
    frames = np.stack([disc(SIDE, centre, random.integers(0, 256, (2, 3))) for centre in centres])
    known = np.ones(n, bool)
    points = np.stack([centres, centres + np.array([0.2, 0], np.float32)], 1)
    pose = (np.concatenate([centres, centres[:, :1]], 1) * 40).astype(np.float32)
    sides = (centres > 0.5).astype(np.float32)
    return LabelledSet(
        name="discs",
        frames=frames,
        image_ids=np.array([f"{i}.png" for i in range(n)]),
        split=np.array(["train"] * 80 + ["val"] * 20 + ["test"] * 20),
        corner=np.zeros((n, 2), np.float32),
        side=np.full(n, SIDE, np.float32),
        targets={
            "landmarks": Target("landmarks", points, known, ("centre", "right of it"), (0, 1)),
            "pose": Target("pose", pose, known, ("roll", "pitch", "yaw")),
            "classes": Target("classes", sides[:, 0].astype(np.int64), known, ("left", "right")),
            "aus": Target("aus", sides, np.ones((n, 2), bool), ("AU1", "AU2")),
        },
    )


@pytest.fixture
def file(tmp_path: Path, faces: LabelledSet) -> Path:
    """Saved labelled set of discs."""
    path = tmp_path / "discs.arrow"
    faces.save(path)
    return path

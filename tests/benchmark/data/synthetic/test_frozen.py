"""The rendered pixels and labels of a version are frozen."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.data.synthetic import VERSION, SyntheticTracks, labelled_faces, realism, track_realism
from benchmark.data.synthetic.produce import face_frames, render_track

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())


def thumbnails(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Frames (n, S, S, 3) averaged to (n, 4, 4, 3)."""
    n, side = frames.shape[:2]
    means: NDArray[np.float64] = frames.reshape(n, 4, side // 4, 4, side // 4, 3).astype(float).mean((2, 4))
    return means


def test_labelled_faces() -> None:
    """Within 0.3 of 255 levels, since sums of floats differ slightly between processors."""
    assert GOLDEN["version"] == VERSION
    columns = face_frames(seed=0, identity=0, count=4, side=64)
    golden = GOLDEN["faces"]
    np.testing.assert_allclose(thumbnails(columns["frames"]), golden["thumbnails"], atol=0.3)
    np.testing.assert_allclose(columns["landmarks68"][:, ::8], golden["landmarks"], atol=1e-4)
    np.testing.assert_allclose(columns["pose"], golden["pose"], atol=1e-3)
    assert columns["aus"].tolist() == golden["aus"]
    assert columns["expression"].tolist() == golden["expression"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("identity", [0, 1])
def test_tracks(identity: int, version: int) -> None:
    rendering, _ = render_track(seed=0, identity=identity, number=1, count=4, side=64, version=version)
    golden = GOLDEN["tracks" if version == 1 else "tracks of version 2"][identity]
    np.testing.assert_allclose(thumbnails(rendering.frames.numpy()), golden, atol=0.3)


def test_realism() -> None:
    """Smaller images and fewer people than in the default set; the ridge reads 16 x 16 pixels at any size."""
    faces = labelled_faces(size=32, train=2400, val=8, test=800, workers=2)
    assert realism.check(realism.readings(faces)) == []


def test_realism_of_tracks() -> None:
    """Version 2 lies in every range; version 1 is older than they are."""
    first, second = (SyntheticTracks(size=16, version=version).sample(96, workers=2) for version in (1, 2))
    assert track_realism.check(track_realism.readings(second)) == []
    outside = {problem.rpartition(":")[0] for problem in track_realism.check(track_realism.readings(first))}
    assert outside >= {"within: x, s.d.", "within: y, s.d.", "within: log eye-mouth distance, s.d."}

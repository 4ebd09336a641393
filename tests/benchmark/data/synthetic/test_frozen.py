"""Holds the frozen version: what is rendered may not change under the same version."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.synthetic import VERSION, labelled_faces, realism
from benchmark.data.synthetic.produce import face_frames, track_frames

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())


def thumbnails(frames: np.ndarray) -> np.ndarray:
    """Mean colours (n, 4, 4, 3) of the sixteenths of each frame."""
    n, side = frames.shape[:2]
    return frames.reshape(n, 4, side // 4, 4, side // 4, 3).astype(float).mean((2, 4))


def test_labelled_faces_are_as_frozen():
    """Within a fraction of a level: sums of floats differ a little between processors."""
    assert GOLDEN["version"] == VERSION
    columns = face_frames(seed=0, identity=0, count=4, side=64)
    golden = GOLDEN["faces"]
    np.testing.assert_allclose(thumbnails(columns["frames"]), golden["thumbnails"], atol=0.3)
    np.testing.assert_allclose(columns["landmarks68"][:, ::8], golden["landmarks"], atol=1e-4)
    np.testing.assert_allclose(columns["pose"], golden["pose"], atol=1e-3)
    assert columns["aus"].tolist() == golden["aus"]
    assert columns["expression"].tolist() == golden["expression"]


@pytest.mark.parametrize("identity", [0, 1])
def test_tracks_are_as_frozen(identity):
    frames = track_frames(seed=0, identity=identity, number=1, count=4, side=64)
    np.testing.assert_allclose(thumbnails(frames), GOLDEN["tracks"][identity], atol=0.3)


def test_the_frozen_faces_read_like_real_ones():
    """Smaller pictures and fewer people than the default set; the ridge reads 16 x 16 pixels at any size."""
    faces = labelled_faces(size=32, train=2400, val=8, test=800, workers=2)
    assert realism.check(realism.readings(faces)) == []

"""Pictures of validation samples."""

from pathlib import Path

from PIL import Image

from benchmark.data.tracks.store import TrackStore
from benchmark.viz.sheet import TILE
from tests.benchmark.train.runs import train


def test_pictures_are_drawn_at_intervals_and_at_the_end(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path, store, epoch_samples=4, picture_steps=5)
    paths = sorted((tmp_path / "pictures").iterdir())
    assert [path.name for path in paths] == ["step000005.png", "step000010.png", "step000012.png"]
    with Image.open(paths[0]) as sheet:
        assert sheet.width > 4 * TILE, "source, target, generated and flow side by side"


def test_pictures_can_be_turned_off(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path, store, picture_steps=0)
    assert not (tmp_path / "pictures").exists()


def test_method_without_pictures_draws_none(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path, store, "rotation", picture_steps=5)
    assert not (tmp_path / "pictures").exists()

"""Pictures of validation samples."""

from pathlib import Path

from PIL import Image

from benchmark.config.schema import AugmentConfig
from benchmark.data.tracks.store import TrackStore
from benchmark.viz.sheet import TILE
from tests.benchmark.train.runs import metrics, train


def test_pictures_are_drawn_at_intervals_and_at_the_end(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path, store, epoch_samples=4, picture_steps=5)
    paths = sorted((tmp_path / "pictures").iterdir())
    assert [path.name for path in paths] == ["step000005.png", "step000010.png", "step000012.png"]
    with Image.open(paths[0]) as sheet:
        assert sheet.width > 4 * TILE, "source, target, generated and flow side by side"


def test_validation_frames_are_cropped_only_if_asked_and_always_alike(tmp_path: Path, store: TrackStore) -> None:
    seen: dict[bool, list[float]] = {}
    for cropped in (False, True):
        folder = tmp_path / str(cropped)
        augment = AugmentConfig(validation=cropped)
        train(folder, store, "autoencoder", lr=0.0, epoch_samples=16, augment=augment)
        seen[cropped] = [line["val_loss"] for line in metrics(folder) if "val_loss" in line]
    for losses in seen.values():  # weights stand still; batch norm's statistics move a little
        assert len(losses) == 3
    assert seen[True] != seen[False]


def test_pictures_can_be_turned_off(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path, store, picture_steps=0)
    assert not (tmp_path / "pictures").exists()


def test_method_without_pictures_draws_none(tmp_path: Path, store: TrackStore) -> None:
    train(tmp_path, store, "rotation", picture_steps=5)
    assert not (tmp_path / "pictures").exists()

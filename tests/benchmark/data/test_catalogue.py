"""Names of track stores and labelled sets in the cache, which data prepared before are found by."""

import pytest

from benchmark.config.load import load
from benchmark.data import catalogue

PARTS = "data.parts=[{kind: videos, root: /data/vox2, fps: 5}, {kind: frames, root: /data/vox1, tighten: 1.5}]"
CSV = (
    "sets.own={kind: csv, csv: /data/labels.csv, images: /data/images, crop: {kind: landmarks, factor: 2}, "
    "landmarks: {count: 5, eyes: [0, 1]}}"
)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ([], "synthetic-c5a34e6da5"),
        (["data.version=1"], "synthetic-458576c777"),
        (["data.version=2"], "synthetic-c5a34e6da5"),
        (["data=videos", "data.root=/data/vox2", "data.fps=5", "data.size=256"], "videos-06e6def314"),
        (["data=frames", "data.root=/data/vox1", "data.tighten=2"], "frames-4f28b626eb"),
        (["data=voxceleb", "data.vox1=/data/vox1", "data.vox1_meta=/data/meta.csv"], "voxceleb-cb2a5963fe"),
        (["data=concat", PARTS], "joined-17eabbf82a"),
        (["preset=real_mini", "root=/data"], "real_mini-587cea44a4"),
    ],
)
def test_a_track_store_keeps_its_name(settings: list[str], name: str) -> None:
    config = load(settings)
    assert str(catalogue.store_folder(config.data, "cache")) == f"cache/tracks/{name}"


@pytest.mark.parametrize(
    ("settings", "name", "file"),
    [
        ([], "synthetic", "synthetic-b1d28f77d0"),
        ([CSV], "own", "own-8220dc3e80"),
        (["preset=real_mini", "root=/data"], "ytf68", "ytf68-7535ca6bf0"),
        (["preset=real_mini", "root=/data"], "expression", "expression-74e7231faa"),
    ],
)
def test_a_labelled_set_keeps_its_name(settings: list[str], name: str, file: str) -> None:
    config = load(settings)
    assert str(catalogue.set_file(name, config.sets[name], "cache")) == f"cache/faces/{file}.arrow"

"""Test images that were pre-trained on are found by their content and reported in a warning and in the results."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.data.synthetic import labelled_faces
from benchmark.data.tracks.frames import FrameFolder
from benchmark.data.tracks.leakage import CONTENT_KEYS, find_content, overlap
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.verify import verify
from benchmark.errors import DataError
from tests.benchmark.data.drawn import Drawn
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces
from tests.benchmark.tiny import call, cells, settings


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300-W, and folders of frames: six people, and one folder with two test images and a train image of 300-W."""
    root = tmp_path_factory.mktemp("raw")
    faces = Faces(labelled_faces(size=96, train=24, val=8, test=8, frames_per_identity=4, seed=3))
    lookalikes.w300(root / "300w", faces)
    for person in range(6):
        for i in range(3):
            lookalikes.save(faces.photo(3 * person + i, (96, 96), 0, 0, 90), root / f"frames/id{person}/a/{i}.jpg")
    (root / "frames/id9/a").mkdir(parents=True)
    for name in ("afw/1051618982_1.jpg", "ibug/image_003_1.jpg", "helen/testset/296814969_3.jpg"):
        (root / "frames/id9/a" / Path(name).name).write_bytes((root / "300w" / name).read_bytes())
    return root


def test_run_warns_and_records_it(raw: Path, tmp_path: Path) -> None:
    words = ["data=frames", f"data.root={raw / 'frames'}", f"root={raw}", "tasks=w300-landmarks", "methods=mean"]
    base = [word for word in settings(tmp_path) if not word.startswith(("data.", "methods=", "tasks="))]
    finished = call("run", *base, *words, "data.size=32")
    assert finished.code == 0, finished.err
    warning = "set w300: 2 of 8 test images were pre-trained on (first: helen/testset/296814969_3.jpg)"
    assert f"warning: {warning}" in finished.err
    assert f"Warning: {warning}" in " ".join(finished.out.split())
    assert "Warning: set w300: test has 8 faces, the protocol 689" in finished.out
    folder = tmp_path / "runs" / "quick"
    description = json.loads((folder / "benchmark.json").read_text())
    assert any(line.startswith(warning) for line in description["warnings"])
    assert warning in (folder / "tables/tables.md").read_text()
    assert f"% Warning: {warning}" in (folder / "tables/tables.tex").read_text()
    assert {cell["task"] for cell in cells(folder)} == {"w300-landmarks"}
    checked = call("verify", "w300", f"root={raw}", f"cache={tmp_path / 'cache'}", "data.size=32")
    assert checked.code == 1
    assert "problem: test has 8 faces, the protocol 689" in checked.out
    report = json.loads(Path(description["sets"]["w300"]["report"]).read_text())
    assert report["hash"] == description["sets"]["w300"]["hash"]


def test_store_from_videos_has_no_content_keys(tmp_path: Path) -> None:
    TrackPacker(Drawn(), tmp_path / "s", split_seed=0).pack()
    assert not (tmp_path / "s" / CONTENT_KEYS).exists()
    assert find_content(tmp_path / "s", np.array(["0123456789abcdef"])) is None


def test_every_image_file_is_listed_once(raw: Path, tmp_path: Path) -> None:
    manifest = TrackPacker(FrameFolder(raw / "frames", size=32), tmp_path, split_seed=0, slice_size=2).pack()
    assert manifest["contents"]["count"] == (tmp_path / CONTENT_KEYS).stat().st_size / 8 == 21
    assert verify(tmp_path).ok
    (tmp_path / CONTENT_KEYS).write_bytes(b"other")
    assert any(CONTENT_KEYS in problem for problem in verify(tmp_path).problems)
    with pytest.raises(DataError, match=r"contents\.u64: cannot be read"):
        find_content(tmp_path, np.array(["0123456789abcdef"]))


def test_set_without_content_keys_is_not_compared(raw: Path, tmp_path: Path) -> None:
    TrackPacker(FrameFolder(raw / "frames", size=32), tmp_path, split_seed=0).pack()
    built_in = labelled_faces(size=32, train=4, val=4, test=4, frames_per_identity=4)
    assert overlap(built_in, tmp_path) is None

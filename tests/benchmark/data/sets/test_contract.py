"""The contract of labelled sets, on every kind: published ones by their look-alikes, csv, built in, the example.

Each is read from two copies of its files, since neither a path nor the process may be part of what is read.
"""

import json
import pickle
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.config.load import load, plain
from benchmark.config.own import SETS, FaceSet
from benchmark.config.sets import SET_KINDS, SyntheticFaces
from benchmark.config.validation import validate
from benchmark.data import catalogue
from benchmark.data.contract import check_faces
from benchmark.data.faces.labelled_set import SPLITS, LabelledSet
from benchmark.data.sets import module_of
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.verify_set import verify_set
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces
from tests.benchmark.data.sets.test_tracks import Recordings

pytestmark = pytest.mark.usefixtures("forget_files")

EXAMPLES = Path(__file__).parents[4] / "examples"
SIZE = 16


def points(root: Path, faces: Faces) -> None:
    """Images with a .pts file each."""
    for i in range(20):
        lookalikes.save(faces.photo(i, (140, 130), 20, 15, 96), root / f"{i}.jpg")
        (root / f"{i}.pts").write_text(lookalikes.pts(faces.points(i, 20, 15, 96)))


def table(root: Path, faces: Faces) -> None:
    """labels.csv and the images that it names, with targets of three kinds."""
    rows = []
    for i in range(24):
        lookalikes.save(faces.photo(i, (100, 100), 2, 2, 96), root / f"{i}.jpg")
        roll, pitch, yaw = faces.pose(i)
        rows.append({"image": f"{i}.jpg", "smile": faces.aus(i)[5], "roll": roll, "pitch": pitch, "yaw": yaw})
        rows[-1] |= {"expression": faces.expression_name(i), "valence": i / 24, "arousal": 0.5}
    pd.DataFrame(rows).to_csv(root / "labels.csv", index=False)


def folders(root: Path, faces: Faces) -> None:
    """A folder of images for each class."""
    for i in range(24):
        lookalikes.save(faces.photo(i, (100, 100), 2, 2, 96), root / f"class{i % 2}" / f"{i}.jpg")


def tracks(root: Path, faces: Faces) -> None:
    """A track store."""
    TrackPacker(Recordings(tracks_each=3), root / "store", split_seed=0).pack()


Files = Callable[[Path, Faces], Any]
CSV = (
    "csv: {root}/labels.csv, images: {root}, classes: {column: expression}, "
    "regression: {columns: {valence: valence, arousal: arousal}}"
)
CASES: dict[str, tuple[Files, str]] = {
    **{kind: (write, "") for kind, write in lookalikes.WRITERS.items()},
    "affectnet": (lookalikes.affectnet_csv, "valence_arousal: true"),
    "points": (points, ""),
    "csv": (table, CSV),
    "tracks": (tracks, "store: {root}/store"),
    "synthetic": (lambda root, faces: None, "train: 16, val: 8, test: 8"),
    str(EXAMPLES / "folders_set.py"): (folders, ""),
}


def test_every_kind_is_tried() -> None:
    assert {*SET_KINDS, *SETS.names(), *map(str, EXAMPLES.glob("*_set.py"))} == CASES.keys()


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: Path(kind).stem)
def test_a_set_keeps_the_contract(tmp_path: Path, faces: Faces, kind: str) -> None:
    make, more = CASES[kind]
    (tmp_path / "a").mkdir()
    make(tmp_path / "a", faces)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    of_folder = partial(config_of, kind, more)
    config, other, coarser = (of_folder(tmp_path / "a"), of_folder(tmp_path / "b"), of_folder(tmp_path / "a", size=8))
    assert pickle.loads(pickle.dumps(config)) == config, "jobs receive it pickled"

    if isinstance(config, FaceSet):
        check_faces(config.read())
        assert config.find().fingerprint() == config.find().fingerprint()
    elif not isinstance(config, SyntheticFaces):
        module = module_of(config.kind)
        check_faces(module.read(config))
        assert module.find(config).fingerprint() == module.find(config).fingerprint()

    paths = [
        catalogue.make_set("mine", each, str(tmp_path / cache), 1, lambda *_: None)
        for each, cache in ((config, "cache"), (other, "other"))
    ]
    assert catalogue.set_file("mine", config, str(tmp_path / "cache")) == paths[0]
    assert catalogue.set_file("mine", coarser, str(tmp_path / "cache")) != paths[0]
    made, again = map(LabelledSet.load, paths)
    assert made.hash == again.hash
    check_made(made)
    report = verify_set("mine", config, str(tmp_path / "cache"), 1, lambda *_: None)
    assert report.cached
    assert not [problem for problem in report.problems if "made from other files" in problem]
    json.dumps(report.summary)


def config_of(kind: str, more: str, root: Path, size: int = SIZE) -> Any:
    """The settings of a set, checked; written and read again they are the same."""
    folder = "" if kind in ("csv", "synthetic", "tracks") else f"root: {root}"
    settings = [f"kind: {kind}", f"size: {size}", folder, more.replace("{root}", str(root))]
    config = load([f"sets.mine={{{', '.join(filter(None, settings))}}}"])
    assert validate(plain(config)).sets["mine"] == config.sets["mine"]
    return config.sets["mine"]


def check_made(made: LabelledSet) -> None:
    """What probes, tables and the search for leaked images rely on."""
    assert made.frames.shape[1:] == (SIZE, SIZE, 3)
    assert len(set(made.image_ids.tolist())) == len(made.image_ids)
    assert {*made.split.tolist()} == {*SPLITS}
    assert made.frames.std((1, 2, 3)).max() > 0, "images, not blank squares"
    assert np.isfinite(made.corner).all()
    assert (made.side > 0).all()
    for key, target in made.targets.items():
        for split in SPLITS:
            assert target.known[made.split == split].any(), f"{key} is not known in {split}"
    if made.identity is not None and "identity" not in made.targets:
        pairs = {(person, split) for person, split in zip(made.identity, made.split, strict=True) if person}
        assert len(pairs) == len({person for person, _ in pairs}), "a person is in one split"
    assert made.protocol
    if made.content is not None:
        of_split = {(content, split) for content, split in zip(made.content, made.split, strict=True)}
        assert len(of_split) == len({content for content, _ in of_split}), "an image is in one split"
        assert {"reader", "version", "crop", "split", "skipped", "noted"} <= made.protocol.keys()

"""Fuzzing: files with a few bytes changed are read, or refused by a `FabbenchError`.

No reader may crash, hang or allocate much memory. FABBENCH_FUZZ=10000 tries 10,000 changes of each file.
"""

import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.config.csv import Aus, Classes, Crop, CsvFaces, Landmarks, Pose
from benchmark.config.sets import SET_KINDS
from benchmark.data.faces.build import build_set
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.sets import csv, module_of
from benchmark.data.sets.formats.mat import MatReader
from benchmark.data.sets.formats.pts import read_dlib, read_pts
from benchmark.data.synthetic import labelled_faces
from benchmark.data.tracks.leakage import CONTENT_KEYS, find_content
from benchmark.data.tracks.pack import TrackPacker
from benchmark.data.tracks.store import TrackStore
from benchmark.data.tracks.verify import verify
from benchmark.data.tracks.voxceleb import read_metadata
from benchmark.errors import FabbenchError
from tests.benchmark.data.drawn import Drawn
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces
from tests.benchmark.data.tracks.test_voxceleb import VOX1, VOX2

EXAMPLES = int(os.environ.get("FABBENCH_FUZZ", "25"))
SECONDS = 20  # for one file; the slowest takes a fraction of it
MEMORY = 1 << 30  # bytes that reading one file may allocate

Mutation = tuple[str, float, bytes]
# Random bytes, for which text files are refused at once, and characters of text files, which get further.
BYTES = st.one_of(
    st.binary(min_size=1, max_size=6),
    st.text("0123456789 .,;:-+_eE\"'\n\r\t/#<>{}[]ax", min_size=1, max_size=6).map(str.encode),
)
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["replace", "insert", "delete", "repeat"]), st.floats(0, 1), BYTES),
    min_size=1,
    max_size=4,
)


@dataclass(frozen=True)
class Case:
    """A file and the function that reads it."""

    path: Path
    read: Callable[[], Any]


def mutated(content: bytes, mutations: list[Mutation]) -> bytes:
    for how, where, data in mutations:
        at = int(where * len(content))
        if how == "replace":
            content = content[:at] + data + content[at + len(data) :]
        elif how == "insert":
            content = content[:at] + data + content[at:]
        elif how == "delete":
            content = content[:at] + content[at + len(data) ** 2 :]
        else:
            content = content[:at] + content[at : at + 64 * len(data)] + content[at:]
    return content


@contextmanager
def bounded() -> Iterator[None]:
    """Fail a block that takes too long or allocates too much memory."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    """A small file of every kind."""
    root = tmp_path_factory.mktemp("fuzz")
    with MatReader() as mat_files:
        yield _files_of_sets(root, mat_files) | _other_files(root)


def _files_of_sets(root: Path, mat_files: MatReader) -> dict[str, Case]:
    """Annotation files of labelled sets."""
    faces = Faces(labelled_faces(size=96, train=48, val=4, test=4, frames_per_identity=4, seed=3))
    cases: dict[str, Case] = {}

    def of_set(kind: str, folder: Path, name: str, **values: Any) -> Case:
        config = SET_KINDS[kind](**{"root": str(folder), **values})

        def read() -> Any:
            return build_set(module_of(kind).read(config), kind, 8, 0, 0.2)

        return Case(folder / name, read)

    (root / "a.pts").write_text(lookalikes.pts(faces.points(0, 1, 2, 90)))
    cases["pts"] = Case(root / "a.pts", lambda: read_pts(root / "a.pts"))
    (root / "xml").mkdir()
    lookalikes.dlib_xml(root / "xml/a.xml", faces, [0, 1])
    cases["xml"] = Case(root / "xml/a.xml", lambda: read_dlib(root / "xml/a.xml"))
    for i in range(6):
        lookalikes.save(faces.photo(i, (60, 60), 2, 2, 50), root / f"points/{i}.png")
        (root / f"points/{i}.pts").write_text(lookalikes.pts(faces.points(i, 2, 2, 50)))
    cases["points"] = of_set("points", root / "points", "3.pts")
    lookalikes.w300(root / "w300", faces)
    cases["w300 boxes"] = of_set("w300", root / "w300", "Bounding Boxes/bounding_boxes_ibug.mat")
    lookalikes.mafl(root / "mafl", faces)
    cases["mafl"] = of_set("mafl", root / "mafl", "Anno/list_landmarks_align_celeba.txt")
    cases["mafl list"] = of_set("mafl", root / "mafl", "MAFL/training.txt")
    lookalikes.aflw(root / "aflw", faces)
    (root / "aflw/test.txt").write_text("image00012.jpg\nimage00013.jpg\n")
    cases["aflw"] = of_set("aflw", root / "aflw", "data/aflw.sqlite")
    cases["aflw list"] = of_set("aflw", root / "aflw", "test.txt", test_list=str(root / "aflw/test.txt"))
    lookalikes.affectnet_csv(root / "affectnet", faces)
    cases["affectnet"] = of_set("affectnet", root / "affectnet", "Manually_Annotated_file_lists/training.csv")
    lookalikes.affectnet_npy(root / "npy", faces)
    cases["affectnet npy"] = of_set("affectnet", root / "npy", "val_set/annotations/41_exp.npy")
    lookalikes.emotionet(root / "emotionet", faces, xlsx=False)
    cases["emotionet"] = of_set("emotionet", root / "emotionet", "dataFile_0000.txt")
    cases["emotionet csv"] = of_set("emotionet", root / "emotionet", "EmotioNet_FACS_aws_2020_24600.csv")
    lookalikes.emotionet(root / "xlsx", faces)
    cases["emotionet xlsx"] = of_set("emotionet", root / "xlsx", "EmotioNet_FACS_aws_2020_24600.xlsx")
    lookalikes.aflw2000(root / "aflw2000", faces, range(1, 6))
    cases["aflw2000"] = of_set("aflw2000", root / "aflw2000", "image00002.mat")
    lookalikes.rafdb(root / "rafdb", faces)
    cases["rafdb"] = of_set("rafdb", root / "rafdb", "basic/EmoLabel/list_patition_label.txt")
    lookalikes.fer2013(root / "fer/fer2013.csv", faces)
    cases["fer2013"] = of_set("fer2013", root / "fer", "fer2013.csv")
    lookalikes.wflw(root / "wflw", faces)
    name = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt"
    cases["wflw"] = of_set("wflw", root / "wflw", name)
    scipy.io.savemat(root / "a.mat", {"x": np.arange(6.0), "names": np.array(["a", "b"], object)}, do_compression=True)
    cases["mat"] = Case(root / "a.mat", lambda: mat_files.read(root / "a.mat"))
    cases["csv"] = _csv_case(root, faces)
    return cases


def _other_files(root: Path) -> dict[str, Case]:
    """Metadata of VoxCeleb, the files of a track store, a labelled set's file."""
    cases: dict[str, Case] = {}
    (root / "vox1_meta.csv").write_text(VOX1)
    cases["vox1 meta"] = Case(
        root / "vox1_meta.csv", lambda: read_metadata(root / "vox1_meta.csv", "VoxCeleb1 ID", "VGGFace1 ID")
    )
    for form, text in VOX2.items():
        path = root / f"vox2_{form}.csv"
        path.write_text(text)
        cases[f"vox2 meta, {form}"] = Case(path, partial(read_metadata, path, "VoxCeleb2 ID", "Name"))

    TrackPacker(Drawn(n=8), root / "store", split_seed=0, slice_size=4).pack()
    np.arange(9, dtype="<u8").tofile(root / "store" / CONTENT_KEYS)
    for name in ("manifest.json", "index.arrow", "shards/shard-00001.arrow"):
        cases[name] = Case(root / "store" / name, lambda: _use_store(root / "store"))
    cases[CONTENT_KEYS] = Case(
        root / "store" / CONTENT_KEYS,
        lambda: find_content(root / "store", np.array(["00000000000000ff", "0000000000000003"])),
    )
    labelled_faces(size=16, train=4, val=4, test=4, frames_per_identity=4).save(root / "faces.arrow")
    cases["labelled set"] = Case(root / "faces.arrow", lambda: LabelledSet.load(root / "faces.arrow"))
    return cases


def _csv_case(root: Path, faces: Faces) -> Case:
    folder = root / "own"
    lines = ["image,split,x0,y0,x1,y1,roll,pitch,yaw,mood,jaw"]
    for i in range(8):
        lookalikes.save(faces.photo(i, (40, 40), 0, 0, 40), folder / f"{i}.png")
        split, mood = "test" if i > 5 else "train", "sad" if i % 2 else "glad"
        lines.append(f"{i}.png,{split},10,12,{20 + i},14,{i},2,3,{mood},{i % 2}")
    (folder / "labels.csv").write_text("\n".join(lines))
    config = CsvFaces(
        csv=str(folder / "labels.csv"),
        images=str(folder),
        split="split",
        size=8,
        crop=Crop(kind="landmarks", factor=1.5),
        landmarks=Landmarks(count=2, eyes=[0, 1]),
        pose=Pose(roll="roll", pitch="pitch", yaw="yaw"),
        classes=Classes(column="mood"),
        aus=Aus(columns={"AU26": "jaw"}, unknown=[999]),
    )
    return Case(folder / "labels.csv", lambda: build_set(csv.read(config), "own", 8, 0, 0.15))


def _use_store(root: Path) -> None:
    """Verify a store, open it and read it."""
    verify(root)
    store = TrackStore(root)
    for track in range(min(len(store), 8)):
        store.identity(track), store.name(track)
        for frame in range(min(int(store.n_frames()[track]), 3)):
            store.source_id(track, frame)
            store.frame(track, frame)


KINDS = [
    *("pts", "xml", "points", "w300 boxes", "mafl", "mafl list", "aflw", "aflw list", "affectnet", "affectnet npy"),
    *("emotionet", "emotionet csv", "emotionet xlsx", "aflw2000", "rafdb", "fer2013", "wflw", "mat", "csv"),
    *("vox1 meta", "vox2 meta, commas", "vox2 meta, tabs", "manifest.json", "index.arrow", "shards/shard-00001.arrow"),
    *(CONTENT_KEYS, "labelled set"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_changed_at_random(cases: dict[str, Case], kind: str) -> None:
    case = cases[kind]
    case.read()  # unchanged, it is read
    original = case.path.with_name(f".{case.path.name}.original")
    shutil.copy(case.path, original)
    content = case.path.read_bytes()

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=False
    )
    @given(MUTATIONS)
    def read_mutated(mutations: list[Mutation]) -> None:
        case.path.write_bytes(mutated(content, mutations))
        with bounded(), suppress(FabbenchError):
            case.read()

    try:
        read_mutated()
    finally:
        shutil.move(original, case.path)

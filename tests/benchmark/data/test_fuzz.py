"""Small files with a few bytes changed: read, or refused by the reader's own error; never a crash, a hang, a flood.

FABBENCH_FUZZ=10000 tries so many of each; the ordinary run tries few.
"""

import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.config.schema import SET_KINDS
from benchmark.data.faces.build import RawFaces, build_set
from benchmark.data.faces.labelled_set import LabelledSet
from benchmark.data.sets import module_of
from benchmark.data.sets.csv.config import CsvFaces
from benchmark.data.sets.csv.read import read_csv_faces
from benchmark.data.sets.formats.mat import read_mat
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
SECONDS = 20  # for one file; the slowest takes a fraction of one
MEMORY = 1 << 30  # bytes that one file may ask for on top of what is there

Mutation = tuple[str, float, bytes]
# Bytes at random, which text files are refused for at once, and what text files are made of, which goes further.
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
    """One file, and what reads it."""

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
    """Fails what takes too long or asks for too much memory."""

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
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """A small file of every kind."""
    root = tmp_path_factory.mktemp("fuzz")
    faces = Faces(labelled_faces(size=96, train=48, val=4, test=4, frames_per_identity=4, seed=3))
    made: dict[str, Case] = {}

    def of_set(kind: str, folder: Path, name: str, **values: Any) -> Case:
        config = SET_KINDS[kind](kind=kind, root=str(folder), **values)

        def read() -> Any:
            raw: RawFaces = module_of(kind).read(config)
            return build_set(raw, kind, 8, 0, 0.2)

        return Case(folder / name, read)

    (root / "a.pts").write_text(lookalikes.pts(faces.points(0, 1, 2, 90)))
    made["pts"] = Case(root / "a.pts", lambda: read_pts(root / "a.pts"))
    lookalikes.dlib_xml(root / "xml/a.xml" if (root / "xml").mkdir() is None else root, faces, [0, 1])
    made["xml"] = Case(root / "xml/a.xml", lambda: read_dlib(root / "xml/a.xml"))
    for i in range(6):
        lookalikes.save(faces.photo(i, (60, 60), 2, 2, 50), root / f"points/{i}.png")
        (root / f"points/{i}.pts").write_text(lookalikes.pts(faces.points(i, 2, 2, 50)))
    made["points"] = of_set("points", root / "points", "3.pts")
    lookalikes.w300(root / "w300", faces)
    made["w300 boxes"] = of_set("w300", root / "w300", "Bounding Boxes/bounding_boxes_ibug.mat")
    (root / "mafl").mkdir()
    lookalikes.mafl(root / "mafl", faces)
    made["mafl"] = of_set("mafl", root / "mafl", "Anno/list_landmarks_align_celeba.txt")
    made["mafl list"] = of_set("mafl", root / "mafl", "MAFL/training.txt")
    lookalikes.aflw(root / "aflw", faces)
    (root / "aflw/test.txt").write_text("image00012.jpg\nimage00013.jpg\n")
    made["aflw"] = of_set("aflw", root / "aflw", "data/aflw.sqlite")
    made["aflw list"] = of_set("aflw", root / "aflw", "test.txt", test_list=str(root / "aflw/test.txt"))
    lookalikes.affectnet_csv(root / "affectnet", faces)
    made["affectnet"] = of_set("affectnet", root / "affectnet", "Manually_Annotated_file_lists/training.csv")
    lookalikes.affectnet_npy(root / "npy", faces)
    made["affectnet npy"] = of_set("affectnet", root / "npy", "val_set/annotations/41_exp.npy")
    lookalikes.emotionet(root / "emotionet", faces, xlsx=False)
    made["emotionet"] = of_set("emotionet", root / "emotionet", "dataFile_0000.txt")
    made["emotionet csv"] = of_set("emotionet", root / "emotionet", "EmotioNet_FACS_aws_2020_24600.csv")
    lookalikes.emotionet(root / "xlsx", faces)
    made["emotionet xlsx"] = of_set("emotionet", root / "xlsx", "EmotioNet_FACS_aws_2020_24600.xlsx")
    lookalikes.aflw2000(root / "aflw2000", faces, range(1, 6))
    made["aflw2000"] = of_set("aflw2000", root / "aflw2000", "image00002.mat")
    lookalikes.rafdb(root / "rafdb", faces)
    made["rafdb"] = of_set("rafdb", root / "rafdb", "basic/EmoLabel/list_patition_label.txt")
    lookalikes.fer2013(root / "fer/fer2013.csv", faces)
    made["fer2013"] = of_set("fer2013", root / "fer", "fer2013.csv")
    lookalikes.wflw(root / "wflw", faces)
    name = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt"
    made["wflw"] = of_set("wflw", root / "wflw", name)
    scipy.io.savemat(root / "a.mat", {"x": np.arange(6.0), "names": np.array(["a", "b"], object)}, do_compression=True)
    made["mat"] = Case(root / "a.mat", lambda: read_mat(root / "a.mat"))

    (root / "vox1_meta.csv").write_text(VOX1)
    made["vox1 meta"] = Case(
        root / "vox1_meta.csv", lambda: read_metadata(root / "vox1_meta.csv", "VoxCeleb1 ID", "VGGFace1 ID")
    )
    for form, text in VOX2.items():
        path = root / f"vox2_{form}.csv"
        path.write_text(text)
        made[f"vox2 meta, {form}"] = Case(path, lambda path=path: read_metadata(path, "VoxCeleb2 ID", "Name"))  # type: ignore[misc]
    made["csv"] = _own_csv(root, faces)

    TrackPacker(Drawn(n=8), root / "store", split_seed=0, slice_size=4).pack()
    np.arange(9, dtype="<u8").tofile(root / "store" / CONTENT_KEYS)
    for name in ("manifest.json", "index.arrow", "shards/shard-00001.arrow"):
        made[name] = Case(root / "store" / name, lambda: _use_store(root / "store"))
    made[CONTENT_KEYS] = Case(
        root / "store" / CONTENT_KEYS,
        lambda: find_content(root / "store", np.array(["00000000000000ff", "0000000000000003"])),
    )
    labelled_faces(size=16, train=4, val=4, test=4, frames_per_identity=4).save(root / "faces.arrow")
    made["labelled set"] = Case(root / "faces.arrow", lambda: LabelledSet.load(root / "faces.arrow"))
    return made


def _own_csv(root: Path, faces: Faces) -> Case:
    folder = root / "own"
    lines = ["image,split,x0,y0,x1,y1,roll,pitch,yaw,mood,jaw"]
    for i in range(8):
        lookalikes.save(faces.photo(i, (40, 40), 0, 0, 40), folder / f"{i}.png")
        lines.append(
            f"{i}.png,{'test' if i > 5 else 'train'},10,12,{20 + i},14,{i},2,3,{'sad' if i % 2 else 'glad'},{i % 2}"
        )
    (folder / "labels.csv").write_text("\n".join(lines))
    config = CsvFaces.from_mapping(
        {
            "name": "own",
            "csv": str(folder / "labels.csv"),
            "images": str(folder),
            "split": "split",
            "size": 8,
            "crop": {"kind": "landmarks", "factor": 1.5},
            "landmarks": {"count": 2, "eyes": [0, 1]},
            "pose": {"roll": "roll", "pitch": "pitch", "yaw": "yaw"},
            "classes": {"column": "mood"},
            "aus": {"columns": {"AU26": "jaw"}, "unknown": [999]},
        }
    )
    return Case(folder / "labels.csv", lambda: read_csv_faces(config))


def _use_store(root: Path) -> None:
    """Checks it, opens it and reads it."""
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
    case.read()  # as it is, it is read
    kept = case.path.with_name(f".{case.path.name}.kept")
    shutil.copy(case.path, kept)
    content = case.path.read_bytes()

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=False
    )
    @given(MUTATIONS)
    def run_job(mutations: list[Mutation]) -> None:
        case.path.write_bytes(mutated(content, mutations))
        with bounded(), suppress(FabbenchError):
            case.read()

    try:
        run_job()
    finally:
        shutil.move(kept, case.path)

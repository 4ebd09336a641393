"""Mistakes with a published set are reported in one line with the file, the cause and the remedy, or counted."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cli import main
from tests.benchmark.data.sets import lookalikes
from tests.benchmark.data.sets.lookalikes import Faces

MAKE: dict[str, Callable[[Path, Faces], Any]] = {
    "w300": lookalikes.w300,
    "mafl": lookalikes.mafl,
    "aflw": lookalikes.aflw,
    "affectnet": lookalikes.affectnet_csv,
    "emotionet": lookalikes.emotionet,
    "aflw2000": lookalikes.aflw2000,
    "rafdb": lookalikes.rafdb,
    "fer2013": lambda root, faces: lookalikes.fer2013(root / "fer2013.csv", faces),
    "wflw": lookalikes.wflw,
}
V73 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n\x1a\n"


@pytest.fixture
def fabbench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run the command line; returns its exit code and output."""

    def run(*words: str) -> tuple[int, str]:
        sheets = [f"out={tmp_path}/out/runs"] if words[0] == "data" else []  # `verify` writes below the cache alone
        code = main([*words, *sheets, f"cache={tmp_path}/cache", "data.size=16"])
        out, err = capsys.readouterr()
        return code, out + err

    return run


Fabbench = Callable[..., tuple[int, str]]


def one_line(result: tuple[int, str], code: int, *parts: str) -> None:
    lines = [line for line in result[1].splitlines() if line.startswith("fabbench: ")]
    assert (result[0], len(lines)) == (code, 1), result[1]
    assert all(part in lines[0] for part in parts), lines[0]


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("command", [("verify",), ("data", "show")])
def test_a_folder_that_is_not_the_sets(tmp_path: Path, fabbench: Fabbench, kind: str, command: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    one_line(fabbench(*command, kind), 2, f"sets.{kind}.root=DIR is missing: its folder, or")
    one_line(fabbench(*command, kind, f"root={tmp_path}/nowhere"), 1, "nowhere: no such folder")
    one_line(fabbench(*command, kind, f"root={tmp_path}/file"), 1, "file: a file, not a folder")
    one_line(fabbench(*command, kind, f"root={tmp_path}/empty"), 1, f"empty: holds no {kind}", "expected ")


def write(path: str, content: bytes | str) -> Callable[[Path], Any]:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda root: (root / path).write_bytes(data)


def edit(path: str, change: Callable[[bytes], bytes]) -> Callable[[Path], Any]:
    return lambda root: (root / path).write_bytes(change((root / path).read_bytes()))


def folder_at(path: str) -> Callable[[Path], Any]:
    """Replace a file by a folder."""

    def replace(root: Path) -> None:
        (root / path).unlink()
        (root / path).mkdir()

    return replace


LISTS = "Manually_Annotated_file_lists"
BOOK = "EmotioNet_FACS_aws_2020_24600.xlsx"
WFLW = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt"
AUS = ",".join(f"AU {unit}" for unit in range(1, 61))
REFUSED: list[tuple[str, str, Callable[[Path], Any], str]] = [
    ("w300", "", lambda root: shutil.rmtree(root / "ibug"), "no folder ibug in it"),
    ("w300", "", write("Bounding Boxes/bounding_boxes_afw.mat", V73), "bounding_boxes_afw.mat: not a readable .mat"),
    ("w300", "boxes=dlib", lambda root: None, "unknown sets.w300.boxes=dlib; available: auto, landmarks, mat"),
    ("mafl", "", lambda root: shutil.rmtree(root / "MAFL"), "training.txt and testing.txt are not there"),
    (
        "mafl",
        "",
        write("MAFL/testing.txt", "a.jpg\n"),
        "for test (16 faces in all, split as its files say",
    ),
    ("mafl", "", write("MAFL/testing.txt", "a.jpg\n"), "left out: no known target (1)"),
    ("mafl", "", edit("MAFL/training.txt", lambda text: text + text), "'142977.jpg' is listed twice in MAFL's lists"),
    (
        "mafl",
        "",
        write("Anno/list_landmarks_align_celeba.txt", b"\xff\xfe\xfa"),
        "line 1 is not utf-16; convert the file",
    ),
    ("aflw", "", write("data/aflw.sqlite", "hello"), "aflw.sqlite: not a readable AFLW database (file is not a"),
    ("aflw", "", folder_at("data/aflw.sqlite"), "aflw.sqlite: Is a directory"),
    ("aflw", "test_list=ROOT/no.txt", lambda root: None, "no.txt: No such file"),
    ("aflw", "test_list=ROOT/t.txt", write("t.txt", "\n\n"), "t.txt: an empty test list"),
    (
        "affectnet",
        "",
        edit(f"{LISTS}/training.csv", lambda text: text.replace(b",", b"|")),
        "training.csv: no row with",
    ),
    ("affectnet", "", write(f"{LISTS}/validation.csv", ""), "validation.csv: no row with AffectNet's nine columns"),
    ("affectnet", "crop=face", lambda root: None, "unknown sets.affectnet.crop=face; available: box, image"),
    ("emotionet", "", write(BOOK, "hello"), f"{BOOK}: not a readable .xlsx (BadZipFile); save it as .csv"),
    ("emotionet", "images=ROOT/no", lambda root: None, "no: no such folder of images"),
    ("emotionet", "", write("EmotioNet_FACS_a.csv", f"URL,{AUS},AU 5\n"), "FACS_a.csv: two columns are called 'AU5'"),
    ("emotionet", "", write("EmotioNet_FACS_a.csv", "URL,AU 1\n"), "FACS_a.csv: no column 'AU2'"),
    ("fer2013", "", edit("fer2013.csv", lambda text: text.replace(b"Usage", b"usage,Usage", 1)), "called 'Usage'"),
    ("aflw2000", "", lambda root: [path.write_bytes(V73) for path in root.glob("*.mat")], "used: .mat broken (20)"),
    ("rafdb", "", write("basic/EmoLabel/list_patition_label.txt", ""), "no row such as `train_00001.jpg 5` in it"),
    ("fer2013", "", edit("fer2013.csv", lambda text: text.replace(b",", b";")), "fer2013.csv: no column 'emotion'"),
    ("wflw", "", write(WFLW, ""), "no usable face for test"),
]


@pytest.mark.parametrize(("kind", "setting", "break_it", "message"), REFUSED)
def test_files_that_cannot_be_understood(
    tmp_path: Path,
    faces: Faces,
    fabbench: Fabbench,
    kind: str,
    setting: str,
    break_it: Callable[[Path], Any],
    message: str,
) -> None:
    root = tmp_path / "a folder, with ü"
    MAKE[kind](root, faces)
    break_it(root)
    settings = [f"sets.{kind}.{setting}".replace("ROOT", str(root))] if setting else []
    usage = message.startswith("unknown sets.")
    one_line(fabbench("verify", kind, f"sets.{kind}.root={root}", *settings), 2 if usage else 1, message)


@pytest.mark.parametrize("kind", [kind for kind in MAKE if kind != "fer2013"])
@pytest.mark.parametrize(("content", "reason"), [(b"", "undecodable"), (None, "absent")])
def test_a_broken_or_missing_image_is_a_problem(
    tmp_path: Path, faces: Faces, fabbench: Fabbench, kind: str, content: bytes | None, reason: str
) -> None:
    MAKE[kind](tmp_path / "set", faces)
    path = sorted((tmp_path / "set").rglob("*.jpg"))[1]
    path.unlink() if content is None else path.write_bytes(content)
    code, printed = fabbench("verify", kind, f"root={tmp_path}", f"sets.{kind}.root={tmp_path}/set")
    named = {"emotionet": "not downloaded", "w300": "without image", "aflw2000": "without image"}
    reason = named.get(kind, reason) if content is None else reason
    lines = [line for line in printed.splitlines() if reason in line]
    expected = ["skipped"] if reason == "not downloaded" else ["skipped", "problem"]
    assert [line.partition(":")[0] for line in lines] == expected, printed
    assert code == (0 if reason == "not downloaded" else 1)


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["array of objects", "pickle", "complex", "date", "vector"])
def test_npy_files_are_not_unpickled(tmp_path: Path, faces: Faces, fabbench: Fabbench, how: str) -> None:
    lookalikes.affectnet_npy(tmp_path / "set", faces)
    path = tmp_path / "set/train_set/annotations/8_exp.npy"
    evil = Evil(tmp_path / "unpickled")
    if how == "pickle":
        path.write_bytes(pickle.dumps(evil))
    else:
        arrays = {
            "array of objects": np.array([evil], object),
            "complex": np.array(1 + 2j),
            "date": np.array("2020-01-01", "M8[s]"),
            "vector": np.arange(3),
        }
        np.save(path, arrays[how], allow_pickle=True)
    code, printed = fabbench("verify", "affectnet", f"sets.affectnet.root={tmp_path}/set")
    assert code == 1
    assert "problem: 1 x *_exp.npy broken" in printed
    assert not (tmp_path / "unpickled").exists()


EYES = ["[36,36]", "[36]", "[36,68]", "[-1,3]"]


@pytest.mark.parametrize(
    ("eyes", "message"),
    [
        ("[a,b]", "sets.mine.eyes[0]=a must be a valid integer"),
        ("[36.5,45]", "sets.mine.eyes[0]=36.5 must be a valid integer"),
        *((eyes, "sets.mine: eyes must be two of the 68 points (0 to 67)") for eyes in EYES),
    ],
)
def test_eyes_that_are_not_two_points(
    tmp_path: Path, faces: Faces, fabbench: Fabbench, eyes: str, message: str
) -> None:
    lookalikes.dlib_xml(tmp_path / "faces.xml", faces, range(8))
    settings = ["sets.mine.kind=points", f"sets.mine.root={tmp_path}", f"sets.mine.eyes={eyes}"]
    one_line(fabbench("verify", "mine", *settings), 2, message)

"""A .mat file is read, or refused; whatever SciPy does, this process lives on."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from benchmark.data.sets.formats import mat
from benchmark.data.sets.formats.mat import MatReader
from benchmark.errors import DataError

CONTENT: dict[str, Any] = {
    "double": np.arange(6.0).reshape(2, 3),
    "single": np.array([1.5, -2], np.float32),
    "int": np.array([1, 300, -70000], np.int32),
    "byte": np.arange(5, dtype=np.uint8),
    "cube": np.arange(24.0).reshape(2, 3, 4),
    "text": "Zoë's photo .jpg",
    "empty": np.empty((0, 3)),
}


@pytest.fixture(scope="module")
def reader() -> Iterator[MatReader]:
    with MatReader() as mat_files:
        yield mat_files


def content_of(values: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, values)  # type: ignore[arg-type]  # the stubs know paths only
    return file.getvalue()


def with_byte(content: bytes, position: int, value: int) -> bytes:
    return content[:position] + bytes([value]) + content[position + 1 :]


@pytest.mark.parametrize("compressed", [False, True])
def test_numbers_and_text(tmp_path: Path, reader: MatReader, compressed: bool) -> None:
    scipy.io.savemat(tmp_path / "a.mat", CONTENT, do_compression=compressed)
    variables = reader.read(tmp_path / "a.mat")
    assert variables["text"] == CONTENT["text"]
    for name in CONTENT.keys() - {"text", "empty"}:
        np.testing.assert_array_equal(variables[name], CONTENT[name], strict=True)
    assert variables["empty"].size == 0


def test_cells_and_structures(tmp_path: Path, reader: MatReader) -> None:
    cells = np.empty((1, 3), object)
    cells[0] = [{"imgName": f"{i}.jpg", "box": np.ones((1, 4)) * i} for i in range(3)]
    array = np.array([(1.0, "a"), (2.0, "b")], dtype=[("x", object), ("name", object)])
    scipy.io.savemat(tmp_path / "a.mat", {"cells": cells, "array": array})
    variables = reader.read(tmp_path / "a.mat")
    assert [cell["imgName"] for cell in variables["cells"]] == ["0.jpg", "1.jpg", "2.jpg"]
    np.testing.assert_array_equal(variables["cells"][2]["box"], [2, 2, 2, 2])
    assert [record["name"] for record in variables["array"]] == ["a", "b"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + b"\x89HDF",
        content_of(CONTENT)[:-20],
        content_of(CONTENT)[:200],
        content_of({"x": np.ones(3)}).replace(b"\x09\x00\x00\x00\x18", b"\x09\x00\x00\x00\xff"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, reader: MatReader, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.mat: not a readable \.mat file"):
        reader.read(tmp_path / "a.mat")


def test_an_absent_file_is_refused(tmp_path: Path, reader: MatReader) -> None:
    with pytest.raises(DataError, match=r"a\.mat: not a readable \.mat file \(No such file or directory\)"):
        reader.read(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("content", "position", "value"),
    [
        # SciPy 1.17 uses an unknown element type as an index into a table, and crashes ...
        (content_of({"x": np.arange(6.0)}), 176, 0),
        (content_of({"text": "hello world"}), 177, 1),
        # ... and allocates the stated length of an element before it reads it.
        (content_of({"x": np.arange(6.0)}), 183, 255),
    ],
)
def test_a_wrong_byte_does_not_end_this_process(tmp_path: Path, content: bytes, position: int, value: int) -> None:
    (tmp_path / "bad.mat").write_bytes(with_byte(content, position, value))
    (tmp_path / "good.mat").write_bytes(content)
    with MatReader() as mat_files:
        for _ in range(2):
            with pytest.raises(DataError, match=r"bad\.mat: not a readable \.mat file"):
                mat_files.read(tmp_path / "bad.mat")
            assert mat_files.read(tmp_path / "good.mat").keys() & {"x", "text"}


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat, "SECONDS", 1)
    os.mkfifo(tmp_path / "pipe.mat")  # reading it blocks
    with MatReader() as mat_files, pytest.raises(DataError, match=r"pipe\.mat: .*\(SciPy took more than 1 s\)"):
        mat_files.read(tmp_path / "pipe.mat")


def test_the_worker_ends_with_its_reader(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"x": 1.0})
    with MatReader() as mat_files:
        mat_files.read(tmp_path / "a.mat")
        worker = mat_files._worker
        assert worker is not None
        assert worker.poll() is None
    assert worker.returncode == 0

"""A .mat file is read as SciPy reads it, or refused."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from benchmark.data.sets.formats.mat import read_mat
from benchmark.errors import DataError

CONTENT: dict[str, Any] = {
    "double": np.arange(6.0).reshape(2, 3),
    "single": np.float32([[1.5, -2]]),
    "int": np.array([[1, 300, -70000]], np.int32),
    "byte": np.arange(5, dtype=np.uint8)[None],
    "cube": np.arange(24.0).reshape(2, 3, 4),
    "text": "Zoë's photo .jpg",
    "empty": np.empty((0, 3)),
}


@pytest.mark.parametrize("packed", [False, True])
def test_numbers_and_text(tmp_path: Path, packed: bool) -> None:
    scipy.io.savemat(tmp_path / "a.mat", CONTENT, do_compression=packed)
    found = read_mat(tmp_path / "a.mat")
    expected = scipy.io.loadmat(tmp_path / "a.mat")
    assert found["text"] == expected["text"][0] == CONTENT["text"]
    for name in CONTENT.keys() - {"text"}:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].shape == expected[name].shape


def test_cells_and_structures(tmp_path: Path) -> None:
    cells = np.empty((1, 3), object)
    cells[0] = [{"imgName": f"{i}.jpg", "box": np.ones((1, 4)) * i} for i in range(3)]
    array = np.array([(1.0, "a"), (2.0, "b")], dtype=[("x", object), ("name", object)])
    scipy.io.savemat(tmp_path / "a.mat", {"cells": cells, "array": array})
    found = read_mat(tmp_path / "a.mat")
    assert [cell[0]["imgName"] for cell in found["cells"]] == ["0.jpg", "1.jpg", "2.jpg"]
    np.testing.assert_array_equal(found["cells"][2][0]["box"], [[2, 2, 2, 2]])
    assert [record["name"] for record in found["array"]] == ["a", "b"]


def content_of(values: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, values)
    return file.getvalue()


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
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.mat: not a readable \.mat file"):
        read_mat(tmp_path / "a.mat")

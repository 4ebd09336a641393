"""Landmark files say what they say, or are refused by name."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.data.sets.formats.pts import read_dlib, read_pts
from benchmark.errors import DataError


@pytest.mark.parametrize(
    "text", ["version: 1\nn_points:  2\n{\n1 2\n3.5 4e0\n}\n", "version: 1\r\nn_points: 2\r\n{\r\n1 2\r\n3.5 4\r\n}"]
)
def test_points_count_from_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pts").write_bytes(text.encode())
    np.testing.assert_array_equal(read_pts(tmp_path / "a.pts"), [[0.5, 1.5], [3, 3.5]])
    np.testing.assert_array_equal(read_pts(tmp_path / "a.pts", first_pixel=0), [[1.5, 2.5], [4, 4.5]])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 1\nn_points: 2\n{\n1 2\n3 4\n",
        "version: 1\nn_points: 3\n{\n1 2\n3 4\n}\n",
        "version: 1\nn_points: 1\n{\n1 nan\n}\n",
        "version: 1\nn_points: 1\n{\n1 two\n}\n",
        "version: 1\nn_points: 1\n{\n1 2_0\n}\n",
        "version: 1\nn_points: 0\n{\n}\n",
        "version: 1\nn_points: 99999999999\n{\n}\n",
    ],
)
def test_other_text_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pts").write_text(text)
    with pytest.raises(DataError, match=r"a\.pts"):
        read_pts(tmp_path / "a.pts")


def test_parts_are_put_in_order(tmp_path: Path) -> None:
    parts = "<part name='1' x='3' y='4'/><part name='0' x='1' y='2'/>"
    box = f"<box top='5' left='6' width='7' height='8'>{parts}</box>"
    (tmp_path / "a.xml").write_text(f"<dataset><images><image file='b.jpg'>{box}</image></images></dataset>")
    (face,) = read_dlib(tmp_path / "a.xml")
    assert (face.image, face.box) == ("b.jpg", (6, 5, 13, 13))
    np.testing.assert_array_equal(face.points, [[1.5, 2.5], [3.5, 4.5]])


@pytest.mark.parametrize(
    "text",
    [
        "<dataset><images>",
        "<dataset/>",
        "<d><image file='b.jpg'><box top='5' left='6' width='7' height='8'><part name='0' x='1'/></box></image></d>",
        "<d><image><box top='a' left='6' width='7' height='8'><part name='0' x='1' y='1'/></box></image></d>",
        "<?xml version='1.0' encoding='klingon'?><dataset/>",
    ],
)
def test_other_xml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=r"a\.xml"):
        read_dlib(tmp_path / "a.xml")

"""The files that a plugin consists of, and their hash."""

from hashlib import sha256
from pathlib import Path

import pytest

from plugins import PluginError, code_hash, source_files


def write(folder: Path, **files: str) -> Path:
    """Writes files, `__` in a name stands for a folder; returns the first."""
    paths = [folder / f"{name.replace('__', '/')}.py" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return paths[0]


def names(folder: Path, path: Path) -> list[str]:
    return [str(file.relative_to(folder)) for file in source_files(path)]


def test_hash_of_a_file_alone_is_that_of_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, mine="import json\n", other="unused = 1\n")
    assert code_hash(path) == sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "statement",
    [
        "import helper",
        "from helper import x",
        "import helper as h",
        "def later():\n    import helper",
        "if True:\n    from helper import *",
        "from . import helper",
        "from .helper import x",
    ],
)
def test_modules_beside_it_count(tmp_path: Path, statement: str) -> None:
    path = write(tmp_path, mine=statement, helper="x = 1\n", unused="")
    assert names(tmp_path, path) == ["mine.py", "helper.py"]
    before = code_hash(path)
    write(tmp_path, unused="x = 3\n")
    assert code_hash(path) == before
    write(tmp_path, helper="x = 2\n")
    assert code_hash(path) != before


def test_modules_that_they_import_count(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        mine="from parts.deep import first",
        parts__deep__first="from ..near import y\nimport helper",
        parts__near="",
        helper="import mine",
    )
    (tmp_path / "parts" / "deep" / "__init__.py").touch()
    assert names(tmp_path, path) == [
        "mine.py",
        "helper.py",
        "parts/deep/__init__.py",
        "parts/deep/first.py",
        "parts/near.py",
    ]


def test_a_renamed_module_changes_the_hash(tmp_path: Path) -> None:
    first = code_hash(write(tmp_path / "a", mine="import one, two", one="", two="x = 1"))
    assert code_hash(write(tmp_path / "b", mine="import one, two", one="x = 1", two="")) != first


def test_folders_of_the_same_names_as_its_packages_do_not_count(tmp_path: Path) -> None:
    path = write(tmp_path, mine="from methods.base import Method", methods__base="")
    assert names(tmp_path, path) == ["mine.py"]


def test_of_a_package_only_its_own_modules_count(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        package__mine="from package.inner import x\nfrom . import near\nimport other",
        package__inner="",
        package__near="",
        other="",
    )
    files = source_files(path, tmp_path / "package")
    assert [file.name for file in files] == ["mine.py", "inner.py", "near.py"]


@pytest.mark.parametrize("text", ["def f(:", "x = '\0'"])
def test_a_broken_module_is_named(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, mine="import helper", helper=text)
    with pytest.raises(PluginError, match=r"helper\.py cannot be loaded: \w+Error") as error:
        code_hash(path)
    assert "\n" not in str(error.value)

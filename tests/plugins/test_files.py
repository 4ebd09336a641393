"""Users' files as modules, and objects by the names of their modules."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins import PluginError, load_module, load_object, split_target
from tests.plugins.test_sources import write


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Forgets the modules and folders that a test loads."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("a/mine.py", (Path("a/mine.py"), None)),
        ("a/mine.py:Name", (Path("a/mine.py"), "Name")),
        ("package.module:Name", ("package.module", "Name")),
        ("fabnet", ("fabnet", None)),
    ],
)
def test_a_target_has_a_source_and_a_name(target: str, parts: tuple[Path | str, str | None]) -> None:
    assert split_target(target) == parts


def test_a_file_is_executed_once_and_sees_modules_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path, mine="import helper_of_mine\nx = helper_of_mine.x + 1", helper_of_mine="x = 1")
    module = load_module(path)
    assert module.x == 2
    assert load_module(tmp_path / ".." / tmp_path.name / "mine.py") is module


def test_a_module_imported_later_is_found_too(tmp_path: Path) -> None:
    path = write(tmp_path, mine="def f():\n    import helper_later\n    return helper_later.x", helper_later="x = 3")
    assert load_module(path).f() == 3


def test_a_file_that_failed_can_be_corrected(tmp_path: Path) -> None:
    path = write(tmp_path, mine="x = 1\nx / 0")
    with pytest.raises(PluginError, match=r"mine\.py, line 2, cannot be loaded: ZeroDivisionError"):
        load_module(path)
    write(tmp_path, mine="x = 1")
    assert load_module(path).x == 1


@pytest.mark.parametrize("name", ["json", "numpy"])
def test_a_module_that_another_of_its_name_hides_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, mine=f"import {name}", **{name: ""})
    with pytest.raises(PluginError, match=rf"mine\.py imports {name}, which is /.*{name}.* and not .*: rename the"):
        load_module(path)


def test_two_folders_with_helpers_of_one_name_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "a", mine="import helper_twice", helper_twice="x = 1")
    second = write(tmp_path / "b", mine="import helper_twice", helper_twice="x = 2")
    load_module(first)
    with pytest.raises(PluginError, match=r"b/mine\.py imports helper_twice, which is .*a/helper_twice\.py"):
        load_module(second)


def test_objects_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, mine="class Mine: pass")
    assert load_object(f"{path}:Mine") is load_module(path).Mine
    assert load_object("collections:OrderedDict").__name__ == "OrderedDict"
    assert load_object("collections").__name__ == "collections"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("absent.py", "no such file: /.*absent.py"),
        ("mine.py:Mien", "mine.py has no 'Mien'; did you mean 'Mine'"),
        ("no_such_module_at_all:Name", "module no_such_module_at_all cannot be imported: ModuleNotFoundError"),
        ("module_that_exits:Name", "module module_that_exits cannot be imported: SystemExit"),
        (":Name", "cannot be imported"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, message: str
) -> None:
    write(tmp_path, mine="class Mine: pass", module_that_exits="raise SystemExit(0)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=message) as error:
        load_object(target)
    assert "\n" not in str(error.value)


def test_the_package_imports_the_standard_library_alone() -> None:
    code = "import plugins, sys; assert not {'torch', 'numpy', 'benchmark', 'methods'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

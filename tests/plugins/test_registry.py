"""Classes by name, file and module; `tests/methods/test_registry.py` covers messages and entry points."""

import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from plugins import PluginError, Registry
from tests.plugins.test_sources import write

SHAPE = """
from shapes_for_tests import register
@register("{name}", version=2)
class {cls}:
    pass
"""


@pytest.fixture
def shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[type]]:
    """A registry with one built-in class, `square`, whose `register` users' files import."""
    modules, path = set(sys.modules), list(sys.path)
    folder = tmp_path / "shapes"
    write(folder, square="")
    (folder / "__init__.py").touch()
    (folder / "square.py").write_text(SHAPE.format(name="square", cls="Square"))

    def check(cls: Any, where: str) -> None:
        if not isinstance(cls, type):
            raise PluginError(f"{where} is no class")

    registry: Registry[type] = Registry(
        "shape", folder=folder, package="shapes", group="tests.shapes", check=check, reserved=lambda: ["taken"]
    )
    module = type(sys)("shapes_for_tests")
    module.register = registry.register  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shapes_for_tests", module)
    monkeypatch.syspath_prepend(tmp_path)
    yield registry
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_built_in_class_is_listed_unimported_and_found(shapes: Registry[type]) -> None:
    assert shapes.names() == ["square"]
    assert "shapes.square" not in sys.modules
    assert (shapes.get("square").__name__, shapes.origin("square")) == ("Square", "built in (shapes/square.py)")
    assert shapes.code("square") is None


def test_one_of_two_classes_of_a_file_is_chosen_by_name(shapes: Registry[type], tmp_path: Path) -> None:
    text = SHAPE.format(name="round", cls="Circle") + SHAPE.format(name="flat", cls="Line")
    path = write(tmp_path, mine=text)
    with pytest.raises(PluginError, match=r"must register exactly one shape with @register; it registers round, flat"):
        shapes.get(str(path))
    assert shapes.get(f"{path}:Circle") is shapes.get(f"{path}:round") is shapes.get("round")
    with pytest.raises(PluginError, match="registers no shape 'rond'; did you mean 'round'"):
        shapes.get(f"{path}:rond")
    assert shapes.code(f"{path}:Circle") == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (SHAPE.format(name="round", cls="A") + SHAPE.format(name="round", cls="B"), "B: A is shape 'round' already"),
        (SHAPE.format(name="round", cls="A") * 2, "A: A is shape 'round' already; rename one of them"),
        (SHAPE.format(name="r" * 65, cls="A"), r"shape name 'r+\.\.\.: use up to 64 lower case letters"),
        (SHAPE.format(name="a/b", cls="A"), "shape name 'a/b': use up to 64 lower case letters"),
        (SHAPE.format(name="größe", cls="A"), "shape name 'größe': use up to 64 lower case letters"),
        (SHAPE.format(name="x", cls="A").replace('"x"', "5"), "shape name 5: use up to 64 lower case letters"),
        (SHAPE.format(name="taken", cls="A"), "A: 'taken' is the name of a built-in shape; choose another"),
        (SHAPE.format(name="square", cls="A"), "shape 'square' is registered twice: by built in"),
    ],
)
def test_names_that_cannot_be_registered(shapes: Registry[type], tmp_path: Path, body: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(body, encoding="utf-8")
    with pytest.raises(PluginError, match=message) as caught:
        shapes.get(str(path))
    assert "\n" not in str(caught.value)
    assert shapes.names() == ["square"]


def test_a_class_of_a_module_is_found_where_it_is_offered(shapes: Registry[type], tmp_path: Path) -> None:
    write(
        tmp_path,
        offering__inner="from offering.helper import x" + SHAPE.format(name="round", cls="Circle"),
        offering__helper="x = 1",
    )
    (tmp_path / "offering" / "__init__.py").write_text("from offering.inner import Circle\nclass Other: pass")
    assert shapes.get("offering:Circle").__module__ == "offering.inner"
    with pytest.raises(PluginError, match="offering:Other is no registered shape: put @register above it"):
        shapes.get("offering:Other")
    before = shapes.code("offering:Circle")
    write(tmp_path, offering__helper="x = 2")
    assert before != shapes.code("offering:Circle")


def test_a_class_of_a_file_that_failed_is_unknown(shapes: Registry[type], tmp_path: Path) -> None:
    path = write(tmp_path, mine=SHAPE.format(name="round", cls="Circle") + "1 / 0")
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        shapes.get(str(path))
    assert shapes.names() == ["square"]
    path.write_text(SHAPE.format(name="round", cls="Circle"))
    assert shapes.get(str(path)).__name__ == "Circle"
